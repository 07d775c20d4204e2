package import Governance
package import Jobs

/// Why a saga runs. There is no "force": an operator's request is a trigger like the others and meets the same gates.
package enum RotationTrigger: Sendable, Equatable {
  /// A new identity was approved.
  case issue
  /// Its time has come.
  case due
  /// A person asked for it now.
  case requested(by: PersonID, ticket: String)
  /// The secret is known to others.
  case leak(by: PersonID, ticket: String)
  /// The secret was reported while another rotation was too far to become one for the leak.
  case leakFollowUp
  /// Fewer rights are approved than were.
  case narrowing(by: PersonID?, ticket: String)
  /// A revocation was approved.
  case revocation(by: PersonID?, ticket: String)
  /// The identity's time is over.
  case identityExpired
  /// The secret's time is over and policy says that it ends there.
  case secretExpired

  static let leakWord = "leak"
  static let narrowedWord = "narrowed"

  /// The word in `rotation.trigger`.
  package var word: String {
    switch self {
    case .issue: "issue"
    case .due: "due"
    case .requested: "requested"
    case .leak, .leakFollowUp: Self.leakWord
    case .narrowing: Self.narrowedWord
    case .revocation: "revocation"
    case .identityExpired: "identity_expired"
    case .secretExpired: "secret_expired"
    }
  }

  package var person: PersonID? {
    switch self {
    case .requested(let person, _), .leak(let person, _): person
    case .revocation(let person, _), .narrowing(let person, _): person
    case .issue, .due, .leakFollowUp, .identityExpired, .secretExpired: nil
    }
  }

  package var ticket: String? {
    switch self {
    case .requested(_, let ticket), .leak(_, let ticket), .narrowing(_, let ticket), .revocation(_, let ticket):
      ticket
    case .issue, .due, .leakFollowUp, .identityExpired, .secretExpired: nil
    }
  }

  package var lane: Lane {
    switch self {
    case .leak, .leakFollowUp: .leak
    case .narrowing: .narrowing
    case .identityExpired, .secretExpired: .hardExpiry
    case .requested, .revocation, .issue: .operator
    case .due: .routine
    }
  }
}
