package import Foundation
package import Secrets

/// A name on a target that can log in, or that carries our mark.
package struct ObservedLogin: Sendable, Equatable {
  package let name: String
  package let canLogin: Bool
  /// Whose it is, as the target keeps it: the mark that effects are sent with. Nil: not ours, or no longer.
  package let mark: String?
  /// The fence the target keeps with the mark.
  package let fence: Int64?
  /// After this the secret is refused whatever it is. Nil: never.
  package let validUntil: Date?
  /// Open at this moment.
  package let sessions: Int
  /// Attributes and memberships of weight, in the target's own notation.
  package let notes: [String]

  package init(
    name: String, canLogin: Bool, mark: String?, fence: Int64? = nil, validUntil: Date? = nil, sessions: Int = 0,
    notes: [String] = []
  ) {
    self.name = name
    self.canLogin = canLogin
    self.mark = mark
    self.fence = fence
    self.validUntil = validUntil
    self.sessions = sessions
    self.notes = notes
  }
}

extension TargetDriver {
  /// For targets that do not tell their logins.
  package func listLogins(
    named names: [String], deadline: ContinuousClock.Instant
  ) async throws -> [ObservedLogin]? { nil }

  package var admin: (any TargetAdmin)? { nil }
}

/// The engine's own login on a target, of drivers that can change its secret.
package protocol TargetAdmin: Sendable {
  var login: String { get }

  /// What keeps a second admin from standing in for this one, with its remedy; nil when nothing does.
  func examineAsPair(deadline: ContinuousClock.Instant) async throws -> String?

  /// Makes the admin `login` accept exactly `secret`: our own, or another admin's where our rights allow it. Repeating is
  /// harmless.
  func setSecret(
    _ secret: SecretBytes, of login: String, deadline: ContinuousClock.Instant
  ) async throws -> EffectOutcome
}
