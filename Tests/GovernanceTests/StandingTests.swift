import Foundation
import Testing

@testable import Governance

/// Whom a permit asks for again.
@Suite struct StandingTests {
  private func standing(_ change: (inout DecisionInputs) -> Void = { _ in }) -> Standing {
    let inputs = Facts.inputs(change)
    return Standing(inputs, ApprovalPath(inputs))
  }

  @Test func itIsWhoAskedAndWhoApproved() {
    #expect(standing().people == [Facts.alice, Facts.bob])
    #expect(standing().knownPeople == [Facts.alice, Facts.bob])
  }

  /// Data about who asked may be old when nothing is added: the decision does not look at it either.
  @Test func whoAsksForARotationNeedNotBeKnownFromFreshData() {
    let rotation = standing { $0.request.actions = [.rotate] }
    #expect(rotation.people == [Facts.alice, Facts.bob])
    #expect(rotation.knownPeople == [Facts.bob])
  }

  @Test func delegatorsAndDelegatedApproversAreAmongThem() {
    let delegated = standing {
      $0.delegations = [Facts.delegation()]
      $0.approve {
        $0.actingFor = Facts.dave
        $0.delegation = Facts.delegation().id
      }
      $0.request.delegatedApprover = Facts.erin
    }
    #expect(delegated.people == [Facts.alice, Facts.bob, Facts.dave, Facts.erin])
    #expect(delegated.knownPeople == [Facts.alice, Facts.bob])
  }

  @Test func anApprovalThatDoesNotCountIsNotRestedOn() {
    let two = standing { $0.approvals.append(Facts.approval(Facts.dave) { $0.digest = "00" }) }
    #expect(two.people == [Facts.alice, Facts.bob])
  }

  /// The decision function and the permit agree: whoever is asked for again, and is away, blocks both.
  @Test func theDecisionWouldBlockForEachOfThem() {
    for person in standing().people {
      let inputs = Facts.inputs {
        $0.moment = .permit
        $0.person(person) { $0.state = .suspended }
      }
      let decision = Decision.decide(inputs)
      #expect(decision.outcome == .block)
      #expect(decision.isOnlyAbsence(inputs))
    }
  }

  @Test func whoLeftIsNotOnlyAway() {
    let inputs = Facts.inputs {
      $0.moment = .recheck
      $0.person(Facts.carol) { $0.state = .terminated }
    }
    #expect(!Decision.decide(inputs).isOnlyAbsence(inputs))
    let other = Facts.inputs { $0.identity.expiresAt = Facts.at(1) }
    #expect(!Decision.decide(other).isOnlyAbsence(other))
  }
}
