import Crypto
import Foundation

/// What a policy says, all of it: one version of the document. Its canonical JSON (keys sorted, no white space) is what is
/// hashed, approved and stored. Times in seconds.
package struct PolicyDocument: Sendable, Equatable, Codable {
  package struct Lifetimes: Sendable, Equatable, Codable {
    package var rotationPeriod = 2_592_000.0
    package var rotationJitter = 3600.0
    package var overlap = 3600.0
    package var settle = 10.0
    package var retryReserve = 86_400.0
    package var onExpiry = "rotate"
    package var secretLength = 32
    /// From now to an identity's expiry; nil: no limit.
    package var identityMaximum: Double?
  }

  /// One step of the approval path.
  package struct Stage: Sendable, Equatable, Codable {
    package var name: String
    /// `any`, a relation (`owner`, `backup_owner`, `target_owner`, `manager`, `sponsor`, `delegated_approver`) or the name of
    /// an assigned role.
    package var role: String
    /// Different humans, 1…10.
    package var quorum: Int

    package init(name: String, role: String, quorum: Int) {
      self.name = name
      self.role = role
      self.quorum = quorum
    }

    package static let relations: Set<String> = [
      "any", "owner", "backup_owner", "target_owner", "manager", "sponsor", "delegated_approver",
    ]
  }

  package struct Approvals: Sendable, Equatable, Codable {
    package var stages = [Stage(name: "approval", role: "any", quorum: 1)]
    /// An approval older than this grants nothing new; nil: no limit.
    package var maximumAge: Double?
    package var strengthStandard = Strength.helpdesk
    package var strengthElevated = Strength.helpdesk
    package var strengthPrivileged = Strength.helpdesk
    /// By action: `owning_system`, `delegated_approver`, `beneficiary`.
    package var requiredFields: [String: [String]] = [:]
  }

  package struct MaximumRights: Sendable, Equatable, Codable {
    /// `*` at the end stands for anything.
    package var target: String
    package var environment: String
    package var purpose: String
    package var rights: [String]
  }

  /// Seconds from the cause to what is asked for.
  package struct ServiceLevels: Sendable, Equatable, Codable {
    package var leaverDisable = 3600.0
    package var leaverRotate = 86_400.0
    package var leakContain = 900.0
    package var vendorEnd = 86_400.0
    package var tokenExpired = 86_400.0
    package var reapproval = 604_800.0
  }

  package var policy: String
  package var lifetimes = Lifetimes()
  package var approvals = Approvals()
  /// Which changes make older approvals void.
  package var triggers = ReapprovalTrigger.allCases
  /// `ticket`: a successor is asked for; `revoke`: what a leaver owned is removed at once.
  package var onOwnerLeft = "ticket"
  /// The same for the end of a vendor's contract; nil: `ticket`. Versions from before it could be said have no such key.
  package var onVendorEnd: String?
  /// The owner's last confirmation may be this old; nil: for ever.
  package var attestationMaximumAge: Double?
  package var serviceLevels = ServiceLevels()
  /// Empty: any right.
  package var maximumRights: [MaximumRights] = []

  package init(policy: String) { self.policy = policy }

  /// As the table keeps a policy without a document.
  package init(_ policy: Policy) {
    self.policy = policy.name
    lifetimes = Lifetimes(
      rotationPeriod: policy.rotationPeriod, rotationJitter: policy.rotationJitter, overlap: policy.overlap,
      settle: policy.settle, retryReserve: policy.retryReserve, onExpiry: policy.onExpiry.rawValue,
      secretLength: policy.secretLength)
  }

  package func canonicalBytes() throws -> [UInt8] { try SortedJSON.bytes(self) }

  package init(canonical bytes: [UInt8]) throws {
    self = try JSONDecoder().decode(PolicyDocument.self, from: Data(bytes))
  }

  /// The row that the planner reads.
  package func policyRow(id: PolicyID) -> Policy {
    Policy(
      id: id, name: policy, rotationPeriod: lifetimes.rotationPeriod, rotationJitter: lifetimes.rotationJitter,
      overlap: lifetimes.overlap, settle: lifetimes.settle, retryReserve: lifetimes.retryReserve,
      onExpiry: Policy.OnExpiry(rawValue: lifetimes.onExpiry) ?? .rotate, secretLength: lifetimes.secretLength)
  }

  package func strength(for tier: PrivilegeTier) -> Strength {
    switch tier {
    case .standard: approvals.strengthStandard
    case .elevated: approvals.strengthElevated
    case .privileged: approvals.strengthPrivileged
    }
  }

  /// The first rights that no rule allows there, sorted; empty when all are allowed.
  package func rightsBeyond(target: String, environment: String, purpose: String, rights: [String]) -> [String] {
    guard !maximumRights.isEmpty else { return [] }
    let allowed = maximumRights.filter {
      Pattern.matches($0.target, target) && Pattern.matches($0.environment, environment)
        && Pattern.matches($0.purpose, purpose)
    }
    .flatMap(\.rights)
    return rights.filter { right in !allowed.contains { Pattern.matches($0, right) } }.sorted()
  }
}

/// How sure it is that the person meant exactly this.
package enum Strength: String, Sendable, Codable, CaseIterable, Comparable {
  /// A click in the helpdesk.
  case helpdesk
  /// A fresh login on the rendered request.
  case freshLogin = "fresh_login"
  /// An SSH signature over the digest.
  case signature

  private var rank: Int {
    switch self {
    case .helpdesk: 0
    case .freshLogin: 1
    case .signature: 2
    }
  }

  package static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }
}

package enum PrivilegeTier: String, Sendable, Codable, CaseIterable, Comparable {
  case standard
  case elevated
  case privileged

  private var rank: Int {
    switch self {
    case .standard: 0
    case .elevated: 1
    case .privileged: 2
    }
  }

  package static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }
}

/// Equal, or equal up to a `*` at the end.
enum Pattern {
  static func matches(_ pattern: String, _ value: String) -> Bool {
    pattern.hasSuffix("*") ? value.hasPrefix(pattern.dropLast()) : pattern == value
  }
}
