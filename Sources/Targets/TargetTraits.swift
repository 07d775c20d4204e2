/// What a driver declares about its kind of target; the saga's state machine reads it.
package struct TargetTraits: Sendable, Equatable {
  package let secretClass: SecretClass
  /// A lower fencing number is refused by the target itself.
  package let fencesOnTarget: Bool
  /// Failed logins that one saga may cause on one login.
  package let lockoutBudget: Int

  package init(secretClass: SecretClass, fencesOnTarget: Bool, lockoutBudget: Int) {
    self.secretClass = secretClass
    self.fencesOnTarget = fencesOnTarget
    self.lockoutBudget = lockoutBudget
  }
}

/// Who makes the secret, and so how "did it happen?" is answered.
package enum SecretClass: String, Sendable {
  case overwrite
  case selfChange = "self_change"
  case minted
  case keyPair = "key_pair"
}
