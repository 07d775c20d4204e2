import Foundation
import Postgres

extension RotationRunner {
  /// Whether the overlap is over, from what readers said and what the target shows. An alarm is part of the run's changes.
  func awaitOverlap(_ saga: Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    // Where there is no overlap, nobody is waited for, and nothing has to be asked.
    let holdsSeveral = saga.situation(traits: run.driver.traits).holdsSeveral
    guard saga.identity.policy.overlap > 0, holdsSeveral, saga.cause == .routine else { return .overlapOver }
    guard let row = try await store.overlap(of: saga) else { throw SagaRun.missing("policy") }
    let policy = saga.identity.policy
    var rule = OverlapRule(
      now: saga.now, until: saga.waitUntil ?? saga.now,
      latest: saga.hardExpiresAt.addingTimeInterval(-policy.retryReserve - policy.settle),
      isOpen: holdsSeveral, isLeaked: row.isLeaked || saga.isLeakPending, consumers: row.consumers,
      acknowledged: row.acknowledged, moved: row.moved, oldSessions: nil, onUnacknowledged: row.onUnacknowledged)
    if rule.consumers > 0, rule.moved >= rule.consumers, rule.acknowledged < rule.consumers, let old = saga.old {
      // A target that does not tell proves nothing.
      rule.oldSessions = try? await run.driver.countSessions(of: [old.login], deadline: run.probeDeadline)
    }
    switch rule.verdict {
    case .over(let ending, let alarm):
      logger.debug("overlap is over", metadata: ["rotation.id": "\(saga.id)", "ending": "\(ending)"])
      note(alarm, row, saga, &run)
      return try await proveSuccessor(after: ending, saga, &run)
    case .open(let seconds, let alarm):
      note(alarm, row, saga, &run)
      return .overlapOpen(seconds: seconds)
    }
  }

  /// Seconds for which the proof of the new secret, made before the overlap began, stands for now.
  static let proofAge = 60.0

  /// Somebody may have disabled or removed the new login meanwhile: then the old one is all that works, and stays. Not asked
  /// of a secret that others know, which must die whatever else works.
  private func proveSuccessor(
    after ending: OverlapRule.Ending, _ saga: Saga, _ run: inout SagaRun
  ) async throws -> Machine.Fact {
    // Not since this state was entered, which a person's word to go on does anew.
    let age = saga.waitUntil.map { saga.now.timeIntervalSince($0) + saga.identity.policy.overlap } ?? Self.proofAge
    guard ending != .leaked, age >= Self.proofAge, let new = saga.version(saga.newVersion) else { return .overlapOver }
    switch try await attempt(new, saga, &run) {
    case .accepted:
      run.addProof(.login, .passed, of: saga, version: new.number)
      return .overlapOver
    case .refused(_, let code):
      run.addProof(.login, .failed, of: saga, version: new.number, detail: ["code": code])
      return .newRefused
    case .cannotTell(let cause):
      run.addProof(.login, .cannotTell, of: saga, version: new.number, detail: ["cause": cause])
      return .inconclusive(cause: "target_unreachable")
    }
  }

  private func note(_ alarm: Bool, _ row: FindOverlap.Row, _ saga: Saga, _ run: inout SagaRun) {
    guard alarm != row.isAlarmed else { return }
    if alarm {
      logger.error(
        "consumers did not move to the new version in time",
        metadata: ["rotation.id": "\(saga.id)", "consumers": "\(row.consumers)", "acknowledged": "\(row.acknowledged)"])
      run.changes.add(
        RaiseAlarm(
          kind: "overlap_exceeded", subject: saga.id.rawValue,
          detail: "\(saga.identity.name): \(row.consumers - row.acknowledged) of \(row.consumers) consumers have not "
            + "acknowledged version \(saga.newVersion ?? 0)"))
    } else {
      run.changes.add(ClearAlarm(kind: "overlap_exceeded", subject: saga.id.rawValue))
    }
  }
}
