import Foundation

@testable import Governance

/// A sound world of facts that tests change one thing of.
struct Facts {
  static let alice = UUID(uuidString: "00000000-0000-4000-8000-00000000000a")!
  static let bob = UUID(uuidString: "00000000-0000-4000-8000-00000000000b")!
  static let carol = UUID(uuidString: "00000000-0000-4000-8000-00000000000c")!
  static let dave = UUID(uuidString: "00000000-0000-4000-8000-00000000000d")!
  static let erin = UUID(uuidString: "00000000-0000-4000-8000-00000000000e")!
  static let target = UUID(uuidString: "00000000-0000-4000-8000-0000000000f0")!
  static let digest = String(repeating: "ab", count: 32)

  /// Seconds after an arbitrary begin.
  static func at(_ seconds: Double) -> FactTime {
    FactTime(microseconds: 1_800_000_000_000_000).adding(seconds: seconds)
  }

  /// Alice asks for what carol backs up and owns no more than alice; bob approves at 10; now is 20.
  static func inputs(_ change: (inout DecisionInputs) -> Void = { _ in }) -> DecisionInputs {
    var policy = PolicyDocument(policy: "p")
    policy.lifetimes.retryReserve = 0
    policy.lifetimes.overlap = 0
    policy.lifetimes.settle = 0
    var inputs = DecisionInputs(
      moment: .approval, now: at(20),
      request: RequestFacts(digest: digest, actions: [.issue, .rotate], requester: alice, submittedAt: at(0)),
      identity: IdentityFacts(
        owner: alice, backupOwner: carol, target: target, targetName: "db", environment: "production", purpose: "test",
        rights: ["member:readers"], expiresAt: at(86_400), attestedAt: at(0)),
      policy: policy, people: [alice, bob, carol, dave, erin].map { PersonFacts(id: $0) },
      approvals: [approval()])
    change(&inputs)
    return inputs
  }

  static func approval(
    _ approver: UUID? = bob, at seconds: Double = 10, _ change: (inout ApprovalFacts) -> Void = { _ in }
  ) -> ApprovalFacts {
    var approval = ApprovalFacts(id: UUID(), approver: approver, digest: digest, decidedAt: at(seconds))
    change(&approval)
    return approval
  }

  static func delegation(_ change: (inout DelegationFacts) -> Void = { _ in }) -> DelegationFacts {
    var delegation = DelegationFacts(
      id: UUID(uuidString: "00000000-0000-4000-8000-0000000000de")!, delegator: dave, delegate: bob,
      validFrom: at(-100),
      validUntil: at(1000), registeredAt: at(-100))
    change(&delegation)
    return delegation
  }
}

extension DecisionInputs {
  mutating func person(_ id: UUID, _ change: (inout PersonFacts) -> Void) {
    guard let index = people.firstIndex(where: { $0.id == id }) else { return }
    change(&people[index])
  }

  mutating func approve(_ change: (inout ApprovalFacts) -> Void) { change(&approvals[0]) }
}
