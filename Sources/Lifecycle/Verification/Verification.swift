import Foundation
import Targets

/// How a live credential differs from what Keyturn believes. A closed list of stable words.
package enum Drift: String, Sendable, CaseIterable {
  /// Rights that nobody approved.
  case rightsExtra = "rights_extra"
  case rightsMissing = "rights_missing"
  /// The current secret is refused: changed, disabled or locked by somebody else.
  case loginRefused = "login_refused"
  /// Any secret is accepted.
  case controlAccepted = "control_accepted"
  /// It logs in as somebody else.
  case identityMismatch = "identity_mismatch"
  /// The target's mark is not ours, or it has seen a fence that we never had.
  case foreignWriter = "foreign_writer"
  /// The target has no such identity, or not the login that must work.
  case vanished
}

extension Drift {
  /// What is there is not what was approved, so that the approval says nothing any more. The others are repaired by a rotation.
  var voidsApproval: Bool { [.rightsExtra, .foreignWriter, .vanished].contains(self) }
}

/// What one look found. Pure.
struct Verification: Sendable, Equatable {
  enum Result: String, Sendable {
    case sound
    case drifted
    case cannotTell = "cannot_tell"
  }

  private(set) var drifts: [Drift] = []
  private(set) var detail: [String: String] = [:]
  private var isIncomplete = false

  /// Drift outweighs what could not be told: one is certain.
  var result: Result { drifts.isEmpty ? (isIncomplete ? .cannotTell : .sound) : .drifted }

  /// For people: what differs, and which rights are too many or too few.
  var words: String {
    (drifts.map(\.rawValue)
      + ["extra", "missing"].compactMap { key in detail[key].map { "\(key): \($0)" } }).joined(separator: ", ")
  }

  mutating func noteControl(_ answer: ProbeResult) {
    switch answer {
    case .accepted: add(.controlAccepted)
    case .refused: break
    case .cannotTell(let cause): note("control", cause)
    }
  }

  mutating func noteLogin(_ answer: ProbeResult, identity: String, login: String) {
    switch answer {
    case .accepted(let found, let sessionUser):
      guard found != identity || sessionUser != login else { return }
      add(.identityMismatch)
      detail["identity"] = found
      detail["session_user"] = sessionUser
    case .refused(let why, let code):
      add(.loginRefused)
      detail["refused"] = "\(why.rawValue) \(code)"
    case .cannotTell(let cause): note("login", cause)
    }
  }

  mutating func noteRights(found: PrivilegeSet, approved: PrivilegeSet) {
    let extra = found.subtracting(approved)
    let missing = approved.subtracting(found)
    if !extra.isEmpty {
      add(.rightsExtra)
      detail["extra"] = extra.line
    }
    if !missing.isEmpty {
      add(.rightsMissing)
      detail["missing"] = missing.line
    }
    detail["approved_digest"] = approved.digest
    detail["found_digest"] = found.digest
  }

  /// - Parameter found: nil: the identity is not there, or this kind of target keeps no mark.
  /// - Parameter fence: the highest that any run of ours has had.
  mutating func noteMark(_ found: TargetMark?, ours: String, fence: Int64, traits: TargetTraits) {
    guard let found else {
      // A target that keeps fences keeps marks.
      if traits.fencesOnTarget { add(.vanished) }
      return
    }
    if found.mark != ours {
      add(.foreignWriter)
      detail["mark"] = String((found.mark ?? "none of ours").prefix(200))
    } else if let seen = found.fence, seen > fence {
      add(.foreignWriter)
      detail["fence_seen"] = "\(seen)"
      detail["fence_ours"] = "\(fence)"
    }
  }

  /// The login is not there at all, so that no secret of it can be right.
  mutating func noteMissing(login: String) {
    add(.vanished)
    detail["missing_login"] = login
  }

  mutating func noteUnreadable(_ what: String) { note(what, "not readable") }

  private mutating func add(_ drift: Drift) { if !drifts.contains(drift) { drifts.append(drift) } }

  private mutating func note(_ what: String, _ cause: String) {
    isIncomplete = true
    detail["\(what)_cause"] = cause
  }
}
