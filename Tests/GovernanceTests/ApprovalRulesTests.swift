import Foundation
import Testing

@testable import Governance

@Suite struct ApprovalRulesTests {
  /// Why the one approval does not count.
  private func reasons(_ change: (inout DecisionInputs) -> Void) -> [ReasonCode] {
    let inputs = Facts.inputs(change)
    return ApprovalPath(inputs).refused[inputs.approvals[0].id] ?? []
  }

  @Test func anotherActivePersonMayApproveWhatTheySaw() {
    #expect(reasons { _ in }.isEmpty)
    #expect(Decision.decide(Facts.inputs()).outcome == .allow)
  }

  @Test func itIsForThisDigestAndTheNewestRevision() {
    #expect(reasons { $0.approve { $0.digest = String(repeating: "00", count: 32) } } == [.digestMismatch])
    #expect(
      reasons {
        $0.request.revision = 2
        $0.request.newestRevision = 2
      } == [.olderRevision])
  }

  @Test func theActorIsOneKnownActivePerson() {
    #expect(reasons { $0.approve { $0.approver = nil } } == [.approverUnknown])
    #expect(reasons { $0.approve { $0.approver = UUID() } } == [.approverUnknown])
    #expect(reasons { $0.person(Facts.bob) { $0.state = .terminated } } == [.approverInactive])
    #expect(reasons { $0.person(Facts.bob) { $0.state = .suspended } } == [.approverInactive])
    #expect(reasons { $0.person(Facts.bob) { $0.stateSince = Facts.at(11) } } == [.approverWasInactive])
  }

  @Test func nobodyApprovesWhatTheyAskGainFromOrCarryOut() {
    #expect(reasons { $0.approve { $0.approver = Facts.alice } } == [.approverIsRequester])
    #expect(reasons { $0.request.beneficiary = Facts.bob } == [.approverIsBeneficiary])
    #expect(reasons { $0.request.operatorID = Facts.bob } == [.approverIsOperator])
  }

  @Test func norThroughADelegate() {
    func delegated(_ change: (inout DecisionInputs) -> Void) -> [ReasonCode] {
      reasons { inputs in
        let delegation = Facts.delegation()
        inputs.delegations = [delegation]
        inputs.approve {
          $0.actingFor = Facts.dave
          $0.delegation = delegation.id
        }
        change(&inputs)
      }
    }
    #expect(delegated { _ in }.isEmpty)
    #expect(delegated { $0.request.requester = Facts.dave } == [.delegatorIsRequester])
    #expect(delegated { $0.request.beneficiary = Facts.dave } == [.delegatorIsBeneficiary])
    #expect(delegated { $0.request.operatorID = Facts.dave } == [.delegatorIsOperator])
    #expect(delegated { $0.person(Facts.dave) { $0.state = .terminated } } == [.delegatorInactive])
    #expect(delegated { $0.delegations = [] } == [.delegationUnknown])
    #expect(delegated { $0.delegations[0].delegate = Facts.erin } == [.delegationUnknown])
    #expect(delegated { $0.delegations[0].registeredAt = Facts.at(11) } == [.delegationBackDated])
    #expect(delegated { $0.delegations[0].validFrom = Facts.at(11) } == [.delegationNotValidWhenDeciding])
    #expect(delegated { $0.delegations[0].validUntil = Facts.at(15) } == [.delegationEnded])
    #expect(
      delegated { $0.delegations[0].validUntil = Facts.at(10) } == [.delegationNotValidWhenDeciding, .delegationEnded])
    #expect(delegated { $0.delegations[0].role = "security" } == [.delegationOutOfScope])
    #expect(delegated { $0.delegations[0].target = UUID() } == [.delegationOutOfScope])
    #expect(delegated { $0.delegations[0].target = Facts.target }.isEmpty)
    #expect(delegated { $0.delegations[0].isChained = true } == [.delegationChained])
  }

  @Test func theRoleIsHeldWhenDecidingAndNow() {
    func staged(_ role: String, _ change: (inout DecisionInputs) -> Void) -> [ReasonCode] {
      reasons { inputs in
        inputs.policy.approvals.stages = [PolicyDocument.Stage(name: "s", role: role, quorum: 1)]
        change(&inputs)
      }
    }
    func held(_ from: Double, _ until: Double?, target: UUID? = nil) -> PersonFacts.Role {
      PersonFacts.Role(name: "security", target: target, from: Facts.at(from), until: until.map(Facts.at))
    }
    #expect(staged("security") { _ in } == [.roleNotHeldNow, .roleNotHeldWhenDeciding])
    #expect(staged("security") { $0.person(Facts.bob) { $0.roles = [held(0, nil)] } }.isEmpty)
    #expect(staged("security") { $0.person(Facts.bob) { $0.roles = [held(11, nil)] } } == [.roleNotHeldWhenDeciding])
    #expect(staged("security") { $0.person(Facts.bob) { $0.roles = [held(0, 15)] } } == [.roleNotHeldNow])
    #expect(
      staged("security") { $0.person(Facts.bob) { $0.roles = [held(0, nil, target: UUID())] } }
        == [.roleNotHeldNow, .roleNotHeldWhenDeciding])
    #expect(staged("security") { $0.person(Facts.bob) { $0.roles = [held(0, nil, target: Facts.target)] } }.isEmpty)
    #expect(staged("backup_owner") { $0.identity.backupOwner = Facts.bob } == [.roleNotHeldWhenDeciding])
    #expect(staged("backup_owner") { $0.approve { $0.relations = ["backup_owner"] } } == [.roleNotHeldNow])
    #expect(
      staged("manager") {
        $0.person(Facts.alice) { $0.manager = Facts.bob }
        $0.approve { $0.relations = ["manager"] }
      }.isEmpty)
    #expect(reasons { $0.approve { $0.stage = 3 } } == [.stageUnknown])
  }

  @Test func itIsStrongRecentHumanAndUsedOnce() {
    #expect(reasons { $0.policy.approvals.strengthStandard = .signature } == [.strengthTooWeak])
    #expect(
      reasons {
        $0.policy.approvals.strengthPrivileged = .freshLogin
        $0.identity.tier = .privileged
      } == [.strengthTooWeak])
    #expect(reasons { $0.policy.approvals.strengthPrivileged = .freshLogin }.isEmpty)
    #expect(reasons { $0.policy.approvals.maximumAge = 10 } == [.approvalTooOld])
    #expect(reasons { $0.policy.approvals.maximumAge = 10.1 }.isEmpty)
    #expect(reasons { $0.approve { $0.decidedAt = Facts.at(21) } } == [.approvalInFuture])
    #expect(reasons { $0.request.submittedAt = Facts.at(11) } == [.approvalBeforeSubmission])
    #expect(reasons { $0.approve { $0.isHuman = false } } == [.notAHumanDecision])
    #expect(reasons { $0.approve { $0.isWithdrawn = true } } == [.approvalWithdrawn])
    #expect(reasons { $0.approve { $0.isReused = true } } == [.approvalReused])
  }

  @Test(arguments: ReapprovalTrigger.allCases)
  func whatChangedAfterItMakesItVoid(trigger: ReapprovalTrigger) {
    #expect(reasons { $0.changes = [ChangeFact(trigger: trigger, at: Facts.at(11))] } == [trigger.reason])
    #expect(reasons { $0.changes = [ChangeFact(trigger: trigger, at: Facts.at(9))] }.isEmpty)
    #expect(
      reasons {
        $0.changes = [ChangeFact(trigger: trigger, at: Facts.at(11))]
        $0.policy.triggers = []
      }.isEmpty)
  }

  @Test func aDigestIsRecognizedByTwelveDigitsNotByFewer() {
    let digest = RequestDigest(of: Array("x".utf8))
    #expect(digest.matches(digest.description))
    #expect(digest.matches(String(digest.description.prefix(12)).uppercased()))
    #expect(!digest.matches(String(digest.description.prefix(11))))
    #expect(!digest.matches("000000000000"))
  }
}

