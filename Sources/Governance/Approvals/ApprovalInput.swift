package import Foundation

/// One person's decision as it arrives.
package struct ApprovalInput: Sendable {
  package enum Verdict: Sendable {
    case approve
    case deny
  }

  package var verdict: Verdict
  /// External id of the person who decides.
  package var approver: String
  /// Whose authority they use; needs a registered delegation.
  package var actingFor: String?
  /// What they saw.
  package var digest: RequestDigest
  package var strength: Strength
  /// Checked by `SignatureCheck` over the digest; makes the strength `.signature`.
  package var signature: VerifiedSignature?
  package var isHuman: Bool
  /// The helpdesk's record, unique over all approvals.
  package var remoteTransaction: String?
  /// When they decided, by the helpdesk's record, not later than now; nil: now.
  package var decidedAt: Date?

  package init(
    verdict: Verdict, approver: String, actingFor: String? = nil, digest: RequestDigest, strength: Strength = .helpdesk,
    signature: VerifiedSignature? = nil, isHuman: Bool = true, remoteTransaction: String? = nil,
    decidedAt: Date? = nil
  ) {
    self.verdict = verdict
    self.approver = approver
    self.actingFor = actingFor
    self.digest = digest
    self.strength = signature == nil ? strength : .signature
    self.signature = signature
    self.isHuman = isHuman
    self.remoteTransaction = remoteTransaction
    self.decidedAt = decidedAt
  }
}

/// What became of a decision.
package enum ApprovalResult: Sendable {
  case granted(Authorization)
  case denied
  /// Recorded; the stage with that name needs so many more people.
  case waiting(stage: String, missing: Int)

  package var authorization: Authorization? {
    if case .granted(let authorization) = self { return authorization }
    return nil
  }
}
