import Crypto
package import Foundation
package import Governance

/// When a credential is due: anchor + k · period + a share of the jitter that depends on the credential alone. Pure.
package struct RotationSchedule: Sendable {
  package let policy: Policy
  package let credential: CredentialID

  package init(policy: Policy, credential: CredentialID) {
    self.policy = policy
    self.credential = credential
  }

  /// 0 ..< 1, the same for ever for one credential.
  var share: Double {
    let digest = withUnsafeBytes(of: credential.rawValue.uuid) { SHA256.hash(data: $0) }
    let number = digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return Double(number >> 11) / Double(UInt64(1) << 53)
  }

  /// The first due time after `now`, not later than the latest start; nil when there is no time left for a rotation: then
  /// the identity's end comes first.
  package func nextDue(anchor: Date, after now: Date, hardExpiry: Date) -> Date? {
    let latest = policy.latestStart(hardExpiry: hardExpiry)
    guard latest > now else { return nil }
    let offset = share * policy.rotationJitter
    let periods = ((now.timeIntervalSince(anchor) - offset) / policy.rotationPeriod).rounded(.down) + 1
    let due = anchor.addingTimeInterval(max(1, periods) * policy.rotationPeriod + offset)
    return min(due, latest)
  }
}
