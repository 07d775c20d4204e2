import Foundation
import Testing

@testable import Governance

@Suite struct ApprovalRulesTests {
  private let alice = Person(id: .make(), externalID: "alice", state: .active)
  private let bob = Person(id: .make(), externalID: "bob", state: .active)

  private func request(beneficiary: PersonID? = nil, decision: String = "waiting") -> Request {
    let core = Array("{}".utf8)
    return Request(
      id: .make(), revision: 1, identity: .make(), actions: [.issue], requester: alice.id,
      beneficiary: beneficiary ?? alice.id, ticket: "T-1", core: core, digest: RequestDigest(of: core),
      submittedAt: Date(), decision: decision)
  }

  private func reasons(_ request: Request, _ person: Person, digest: RequestDigest? = nil) -> [ReasonCode] {
    ApprovalRules(request: request, approver: person, digest: digest ?? request.digest).reasons
  }

  @Test func anotherActivePersonMayApproveWhatTheySaw() {
    #expect(reasons(request(), bob).isEmpty)
  }

  @Test func everyRuleHasItsOwnReason() {
    #expect(reasons(request(), alice) == [.approverIsRequester, .approverIsBeneficiary])
    #expect(reasons(request(beneficiary: bob.id), bob) == [.approverIsBeneficiary])
    let left = Person(id: .make(), externalID: "eve", state: .terminated)
    #expect(reasons(request(), left) == [.approverInactive])
    #expect(reasons(request(), bob, digest: RequestDigest(of: [1])) == [.digestMismatch])
    #expect(reasons(request(decision: "denied"), bob) == [.denied])
    #expect(reasons(request(decision: "approved"), bob) == [.alreadyDecided])
  }

  @Test func aDigestIsRecognizedByTwelveDigitsNotByFewer() {
    let digest = RequestDigest(of: Array("x".utf8))
    #expect(digest.matches(digest.description))
    #expect(digest.matches(String(digest.description.prefix(12)).uppercased()))
    #expect(!digest.matches(String(digest.description.prefix(11))))
    #expect(!digest.matches("000000000000"))
  }
}
