import Foundation
import Testing

@testable import Jobs

@Suite struct WorkerStateTests {
  private func job() -> ClaimedJob {
    let lease = Lease(job: JobID(UUID()), bucket: Bucket(rawValue: 1), fence: 1, owner: UUID())
    return ClaimedJob(
      id: lease.job, kind: "rotate", subject: SubjectID(UUID()), group: LimitGroupID(UUID()), lane: 4, attempt: 1,
      failures: 0, abandonments: 0, lease: lease)
  }

  @Test func demandsWhatIsFree() {
    var state = WorkerState(maximumInFlight: 2)
    #expect(state.demand == 2)
    let first = job()
    state.hold(first, term: LeaseTerm(deadline: .now))
    #expect(state.demand == 1)
    state.letGo(first.id)
    #expect(state.demand == 2)
  }

  @Test func claimsNothingWhileDrainingAndIsDrainedWhenEmpty() {
    var state = WorkerState(maximumInFlight: 2)
    let first = job()
    state.hold(first, term: LeaseTerm(deadline: .now))
    state.stop()
    #expect(state.demand == 0)
    #expect(!state.isDrained)
    state.letGo(first.id)
    #expect(state.isDrained)
  }

  @Test func neverGoesBackToWorking() {
    var state = WorkerState(maximumInFlight: 2)
    state.release()
    state.stop()
    #expect(state.phase == .releasing)
  }

  @Test func renewsOnlyPastHalfOfTheLease() {
    var state = WorkerState(maximumInFlight: 4)
    let now = ContinuousClock.now
    let fresh = job()
    let old = job()
    let lost = job()
    state.hold(fresh, term: LeaseTerm(deadline: now + .seconds(20)))
    state.hold(old, term: LeaseTerm(deadline: now + .seconds(10)))
    let lostTerm = LeaseTerm(deadline: now + .seconds(1))
    lostTerm.lose()
    state.hold(lost, term: lostTerm)
    #expect(state.leasesToRenew(now: now, lease: .seconds(30)).map(\.lease.job) == [old.id])
  }
}

@Suite struct WorkerConfigurationTests {
  @Test func namesTheSettingThatCannotWork() {
    let cases: [(WorkerConfiguration, String)] = [
      (.init(name: ""), "name"),
      (.init(name: "w", maximumInFlight: 0), "in flight"),
      (.init(name: "w", lease: 1), "lease"),
      (.init(name: "w", lease: 30, leaseMargin: 20), "margin"),
      (.init(name: "w", lease: 30, heartbeat: 11), "heartbeat"),
      (.init(name: "w", poll: 0), "poll"),
      (.init(name: "w", shutdownGrace: -1), "grace"),
    ]
    for (configuration, word) in cases {
      #expect {
        try configuration.validate()
      } throws: { error in
        "\(error)".contains(word)
      }
    }
  }
}
