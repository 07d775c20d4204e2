/// What a driver declares about its kind of target; the saga's state machine reads it.
package struct TargetTraits: Sendable, Equatable {
  package let secretClass: SecretClass
  /// A lower fencing number is refused by the target itself.
  package let fencesOnTarget: Bool
  /// Secrets that one login can hold.
  package let slots: SecretSlots
  /// Nil: failed logins lock nothing.
  package let lockout: LockoutRule?

  package init(
    secretClass: SecretClass, fencesOnTarget: Bool, slots: SecretSlots = .one, lockout: LockoutRule? = nil
  ) {
    self.secretClass = secretClass
    self.fencesOnTarget = fencesOnTarget
    self.slots = slots
    self.lockout = lockout
  }
}

/// Who makes the secret, and so how "did it happen?" is answered.
package enum SecretClass: String, Sendable, CaseIterable {
  /// We, as admin: writing the same one again is harmless.
  case overwrite
  /// We, but the old one is needed to do it: writing again fails once it has happened.
  case selfChange = "self_change"
  /// The target, which shows it once: what nobody holds is destroyed and another one made.
  case minted
  /// We; only the public half leaves: adding the same one again is harmless.
  case keyPair = "key_pair"
}

package enum SecretSlots: String, Sendable, CaseIterable {
  /// A new one replaces the old one at once.
  case one
  case two
  /// As many as one likes.
  case many

  /// Nil: no limit.
  package var count: Int? {
    switch self {
    case .one: 1
    case .two: 2
    case .many: nil
    }
  }
}

/// When a target locks a login.
package struct LockoutRule: Sendable, Equatable {
  /// Failed logins, at least 1, that lock it.
  package let threshold: Int
  /// Seconds without a failed login after which the target forgets those before.
  package let window: Double

  package init(threshold: Int, window: Double) {
    self.threshold = threshold
    self.window = window
  }
}
