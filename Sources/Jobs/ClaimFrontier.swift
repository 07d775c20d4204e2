import Foundation

/// What one process knows of the line: which groups have work, and from where on it need not look back. Pure.
///
/// Positions only grow, so rows that are finished lie behind those that wait. Skipping them is what keeps a claim's cost the
/// same when dead rows cannot be removed, because a dump or a dashboard holds an old snapshot. Skipping must be exact,
/// since leases are counted from the same place: `horizon` moves only to positions that are proven to be all decided.
/// The proof: a transaction has its number before it draws a position (`jobs.next_position`). Read the sequence, then
/// later take a snapshot and note its upper end; once no transaction below that is in progress, every position up to what
/// was read is committed or will never be. A long writing transaction delays the horizon: claims then look at more rows.
struct ClaimFrontier {
  struct Key: Hashable, Sendable {
    let bucket: Int16
    let id: UUID
  }

  /// What a look at the line found.
  struct Arrivals: Sendable {
    /// Oldest transaction in progress, and the first not yet begun, in the look's snapshot.
    let oldest: Int64
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
    var isListed = false
    var hasLeak = false
    var emptySince: ContinuousClock.Instant?
  }

  /// Every row up to here is visible to new snapshots, or never will be.
  private(set) var horizon: Int64 = 0
  private var groups: [Key: Group] = [:]
  /// Groups that may have work, the next one first.
  private var line: [Key] = []
  private var turn = 0
  private var lastPosition: Int64?
  private var pending: (position: Int64, until: Int64)?

  /// A group found empty is asked again for this long, because a row that was locked just then is no arrival later.
  static let doubt = Duration.milliseconds(600)

  /// True when there is a group to ask at once.
  var hasWork: Bool { line.contains { groups[$0]?.emptySince == nil } }
  var hasLeak: Bool { line.contains { groups[$0]?.hasLeak == true } }

  /// The lowest position at which anything can be live.
  var lowest: Int64 { groups.values.filter(\.isListed).map(\.cursor).min().map { min($0, horizon) } ?? horizon }

  mutating func note(_ arrivals: Arrivals) {
    for (key, hasLeak) in arrivals.groups {
      groups[key, default: Group()].emptySince = nil
      if hasLeak { groups[key]!.hasLeak = true }
      list(key)
    }
    if pending == nil, let lastPosition { pending = (lastPosition, arrivals.next) }
    if let proven = pending, proven.until <= arrivals.oldest {
      horizon = max(horizon, proven.position)
      pending = nil
    }
    lastPosition = arrivals.lastPosition
  }

  private mutating func list(_ key: Key) {
    guard groups[key]?.isListed == false else { return }
    groups[key]!.isListed = true
    line.append(key)
  }

  /// At most `limit` groups, each asked in turn; those with leaks before all others.
  mutating func candidates(limit: Int) -> [Candidate] {
    guard !line.isEmpty else { return [] }
    let leaks = line.filter { groups[$0]!.hasLeak }
    let count = min(limit, line.count)
    var chosen = leaks
    for offset in 0..<line.count where chosen.count < count {
      let key = line[(turn + offset) % line.count]
      if !groups[key]!.hasLeak { chosen.append(key) }
    }
    turn = (turn + count) % max(1, line.count)
    return chosen.prefix(max(count, leaks.count)).map { Candidate(key: $0, cursor: groups[$0]!.cursor) }
  }

  /// - Parameter horizon: as it was before the claim was sent.
  mutating func note(_ report: Report, horizon: Int64, lanes: ClaimLanes, at now: ContinuousClock.Instant) {
    guard var group = groups[report.key] else { return }
    group.cursor = max(group.cursor, min(report.first ?? report.claimTo + 1, horizon + 1))
    let isExhausted = report.taken < report.room
    switch lanes {
    case .leak: if isExhausted { group.hasLeak = false }
    case .ordinary:
      if !isExhausted {
        group.emptySince = nil
      } else if group.emptySince == nil {
        group.emptySince = now
      } else if let since = group.emptySince, now - since > Self.doubt {
        group.isListed = false
      }
    }
    groups[report.key] = group
    if !group.isListed { line.removeAll { $0 == report.key } }
  }
}

/// Which lanes a claim takes from.
enum ClaimLanes: Sendable {
  case leak
  case ordinary
}
