import Foundation
import Governance
import Lifecycle
import TestSupport
import Testing

@testable import Jobs

/// Retry, lane and cancel, at the command line.
@Suite struct JobControlTests {
  private let sagas = "SELECT string_agg(state, ' ' ORDER BY created_at) FROM lifecycle.rotation"

  @Test func retryIsRecorded() async throws {
    let world = try await TestWorld.make()
    try await world.issue("svc_retry")
    try await world.change("UPDATE jobs.job SET hold = 'quarantined', hold_reason = 'r'")
    #expect(try await world.operate("jobs", "retry", "svc_retry").code == 0)
    #expect(try await world.text("SELECT COALESCE(hold, 'ready') FROM jobs.job") == "ready")
    #expect(try await world.text("SELECT identity || jobs FROM keyturn.v_operator_action") == "svc_retry1")
    try await world.change("TRUNCATE jobs.job")
    let nothing = try await world.operate("jobs", "retry", "svc_retry")
    #expect(nothing.code == 1)
    #expect(nothing.errors.contains("no job of svc_retry waits"))
    #expect(try await world.keyturn("jobs", "retry", "svc_retry").code == 64)
    #expect(try await world.actions() == "retry")
    try await world.close()
  }

  @Test func aWaitingJobChangesItsLane() async throws {
    let world = try await TestWorld.make()
    try await world.issue("svc_lane")
    let moved = try await world.operate("jobs", "lane", "svc_lane", "leak")
    #expect(moved.code == 0, "\(moved.errors)")
    #expect(try await world.text("SELECT lane::text FROM jobs.job") == "0")
    #expect(try await world.keyturn("jobs", "--json").rows()[0]["lane"] as? String == "leak")
    #expect(try await world.operate("jobs", "lane", "svc_lane", "leak").output.contains("it is there already"))
    #expect(try await world.text("SELECT string_agg(detail, ' ') FROM jobs.operator_action") == "leak")
    let unknown = try await world.operate("jobs", "lane", "svc_lane", "fast")
    #expect(unknown.code == 64)
    #expect(unknown.errors.contains("hard-expiry"))
    try await lease(world)
    let leased = try await world.operate("jobs", "lane", "svc_lane", "routine")
    #expect(leased.code == 1)
    #expect(leased.errors.contains("a worker has the job"))
    try await world.change("TRUNCATE jobs.job")
    #expect(try await world.operate("jobs", "lane", "svc_lane", "routine").errors.contains("no live job"))
    try await world.close()
  }

  // MARK: Cancel

  /// As a worker that has just claimed the only job.
  @discardableResult
  private func lease(_ world: TestWorld) async throws -> Lease {
    let owner = UUID()
    try await world.change(
      "UPDATE jobs.job SET lease_owner = '\(owner)', lease_expires_at = now() + interval '1 hour', fence = fence + 1")
    let fence = try await world.text("SELECT fence::text FROM jobs.job")
    let subject = try await world.text("SELECT subject::text FROM jobs.job")
    let bucket = try await world.text("SELECT bucket::text FROM jobs.job")
    return Lease(
      subject: SubjectID(try #require(UUID(uuidString: subject))),
      bucket: Bucket(rawValue: try #require(Int16(bucket))),
      fence: try #require(Int64(fence)), owner: owner)
  }

  @Test func aPlannedRotationIsGivenUpAndTheNextOneRuns() async throws {
    let world = try await TestWorld.make()
    try await world.issue("svc_early")
    try await world.withWorker { try await world.settled() }
    try await world.rotate("svc_early")
    let cancelled = try await world.operate("jobs", "cancel", "svc_early", "--json")
    #expect(cancelled.code == 0, "\(cancelled.errors)")
    #expect(try cancelled.object()["was"] as? String == "planned")
    #expect(try await world.text(sagas) == "done cancelled")
    #expect(try await world.text("SELECT state_reason FROM lifecycle.rotation WHERE state = 'cancelled'") == "a test")
    #expect(
      try await world.text("SELECT from_state FROM lifecycle.rotation_step WHERE to_state = 'cancelled'") == "planned")
    #expect(
      try await world.text("SELECT reason FROM jobs.job_archive WHERE outcome = 'cancelled'") == "a test")
    #expect(try await world.database.count("SELECT count(*)::text FROM jobs.job") == 0)
    #expect(
      try await world.text("SELECT detail || ' ' || jobs FROM jobs.operator_action WHERE action = 'cancel'")
        == "rotate in state planned 1")
    let nothing = try await world.operate("jobs", "cancel", "svc_early")
    #expect(nothing.code == 1)
    #expect(nothing.errors.contains("nothing of this identity waits or runs"))
    try await world.rotate("svc_early")
    try await world.withWorker { try await world.settled() }
    #expect(try await world.secret("svc_early").version == 2)
    try await world.close()
  }

