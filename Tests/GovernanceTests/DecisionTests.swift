import Foundation
import Testing

@testable import Governance

@Suite struct DecisionTests {
  private func decide(_ change: (inout DecisionInputs) -> Void) -> Decision { Decision.decide(Facts.inputs(change)) }

  @Test func everyFactOfTheRequestHasItsReason() {
    #expect(
      decide { $0.person(Facts.alice) { $0.state = .terminated } }.reasons == [.requesterInactive, .ownerInactive])
    #expect(decide { $0.request.isWithdrawn = true }.reasons == [.requestWithdrawn])
    #expect(decide { $0.request.newestRevision = 2 }.reasons == [.requestAmended, .approvalMissing, .olderRevision])
    #expect(decide { $0.request.ticket = .mismatched }.reasons == [.ticketDigestMismatch])
    #expect(decide { $0.request.ticket = .closed }.reasons == [.ticketNotOpen])
    #expect(decide { $0.request.ticket = .unreadable }.outcome == .wait)
    #expect(decide { $0.request.delegatedApprover = UUID() }.reasons == [.delegatedApproverInactive])
  }

  @Test func missingFieldsAreNamed() {
    let required = ["owning_system", "delegated_approver", "beneficiary"]
    #expect(
      decide { $0.policy.approvals.requiredFields = ["issue": required] }.reasons
        == [.missingOwningSystem, .missingDelegatedApprover, .missingBeneficiary])
    #expect(decide { $0.policy.approvals.requiredFields = ["revoke": required] }.outcome == .allow)
  }

  @Test func everyFactOfTheIdentityHasItsReason() {
    #expect(decide { $0.person(Facts.carol) { $0.state = .suspended } }.reasons == [.backupOwnerInactive])
    #expect(decide { $0.identity.expiresAt = Facts.at(20) }.reasons == [.identityExpired])
    #expect(decide { $0.policy.attestationMaximumAge = 20 }.reasons == [.attestationTooOld])
    #expect(
      decide {
        $0.policy.maximumRights = [
          PolicyDocument.MaximumRights(target: "*", environment: "test", purpose: "*", rights: ["member:*"])
        ]
      }.reasons == [.rightsExceedPolicy])
    #expect(
      decide {
        $0.policy.maximumRights = [
          PolicyDocument.MaximumRights(target: "d*", environment: "production", purpose: "*", rights: ["member:*"])
        ]
      }.outcome == .allow)
    #expect(decide { $0.identity.toxicPairs = [["a", "b"]] }.reasons == [.toxicRights])
    #expect(
      decide {
        $0.moment = .admission
        $0.policy.lifetimes.retryReserve = 86_400
      }.reasons == [.latestStartPassed])
    #expect(
      decide {
        $0.moment = .admission
        $0.policy.lifetimes.identityMaximum = 3600
      }.reasons == [.identityLivesTooLong])
  }

  @Test func everyFactOfTheVendorHasItsReason() {
    func vendor(_ change: (inout VendorFacts) -> Void) -> [ReasonCode] {
      var vendor = VendorFacts(
        sponsor: Facts.dave, contractFrom: Facts.at(0), contractUntil: Facts.at(1000), reviewValidUntil: Facts.at(1000),
        allowedTargets: [Facts.target], scopes: ["member:readers"])
      change(&vendor)
      return decide { $0.vendor = vendor }.reasons
    }
    #expect(vendor { _ in }.isEmpty)
    #expect(vendor { $0.contractUntil = Facts.at(20) } == [.vendorContractNotCurrent])
    #expect(vendor { $0.contractFrom = Facts.at(21) } == [.vendorContractNotCurrent])
    #expect(vendor { $0.reviewValidUntil = Facts.at(20) } == [.vendorReviewLapsed])
    #expect(vendor { $0.hasIncident = true } == [.vendorIncident])
    #expect(vendor { $0.allowedTargets = [] } == [.vendorTargetNotAllowed])
    #expect(vendor { $0.scopes = ["openid"] } == [.vendorScopeNotAllowed])
    #expect(vendor { $0.sponsor = UUID() } == [.vendorSponsorInactive])
  }

  @Test func staleDataAndOutagesStopGrantingNeverRemoving() {
    for (source, reason) in [
      (PersonFacts.Source.stale, ReasonCode.identitySourceStale), (.quarantined, .identitySourceQuarantined),
    ] {
      let grant = decide { $0.person(Facts.alice) { $0.source = source } }
      #expect(grant.outcome == .wait)
      #expect(grant.reasons == [reason])
      let removal = decide {
        $0.request.actions = [.revoke]
        $0.person(Facts.alice) { $0.source = source }
      }
      #expect(removal.outcome == .allow)
      #expect(removal.reasons == [.degradedIdentity])
    }
    #expect(
      decide {
        $0.request.actions = [.revoke]
        $0.request.ticket = .unreadable
      }.outcome == .allow)
    #expect(decide { $0.evidenceIsWritable = false }.reasons == [.evidenceNotWritable])
    #expect(
      decide {
        $0.evidenceIsWritable = false
        $0.request.actions = [.revoke]
      }.outcome == .allow)
  }

  @Test func removingIsNotHeldUpByWhoLeftOrByTime() {
    let decision = decide {
      $0.request.actions = [.revoke]
      $0.person(Facts.alice) { $0.state = .terminated }
      $0.person(Facts.carol) { $0.state = .terminated }
      $0.identity.expiresAt = Facts.at(0)
      $0.changes = [ChangeFact(trigger: .personLeft, at: Facts.at(15))]
    }
    #expect(decision.outcome == .allow)
  }

  @Test func whatPolicyOpensToReduceNeedsNoApproval() {
    #expect(
      decide {
        $0.request.actions = [.revoke]
        $0.request.requester = nil
        $0.approvals = []
      }.outcome == .allow)
    #expect(
      decide {
        $0.request.requester = nil
        $0.approvals = []
      }.outcome == .block)
  }

  @Test func theSameFactsHaveTheSameBytesAndTheSameAnswer() throws {
    let inputs = Facts.inputs { $0.policy.approvals.maximumAge = 1 }
    let bytes = try inputs.canonicalBytes()
    let again = try DecisionInputs(canonical: bytes)
    #expect(again == inputs)
    #expect(try again.canonicalBytes() == bytes)
    #expect(Decision.decide(again) == Decision.decide(inputs))
  }

  @Test func expiryIsAMomentWhateverClocksOnWallsDo() {
    // The night in which clocks in Berlin go back: 02:30 comes twice; an hour lies between.
    let before = FactTime(Date(timeIntervalSince1970: 1_792_888_200))
    let after = before.adding(seconds: 3600)
    #expect(after.microseconds - before.microseconds == 3_600_000_000)
    #expect(PolicyParser.duration("1d") == 86_400)
    #expect(FactTime(Date.distantFuture) > FactTime(Date()))
    #expect(FactTime.never.adding(seconds: 1) == .never)
  }

  @Test func everyReasonHasAnExplanationOfItsOwn() {
    let explanations = Set(ReasonCode.allCases.map(\.explanation))
    #expect(explanations.count == ReasonCode.allCases.count)
    #expect(ReasonCode.allCases.allSatisfy { $0.explanation.count > 20 })
  }
}
