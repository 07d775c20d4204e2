import DequeModule
import Foundation

/// What one process knows of the line: which groups have work, and from where on it need not look back. Pure.
///
/// Positions only grow, so rows that are finished lie behind those that wait. Skipping them is what keeps a claim's cost the
/// same when dead rows cannot be removed, because a dump or a dashboard holds an old snapshot. Skipping must be exact,
/// since leases are counted from the same place: `horizon` moves only to positions that are proven to be all decided.
/// The proof: a transaction has its number before it draws a position (`jobs.next_position`). Read the sequence, then
/// later the number that the next transaction will get; once no transaction below that is in progress, every position up to
/// what was read is committed or will never be. A long writing transaction delays the horizon: claims then look at more rows.
struct ClaimFrontier {
  struct Key: Hashable, Sendable {
    let bucket: Int16
    let id: UUID
  }

  /// What a look at the line found.
  struct Arrivals: Sendable {
    /// Oldest transaction in progress in the look's snapshot.
    let oldest: Int64
    /// The first number that no transaction had when the look began.
    let next: Int64
    /// The last position drawn, read after the snapshot was taken.
    let lastPosition: Int64
    let groups: [(key: Key, hasLeak: Bool)]
  }

  /// A group to claim from.
  struct Candidate: Sendable {
    let key: Key
    let cursor: Int64
  }

  /// What a claim saw of one group.
  struct Report: Sendable {
    let key: Key
    /// First live row between the cursor and `claimTo`, ready or leased.
    let first: Int64?
    let claimTo: Int64
    /// How many jobs it could have taken, and took.
    let room: Int32
    var taken: Int32
  }

  private struct Group {
    /// No live row of the group is before it.
    var cursor: Int64 = 0
    var place = Place.nowhere
    var hasLeak = false
    /// Leaks were left when it was last asked for them: they are no arrivals any more.
    var hasMoreLeaks = false
    /// When it was first found empty, since it last had work.
    var emptySince: ContinuousClock.Instant?
    /// Times in a row that another process was claiming from it.
    var missed = 0
  }

  private enum Place {
    /// Nothing is known to wait there.
    case nowhere
    /// To be asked now.
    case line
    /// To be asked at the next poll: it is full, closed, or was found empty a moment ago.
    case parked
  }

  /// Every row up to here is visible to new snapshots, or never will be.
  private(set) var horizon: Int64 = 0
  private var groups: [Key: Group] = [:]
  private var line: Deque<Key> = []
  private var leaks: Deque<Key> = []
  private var parked: Set<Key> = []
  private var lastPosition: Int64?
  private var pending: (position: Int64, until: Int64)?

  /// A group found empty is asked again for this long, because a row that was locked just then is no arrival later.
  static let doubt = Duration.milliseconds(600)
  /// A group that others claim from is asked again so often at once, and then at the next poll.
  static let patience = 5

  /// The next transaction's number with its epoch. The server tells the low 32 bits, as a distance from 3; the snapshot's end
  /// is a little below, with the epoch.
  static func next(snapshotEnd: Int64, age: Int32) -> Int64 {
    let low = UInt32(truncatingIfNeeded: Int64(age) + 3)
    return snapshotEnd + Int64(low &- UInt32(truncatingIfNeeded: snapshotEnd))
  }

  /// True when there is a group to ask at once.
  var hasWork: Bool { !line.isEmpty || !leaks.isEmpty }

  mutating func note(_ arrivals: Arrivals) {
    for (key, hasLeak) in arrivals.groups { hint(ClaimHints.Hint(key: key, isLeak: hasLeak)) }
    if pending == nil, let lastPosition { pending = (lastPosition, arrivals.next) }
    if let proven = pending, proven.until <= arrivals.oldest {
      horizon = max(horizon, proven.position)
      pending = nil
    }
    lastPosition = arrivals.lastPosition
  }

  /// Something has arrived in the group.
  mutating func hint(_ hint: ClaimHints.Hint) {
    groups[hint.key, default: Group()].emptySince = nil
    if hint.isLeak && !groups[hint.key]!.hasLeak {
      groups[hint.key]!.hasLeak = true
      leaks.append(hint.key)
    }
    enlist(hint.key)
  }

  /// A poll: everything that may have work is asked.
  mutating func unparkAll() {
    for key in parked.sorted(by: { $0.id.isBefore($1.id) }) { enlist(key) }
  }

  /// A job of the group ended here, so there may be room again.
  mutating func freed(_ key: Key) { if groups[key]?.place == .parked { enlist(key) } }

  private mutating func enlist(_ key: Key) {
    if groups[key]?.hasMoreLeaks == true {
      groups[key]!.hasMoreLeaks = false
      if !groups[key]!.hasLeak {
        groups[key]!.hasLeak = true
        leaks.append(key)
      }
    }
    guard let place = groups[key]?.place, place != .line else { return }
    parked.remove(key)
    groups[key]!.place = .line
    line.append(key)
  }

  /// Takes at most `limit` groups from the line; which lanes to claim from them. What becomes of each is said by `note`, or
  /// by `missed`.
  mutating func next(limit: Int) -> (lanes: ClaimLanes, groups: [Candidate])? {
    let isLeak = !leaks.isEmpty
    var keys: [Key] = []
    while keys.count < limit, let key = isLeak ? leaks.popFirst() : line.popFirst() {
      if isLeak { groups[key]!.hasLeak = false } else { groups[key]!.place = .nowhere }
      keys.append(key)
    }
    guard !keys.isEmpty else { return nil }
    return (isLeak ? .leak : .ordinary, keys.map { Candidate(key: $0, cursor: groups[$0]!.cursor) })
  }

  /// - Parameter horizon: as it was before the claim was sent.
  mutating func note(_ report: Report, horizon: Int64, lanes: ClaimLanes, at now: ContinuousClock.Instant) {
    guard var group = groups[report.key] else { return }
    group.cursor = max(group.cursor, min(report.first ?? report.claimTo + 1, horizon + 1))
    group.missed = 0
    if report.taken > 0 { group.emptySince = nil }
    groups[report.key] = group
    switch lanes {
    case .leak:
      // What the slot has no room for waits for the next poll, or for the end of a job.
      if report.taken == report.room {
        groups[report.key]!.hasMoreLeaks = true
        park(report.key)
      }
    case .ordinary:
      if report.room > 0 && report.taken == report.room { return enlist(report.key) }
      if report.taken < report.room {
        let since = group.emptySince ?? now
        groups[report.key]!.emptySince = since
        guard now - since <= Self.doubt || groups[report.key]!.hasMoreLeaks else { return }
      }
      park(report.key)
    }
  }

  /// The group was locked by another process, or is closed.
  mutating func missed(_ key: Key, lanes: ClaimLanes) {
    guard groups[key] != nil else { return }
    groups[key]!.missed += 1
    guard groups[key]!.missed < Self.patience else {
      groups[key]!.missed = 0
      if lanes == .leak { groups[key]!.hasMoreLeaks = true }
      return park(key)
    }
    if lanes == .leak {
      groups[key]!.hasLeak = true
      leaks.append(key)
    } else {
      enlist(key)
    }
  }

  private mutating func park(_ key: Key) {
    guard groups[key]?.place == .nowhere else { return }
    groups[key]!.place = .parked
    parked.insert(key)
  }
}

/// Which lanes a claim takes from.
enum ClaimLanes: Sendable {
  case leak
  case ordinary
}
