import Foundation

/// Where work has arrived, as notifications carry it: a worker that hears of a group asks it at once, without looking for
/// what is new first. Pure.
struct ClaimHints: Equatable, Sendable {
  struct Hint: Hashable, Sendable {
    let key: ClaimFrontier.Key
    let isLeak: Bool
  }

  /// More than this is not worth listing; the limit of a payload is 8,000 bytes.
  static let most = 32

  /// Nil: anywhere.
  private(set) var hints: Set<Hint>? = []

  static let anywhere = ClaimHints(hints: nil)

  init() {}

  private init(hints: Set<Hint>?) { self.hints = hints }

  init(_ orders: [JobQueue.Order]) {
    for order in orders where hints != nil {
      let key = ClaimFrontier.Key(bucket: Bucket(of: order.group).rawValue, id: order.group.rawValue)
      insert(Hint(key: key, isLeak: order.lane == .leak))
    }
  }

  private mutating func insert(_ hint: Hint) {
    hints?.insert(hint)
    if let count = hints?.count, count > Self.most { hints = nil }
  }

  mutating func formUnion(_ other: ClaimHints) {
    guard let added = other.hints else {
      hints = nil
      return
    }
    for hint in added { insert(hint) }
  }

  /// Ids of groups, with `!` before those with a leak; empty: anywhere.
  var payload: String {
    guard let hints else { return "" }
    return hints.map { ($0.isLeak ? "!" : "") + $0.key.id.uuidString }.sorted().joined(separator: " ")
  }

  /// Anything unreadable means anywhere.
  init(payload: String) {
    let words = payload.split(separator: " ")
    guard !words.isEmpty, words.count <= Self.most else {
      hints = nil
      return
    }
    for word in words {
      guard let id = UUID(uuidString: String(word.hasPrefix("!") ? word.dropFirst() : word)) else {
        hints = nil
        return
      }
      let key = ClaimFrontier.Key(bucket: Bucket(of: LimitGroupID(id)).rawValue, id: id)
      insert(Hint(key: key, isLeak: word.hasPrefix("!")))
    }
  }
}
