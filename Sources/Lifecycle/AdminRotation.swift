import Foundation
import Targets

/// How the engine's own logins on a target get new secrets without a moment in which neither works.
///
/// A target has two admins, and one of them is in use. Only the other one's secret is ever changed:
///
///     idle ─► first: the standby's secret changes ─► they change places ─► second: the other's secret changes ─► idle
///
/// Each secret is sealed and stored before the target sees it, so that whoever finds the row after a crash does the same
/// again. The login whose secret changes does it itself; if it is refused, the one in use does it in its stead, where its
/// rights allow it. Pure.
struct AdminRotation {
  enum Phase: String, Sendable {
    case idle
    case first
    case second
  }

  enum Move: Sendable, Equatable {
    /// See which of the two work.
    case look
    /// Somebody may still need the other login.
    case wait(seconds: Double)
    case seal
    /// The candidate is stored; the target has it or not.
    case apply
  }

  enum Decision: Sendable, Equatable {
    case begin
    /// The one in use does not work any more, the other does.
    case changePlaces
    case retry(code: String)
    case quarantine(reason: String)
  }

  /// What a login showed.
  enum Answer: Sendable, Equatable {
    case accepted
    case refused
    case cannotTell

    init(_ result: ProbeResult, as login: String) {
      switch result {
      case .accepted(_, sessionUser: login): self = .accepted
      case .accepted, .cannotTell: self = .cannotTell
      case .refused: self = .refused
      }
    }
  }

  static func move(in phase: Phase, hasCandidate: Bool, secondsToWait: Double) -> Move {
    switch phase {
    case .idle: .look
    case .second where !hasCandidate && secondsToWait > 0: .wait(seconds: secondsToWait)
    case .first, .second: hasCandidate ? .apply : .seal
    }
  }

  static func decide(active: Answer, standby: Answer) -> Decision {
    switch (active, standby) {
    case (.accepted, _): .begin
    case (.refused, .accepted): .changePlaces
    case (.refused, .refused):
      .quarantine(
        reason:
          "both admins are refused: somebody else changed them; set one's password and tell it with `target standby`")
    case (.cannotTell, _), (.refused, .cannotTell): .retry(code: "target_unreachable")
    }
  }
}
