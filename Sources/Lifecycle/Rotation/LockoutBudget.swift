import Foundation
import Targets

/// Failed logins that we caused on one login, as they are stored.
struct LoginTries: Sendable, Equatable {
  var failures = 0
  var lastFailureAt = Date.distantPast
  /// What was asked and refused, with the time: a saga that had to wait for the window does not ask it again.
  var refusals: [String: Date] = [:]
}

/// How often a saga may fail to log in, so that it never locks a login: one failure less than the target's threshold within
/// its window, whoever caused them. Pure.
struct LockoutBudget: Sendable, Equatable {
  let rule: LockoutRule

  enum Verdict: Sendable, Equatable {
    /// The tries with this one counted, to be stored before it is made.
    case allowed(LoginTries)
    case wait(seconds: Double)
    /// One failure would lock it: nothing can be proven here.
    case never
  }

  /// Seconds. A target forgets failures when the window has passed since the last one; so do we, later by the time between
  /// counting a try and its failure on the target. However long the lease is: a login begins within `patience` of being counted
  /// or not at all, and a server ends one that does not get on (PostgreSQL's `authentication_timeout`: 60 seconds).
  static let margin = 90.0

  /// Seconds.
  static let patience = 10.0

  /// Of a login that was counted at `counted`, whatever the worker did between: stood still, or waited for the database.
  static func deadline(
    countedAt counted: ContinuousClock.Instant, probe: ContinuousClock.Instant
  ) -> ContinuousClock.Instant {
    min(probe, counted + .seconds(patience))
  }

  func ask(_ tries: LoginTries, at now: Date) -> Verdict {
    guard rule.threshold > 1 else { return .never }
    var tries = tries
    let quiet = now.timeIntervalSince(tries.lastFailureAt)
    if quiet >= rule.window + Self.margin { tries.failures = 0 }
    guard tries.failures < rule.threshold - 1 else {
      return .wait(seconds: rule.window + Self.margin - quiet)
    }
    tries.failures += 1
    tries.lastFailureAt = now
    return .allowed(tries)
  }

  /// Seconds until `count` failures more are allowed, or as many as ever are; 0: now.
  func wait(for count: Int, _ tries: LoginTries, at now: Date) -> Double {
    let quiet = now.timeIntervalSince(tries.lastFailureAt)
    guard tries.failures > 0, quiet < rule.window + Self.margin else { return 0 }
    let allowed = rule.threshold - 1
    return tries.failures + min(count, allowed) <= allowed ? 0 : rule.window + Self.margin - quiet
  }

  /// The try succeeded, so it was no failure.
  func giveBack(_ tries: LoginTries) -> LoginTries {
    var tries = tries
    tries.failures = max(0, tries.failures - 1)
    return tries
  }
}

/// Thrown by a probe that may not be made now.
enum LoginTriesUsedUp: Error {
  case wait(seconds: Double)
  case never
}
