import ArgumentParser
import Foundation
import Governance

extension BenchCommand {
  /// The pure decision function on one core.
  struct Decide: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Decide over varied requests on one core and print decisions per second; needs no database.")

    @Option(help: "Decisions per run, 1000 to 100000000.") var count = 500_000
    @Option(help: "Runs; the median is printed.") var runs = 5
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
      guard (1000...100_000_000).contains(count) else { throw ValidationError("--count must be 1000 to 100000000") }
      guard (1...100).contains(runs) else { throw ValidationError("--runs must be 1 to 100") }
    }

    /// Of this thread: what others do on the machine does not count.
    private static var processorSeconds: Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    mutating func run() throws {
      let histories = DecideHistories().all
      var rates: [Double] = []
      var allowed = 0
      for _ in 0..<runs {
        allowed = 0
        let start = Self.processorSeconds
        for index in 0..<count where Decision.decide(histories[index % histories.count]).outcome == .allow {
          allowed += 1
        }
        rates.append(Double(count) / (Self.processorSeconds - start))
      }
      rates.sort()
      Output(json: json).record([
        ("decisions", "\(count)"), ("allowed", "\(allowed)"), ("per_second", "\(Int(rates[rates.count / 2]))"),
        ("slowest", "\(Int(rates[0]))"), ("fastest", "\(Int(rates[rates.count - 1]))"),
      ])
    }
  }
}

/// Requests with two stages, three approvals, a delegation and six people; each differs from the next in what it lacks.
private struct DecideHistories {
  private let ids = (0..<6).map { _ in UUID() }
  private let target = UUID()
  private let digest = String(repeating: "ab", count: 32)

  private func at(_ seconds: Double) -> FactTime {
    FactTime(microseconds: 1_800_000_000_000_000).adding(seconds: seconds)
  }

  var all: [DecisionInputs] {
    (0..<16).map { number in
      var policy = PolicyDocument(policy: "bench")
      policy.approvals.stages = [
        PolicyDocument.Stage(name: "business", role: "any", quorum: 2),
        PolicyDocument.Stage(name: "security", role: "security", quorum: 1),
      ]
      policy.approvals.maximumAge = 86_400
      policy.attestationMaximumAge = 86_400 * 365
      var people = ids.map { PersonFacts(id: $0) }
      people[4].roles = [PersonFacts.Role(name: "security", from: at(-1000))]
      if number % 4 == 1 { people[4].state = .terminated }
      let delegation = DelegationFacts(
        id: UUID(), delegator: ids[5], delegate: ids[3], validFrom: at(-100), validUntil: at(1000),
        registeredAt: at(-100))
      let approvals = [
        ApprovalFacts(id: UUID(), approver: ids[2], digest: digest, decidedAt: at(10)),
        ApprovalFacts(
          id: UUID(), approver: ids[3], actingFor: ids[5], delegation: delegation.id, digest: digest, decidedAt: at(11)),
        ApprovalFacts(
          id: UUID(), approver: ids[4], stage: 1, digest: number % 4 == 2 ? "00" : digest, decidedAt: at(12)),
      ]
      return DecisionInputs(
        moment: .recheck, now: at(20),
        request: RequestFacts(
          digest: digest, actions: [.issue, .rotate], requester: ids[0], beneficiary: ids[0], submittedAt: at(0)),
        identity: IdentityFacts(
          owner: ids[0], backupOwner: ids[1], target: target, targetName: "orders-db", environment: "production",
          purpose: "orders", rights: ["member:readers", "member:writers"],
          expiresAt: at(number % 4 == 3 ? 15 : 86_400), attestedAt: at(0)),
        policy: policy, people: people, approvals: approvals, delegations: [delegation])
    }
  }
}
