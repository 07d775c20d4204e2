import Foundation
import Governance
import Targets
import Testing

@testable import Lifecycle

@Suite struct ContainmentPlanTests {
  private func credential(_ state: CredentialRecord.State) -> CredentialRecord {
    CredentialRecord(
      id: .make(), identity: .make(), target: .make(), state: state, authorization: .make(), fence: 3, dueAnchor: nil,
      nextDueAt: nil, hardExpiresAt: .distantFuture)
  }

  private func entry(_ followUp: ContainmentFollowUp) -> ContainmentEntry {
    ContainmentEntry(
      id: UUID(), target: .make(), adminVersion: 1, containment: .make(), followUp: followUp, requestedBy: .make(),
      ticket: "T", isTried: true, isEnded: false)
  }

  private func plan(
    _ followUp: ContainmentFollowUp, _ credential: CredentialRecord, isUnderWay: Bool = false,
    reasons: [ReasonCode]? = []
  ) -> FollowUpPlan {
    FollowUpPlan(
      entry(followUp), [(credential, isUnderWay)], authorizations: [credential.id: .make()],
      reasons: reasons.map { [credential.authorization: $0] } ?? [:])
  }

  @Test func anActiveCredentialIsRotatedAsLeaked() {
    let plan = plan(.rotate, credential(.active))
    #expect(plan.orders.map(\.action) == [.rotate])
    #expect(plan.orders.map(\.trigger.word) == ["leak"])
    #expect(plan.followUps.map(\.word) == ["opened"])
  }

  @Test func whatIsUnderWayComesToItsEndFirst() {
    let plan = plan(.rotate, credential(.active), isUnderWay: true)
    #expect(plan.orders.isEmpty && plan.followUps.isEmpty)
    #expect(plan.underWay.count == 1)
  }

  @Test func withoutAStandingAuthorizationItStaysBlocked() {
    let refused = plan(.rotate, credential(.active), reasons: [.authorizationVoided, .ownerInactive])
    #expect(refused.orders.isEmpty)
    #expect(refused.followUps.map(\.word) == ["not_allowed"])
    #expect(refused.followUps.map(\.detail) == ["authorization_voided, owner_inactive"])
    #expect(plan(.rotate, credential(.active), reasons: nil).followUps.map(\.detail) == ["authorization_unknown"])
  }

  @Test func aRevocationNeedsNoStandingAuthorizationAndWaitsForNothing() {
    for state in [CredentialRecord.State.pending, .active, .revoking] {
      let plan = plan(.revoke, credential(state), isUnderWay: true, reasons: [.ownerInactive])
      #expect(plan.orders.map(\.action) == [.revoke])
      #expect(plan.followUps.map(\.word) == ["opened"])
    }
  }

  @Test func whatIsOverNeedsNothing() {
    #expect(plan(.rotate, credential(.revoked)).followUps.map(\.word) == ["none"])
    #expect(plan(.rotate, credential(.revoking)).followUps.map(\.word) == ["none"])
    #expect(plan(.rotate, credential(.pending)).followUps.map(\.word) == ["none"])
    #expect(plan(.revoke, credential(.revoked)).orders.isEmpty)
  }

  @Test func outcomesAreRepeatedUnlessTheyAreCertain() {
    #expect(ContainmentVerdict(.done).state == "contained")
    #expect(ContainmentVerdict(.refused(.nameConflict, code: "42710")).state == "refused")
    let fenced = ContainmentVerdict(.refused(.fenced, code: "55000"))
    #expect(fenced.state == "intended" && fenced.isFenced && fenced.unknownCause == nil)
    let unknown = ContainmentVerdict(.unknown(cause: "timed out"))
    #expect(unknown.state == "intended" && unknown.unknownCause == "timed out")
  }

  @Test func thePreviewCountsWhoWillStop() {
    func selected(_ target: String, _ state: CredentialRecord.State, _ consumers: [String], paused: Bool = false)
      -> SelectedContainment
    {
      SelectedContainment(
        id: .make(), target: target, environment: "prod", state: state, isUnderWay: false, isPaused: paused,
        consumers: consumers)
    }
    let preview = ContainmentPreview([
      selected("b", .active, ["web"]), selected("a", .active, ["worker", "cron"], paused: true),
      selected("a", .revoked, ["x"]),
    ])
    #expect(preview.containing == 2 && preview.over == 1 && preview.consumers == 3)
    #expect(preview.places.map(\.target) == ["a", "b"])
    #expect(preview.places[0].consumers == ["cron", "worker"])
    #expect(preview.places[0].isPaused && !preview.places[1].isPaused)
    #expect(preview.environments == ["prod"])
  }
}