@Suite struct ApprovalPathTests {
  private let stages = [
    PolicyDocument.Stage(name: "first", role: "any", quorum: 2),
    PolicyDocument.Stage(name: "second", role: "any", quorum: 1),
  ]

  private func path(_ approvals: [ApprovalFacts]) -> (ApprovalPath, Decision) {
    let inputs = Facts.inputs {
      $0.policy.approvals.stages = stages
      $0.approvals = approvals
    }
    return (ApprovalPath(inputs), Decision.decide(inputs))
  }

  @Test func stagesNeedTheirQuorumInOrder() {
    let (path, decision) = path([
      Facts.approval(Facts.bob, at: 5), Facts.approval(Facts.dave, at: 6),
      Facts.approval(Facts.erin, at: 7) { $0.stage = 1 },
    ])
    #expect(path.isComplete)
    #expect(decision.outcome == .allow)
  }

  @Test func aLaterStageDecidedTooEarlyDoesNotCount() {
    let early = Facts.approval(Facts.erin, at: 5) { $0.stage = 1 }
    let (path, decision) = path([Facts.approval(Facts.bob, at: 4), Facts.approval(Facts.dave, at: 6), early])
    #expect(path.refused[early.id] == [.stageOutOfOrder])
    #expect(decision.outcome == .block)
    #expect(decision.reasons.contains(.approvalMissing) && decision.reasons.contains(.stageOutOfOrder))
  }

  @Test func oneHumanCountsOnceWhateverTheySignFor() {
    let delegation = Facts.delegation()
    let second = Facts.approval(Facts.bob, at: 6) {
      $0.actingFor = Facts.dave
      $0.delegation = delegation.id
    }
    let inputs = Facts.inputs {
      $0.policy.approvals.stages = stages
      $0.delegations = [delegation]
      $0.approvals = [Facts.approval(Facts.bob, at: 5), second]
    }
    #expect(ApprovalPath(inputs).refused[second.id] == [.personCountedAlready])
  }

  @Test func aDenialWins() {
    let decision = path([
      Facts.approval(Facts.bob, at: 5), Facts.approval(Facts.dave, at: 6),
      Facts.approval(Facts.erin, at: 7) { $0.stage = 1 },
      Facts.approval(Facts.carol, at: 8) { $0.verdict = .deny },
    ]).1
    #expect(decision.outcome == .block)
    #expect(decision.reasons == [.denied])
  }

  @Test func nobodyLeftWhoMayApproveIsSaid() {
    let inputs = Facts.inputs {
      $0.policy.approvals.stages = [PolicyDocument.Stage(name: "s", role: "security", quorum: 1)]
      $0.approvals = []
    }
    #expect(Decision.decide(inputs).reasons == [.approvalMissing, .noEligibleApprover])
    let some = Facts.inputs {
      $0.policy.approvals.stages = [PolicyDocument.Stage(name: "s", role: "security", quorum: 1)]
      $0.approvals = []
      $0.person(Facts.erin) { $0.roles = [PersonFacts.Role(name: "security", from: Facts.at(0))] }
    }
    #expect(Decision.decide(some).reasons == [.approvalMissing])
  }
}
