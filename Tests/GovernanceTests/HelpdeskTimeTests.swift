import Foundation
import Testing

@testable import Governance

/// What a person decided in a helpdesk is judged as of when they decided it there, not of when it was read.
@Suite struct HelpdeskTimeTests {
  private func decide(_ request: Request, at moment: Date?, _ world: GovernanceWorld) async throws -> ApprovalResult {
    try await world.transaction {
      try await world.store.decide(
        request.id,
        ApprovalInput(verdict: .approve, approver: "bob", digest: request.digest, decidedAt: moment), in: $0)
    }
  }

  private func now(_ world: GovernanceWorld) async throws -> Date {
    try #require(try await world.client.queryFirst(ReadClock()))
  }

  private func decidedAt(_ request: Request, _ world: GovernanceWorld) async throws -> FactTime {
    try #require(try await world.client.queryFirst(FindApprovalFacts(request: request.id))).decidedAt
  }

  @Test func whatChangedBetweenDecisionAndReadingNeedsANewDecision() async throws {
    let world = try await GovernanceWorld.make()
    let identity = try await world.addIdentity()
    let request = try await world.submit()
    let decided = try await now(world)
    _ = try await world.transaction {
      try await world.store.change(.leakSignal, of: [identity.id], words: "it was seen in a log", in: $0)
    }
    await #expect(throws: GovernanceError.refused([ReapprovalTrigger.leakSignal.reason])) {
      try await decide(request, at: decided, world)
    }
    #expect(try await decide(request, at: try await now(world), world).authorization != nil)
    await world.close()
  }

  @Test func aRoleThatWasGivenAfterTheDecisionDoesNotCount() async throws {
    let world = try await GovernanceWorld.make(
      policy: "policy: p\napprovals: {stages: [{name: admins, role: dba, quorum: 1}]}\n")
    try await world.addIdentity()
    try await world.transaction { try await world.store.assign(role: "dba", to: "dave", on: nil, in: $0) }
    let request = try await world.submit()
    let decided = try await now(world)
    try await world.transaction { try await world.store.assign(role: "dba", to: "bob", on: nil, in: $0) }
    await #expect(throws: GovernanceError.refused([.roleNotHeldWhenDeciding])) {
      try await decide(request, at: decided, world)
    }
    #expect(try await decide(request, at: try await now(world), world).authorization != nil)
    await world.close()
  }

  /// Helpdesks tell whole seconds: one that lies in the second of the submission is after it.
  @Test func wholeSecondsAreTakenAsTheyAreMeant() async throws {
    let world = try await GovernanceWorld.make()
    try await world.addIdentity()
    let request = try await world.submit()
    let told = Date(timeIntervalSince1970: request.submittedAt.timeIntervalSince1970.rounded(.down))
    await #expect {
      try await decide(request, at: told.addingTimeInterval(-1), world)
    } throws: { error in
      (error as? GovernanceError)?.reasons.contains(.approvalBeforeSubmission) == true
    }
    #expect(try await decide(request, at: told, world).authorization != nil)
    #expect(try await decidedAt(request, world) == FactTime(request.submittedAt))
    await world.close()
  }

  /// A helpdesk whose clock is ahead decides nothing in the future.
  @Test func aClockThatIsAheadCountsAsNow() async throws {
    let world = try await GovernanceWorld.make()
    try await world.addIdentity()
    let request = try await world.submit()
    #expect(try await decide(request, at: Date(timeIntervalSinceNow: 60), world).authorization != nil)
    #expect(try await decidedAt(request, world) <= FactTime(try await now(world)))
    await world.close()
  }
}
