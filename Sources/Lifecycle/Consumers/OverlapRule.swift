import Foundation

/// When old and new secret need not both work any more. Pure.
///
/// It ends when every registered reader has acknowledged the new version, or has read it while nobody has a session with the
/// old one; at the latest at the policy's maximum, with an alarm when a reader has not moved: the policy says whether to retire
/// the old secret all the same, or to wait on until the identity's end comes near.
struct OverlapRule: Sendable, Equatable {
  enum OnUnacknowledged: String, Sendable {
    case retire
    case extend
  }

  enum Ending: Sendable, Equatable {
    case leaked
    case acknowledged
    case unused
    case time
  }

  enum Verdict: Sendable, Equatable {
    case over(Ending, alarm: Bool)
    case open(seconds: Double, alarm: Bool)
  }

  var now: Date
  /// The policy's maximum.
  var until: Date
  /// No later than then, whatever the policy says: what must still happen before the identity's end would not fit.
  var latest: Date
  /// Both secrets can work: the old one has a login of its own.
  var isOpen: Bool
  var isLeaked: Bool
  var consumers: Int
  /// Of them, those who have the new version in use.
  var acknowledged: Int
  /// Of them, those who have it in use or have at least read it.
  var moved: Int
  /// Nil: not known.
  var oldSessions: Int?
  var onUnacknowledged: OnUnacknowledged

  /// How often a reader's silence is looked into; an acknowledgement wakes the rotation at once.
  static let interval = 15.0
  static let alarmedInterval = 60.0

  var verdict: Verdict {
    if isLeaked { return .over(.leaked, alarm: false) }
    if !isOpen { return .over(.time, alarm: false) }
    if consumers > 0 && acknowledged >= consumers { return .over(.acknowledged, alarm: false) }
    if consumers > 0 && moved >= consumers && oldSessions == 0 { return .over(.unused, alarm: false) }
    let left = until.timeIntervalSince(now)
    if left > 0 { return .open(seconds: consumers > 0 ? min(left, Self.interval) : left, alarm: false) }
    if consumers == 0 { return .over(.time, alarm: false) }
    if onUnacknowledged == .extend && now < latest {
      return .open(seconds: min(Self.alarmedInterval, latest.timeIntervalSince(now)), alarm: true)
    }
    return .over(.time, alarm: true)
  }
}