  @Test func aStoredCandidateIsDestroyed() async throws {
    let world = try await TestWorld.make()
    try await world.issue("svc_candidate")
    let client = world.composition.client
    try await world.withWorker { try await world.settled() }
    try await world.rotate("svc_candidate")
    // Without an active approver the permit is refused once the candidate is stored; the rotation waits for them.
    try await world.composition.governance.setState(.suspended, of: "bob", in: client)
    try await world.withWorker {
      try await world.eventually("SELECT count(*)::text FROM jobs.job WHERE hold = 'waiting'", is: 1)
    }
    #expect(try await world.text(sagas) == "done prepared")
    let cancelled = try await world.operate("jobs", "cancel", "svc_candidate")
    #expect(cancelled.code == 0, "\(cancelled.errors)")
    #expect(cancelled.output.contains("destroyed"))
    #expect(
      try await world.database.count(
        "SELECT count(*)::text FROM lifecycle.version WHERE state = 'orphan' AND envelope IS NULL AND ended_at IS NOT NULL"
      )
        == 1)
    try await world.composition.governance.setState(.active, of: "bob", in: client)
    try await world.rotate("svc_candidate")
    try await world.withWorker { try await world.settled() }
    let secret = try await world.secret("svc_candidate")
    #expect(secret.version == 3)
    #expect(try await world.target.logIn(secret.login, secret.secret))
    try await world.close()
  }

  @Test func aWorkerThatHasItCanWriteNothingMore() async throws {
    let world = try await TestWorld.make()
    try await world.issue("svc_held")
    let lease = try await lease(world)
    #expect(try await world.operate("jobs", "cancel", "svc_held").code == 0)
    let writer = StepWriter(client: world.composition.client, logger: TestDatabase.logger)
    await #expect(throws: JobsError(code: .leaseLost, message: "")) { try await writer.commit(Step(lease)) }
    // The same worker claims the next job of the credential: its number must be a new one.
    try await world.approve(world.submit([.issue, .rotate], "svc_held"))
    try await world.change(
      "UPDATE jobs.job SET lease_owner = '\(lease.owner)', lease_expires_at = now() + interval '1 hour', fence = fence + 1"
    )
    await #expect(throws: JobsError(code: .leaseLost, message: "")) { try await writer.commit(Step(lease)) }
    try await world.change(
      "UPDATE jobs.job SET lease_owner = NULL, lease_expires_at = NULL, position = jobs.next_position()")
    try await world.withWorker { try await world.settled() }
    #expect(try await world.text(sagas) == "cancelled done")
    try await world.close()
  }

  @Test func aDueRotationIsLeftOutAndNotPlannedAgain() async throws {
    let world = try await TestWorld.make()
    try await world.issue("svc_due")
    try await world.withWorker { try await world.settled() }
    try await world.rotate("svc_due")
    try await world.change("UPDATE lifecycle.credential SET next_due_at = now() - interval '1 second'")
    #expect(try await world.operate("jobs", "cancel", "svc_due").code == 0)
    #expect(
      try await world.database.count(
        "SELECT count(*)::text FROM lifecycle.credential WHERE next_due_at BETWEEN now() AND now() + interval '1 hour'")
        == 1)
    try await world.close()
  }

  @Test func fromTheFirstEffectOnItIsRefused() async throws {
    let world = try await TestWorld.make(overlap: 3000)
    try await world.issue("svc_begun")
    try await world.withWorker {
      try await world.settled()
      try await world.rotate("svc_begun")
      try await world.eventually("SELECT count(*)::text FROM lifecycle.rotation WHERE state = 'overlap'", is: 1)
    }
    let refused = try await world.operate("jobs", "cancel", "svc_begun")
    #expect(refused.code == 3)
    #expect(refused.errors.contains("the rotate is overlap and has begun to change the target"))
    #expect(try await world.text(sagas) == "done overlap")
    #expect(try await world.actions() == "")
    try await world.close()
  }

  @Test func aRevocationIsNeverGivenUp() async throws {
    let world = try await TestWorld.make()
    try await world.issue("svc_end")
    try await world.withWorker { try await world.settled() }
    try await world.rotate("svc_end")
    try await world.approve(world.submit([.revoke], "svc_end"))
    let refused = try await world.operate("jobs", "cancel", "svc_end")
    #expect(refused.code == 3)
    #expect(refused.errors.contains("a revocation is never given up"))
    #expect(try await world.text(sagas) == "done planned planned")
    try await world.withWorker { try await world.settled() }
    #expect(try await world.target.roles().isEmpty)
    try await world.close()
  }

  /// While a worker runs, whichever comes first wins, and never half of each.
  @Test func cancellingAgainstAWorkerLeavesNothingInBetween() async throws {
    let world = try await TestWorld.make()
    let names = (0..<8).map { "svc_race\($0)" }
    for name in names { try await world.issue(name) }
    try await world.withWorker {
      try await world.settled()
      for name in names { try await world.rotate(name) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for name in names {
          group.addTask {
            let identity = try await world.composition.governance.identity(name, on: nil, in: world.composition.client)
            do {
              _ = try await world.composition.lifecycle.cancel(identity.id, by: "alice", reason: "race")
            } catch is LifecycleError {
              // The worker was faster.
            }
          }
        }
        try await group.waitForAll()
      }
      try await world.settled()
    }
    #expect(
      try await world.database.count(
        """
        SELECT count(*)::text FROM lifecycle.rotation AS r WHERE r.state = 'cancelled'
          AND EXISTS (SELECT FROM lifecycle.effect AS e WHERE e.rotation_id = r.id)
        """) == 0)
    #expect(
      try await world.database.count("SELECT count(*)::text FROM lifecycle.version WHERE state = 'candidate'") == 0)
    for name in names {
      let secret = try await world.secret(name)
      #expect(try await world.target.logIn(secret.login, secret.secret))
    }
    try await world.close()
  }
}
