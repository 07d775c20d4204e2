import Foundation
import Testing

@testable import Jobs

@Suite struct WorkerStateTests {
  private func job() -> ClaimedJob {
    let lease = Lease(subject: SubjectID(UUID()), bucket: Bucket(rawValue: 1), fence: 1, owner: UUID())
    return ClaimedJob(
      id: JobID(UUID()), kind: "rotate", group: LimitGroupID(UUID()), lane: 4, attempt: 1, failures: 0,
      abandonments: 0, waited: 0, groupIsAiling: false, lease: lease)
  }

  @Test func demandsWhatIsFree() {
    var state = WorkerState(maximumInFlight: 2)
    #expect(state.demand == 2)
    let first = job()
    state.hold(first, term: LeaseTerm(deadline: .now), location: nil, since: .now)
    #expect(state.demand == 1)
    state.letGo(first)
    #expect(state.demand == 2)
  }

  @Test func claimsNothingWhileDrainingAndIsDrainedWhenEmpty() {
    var state = WorkerState(maximumInFlight: 2)
    let first = job()
    state.hold(first, term: LeaseTerm(deadline: .now), location: nil, since: .now)
    state.stop()
    #expect(state.demand == 0)
    #expect(!state.isDrained)
    state.letGo(first)
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
    state.hold(fresh, term: LeaseTerm(deadline: now + .seconds(20)), location: nil, since: .now)
    state.hold(old, term: LeaseTerm(deadline: now + .seconds(10)), location: nil, since: .now)
    let lostTerm = LeaseTerm(deadline: now + .seconds(1))
    lostTerm.lose()
    state.hold(lost, term: lostTerm, location: nil, since: .now)
    #expect(state.leasesToRenew(now: now, lease: .seconds(30)).map(\.job.id) == [old.id])
  }
}

@Suite struct WorkerConfigurationTests {
  @Test func aLeaseShorterThanTheLongestEffectIsRefused() {
    var configuration = WorkerConfiguration(name: "w", lease: 12, leaseMargin: 2)
    configuration.longestEffect = 15
    #expect {
      try configuration.validate()
    } throws: { error in
      "\(error)".contains("longest effect") && "\(error)".contains("17")
    }
  }

  @Test func namesTheSettingThatCannotWork() {
    let cases: [(WorkerConfiguration, String)] = [
      (.init(name: ""), "name"),
      (.init(name: "w", maximumInFlight: 0), "in flight"),
      (.init(name: "w", lease: 1), "lease"),
      (.init(name: "w", lease: 30, leaseMargin: 20), "margin"),
      (.init(name: "w", lease: 30, heartbeat: 11), "heartbeat"),
      (.init(name: "w", lease: 10, leaseMargin: 2, heartbeat: 30), "heartbeat"),
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
