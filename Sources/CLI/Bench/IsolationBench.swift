import ArgumentParser
import Foundation
import Glibc
import Governance
import Jobs
import Lifecycle
import Postgres

extension BenchCommand {
  /// Targets in trouble beside one that is not.
  struct Isolation: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Rotate on a healthy target, without and with one that hangs and one that refuses beside it.",
      discussion: """
        One worker has work for all three. The one that hangs accepts connections and never answers. Short phases without and \
        with them take turns, and which comes first takes turns too, so that both see the same weather. Beside each change of \
        p99 stands how much it may be by chance: the middle 90 % of what other choices of the same pairs of phases give, and \
        what the phases without trouble differ among themselves.
        """)

    @Option(help: "Rotations per second on the healthy target, 1 to 100.") var rate = 10
    @Option(help: "Seconds of each phase, 2 to 600.") var seconds = 6.0
    @Option(help: "Pairs of phases, 2 to 100.") var pairs = 16
    @Option(help: "Identities that wait on each target in trouble, 1 to 200.") var troubled = 20
    @Option(help: "Write the figures to this file as JSON.") var out: String?
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard (1...100).contains(rate) else { throw ValidationError("--rate must be 1 to 100") }
      guard (2...600).contains(seconds) else { throw ValidationError("--seconds must be 2 to 600") }
      guard (2...100).contains(pairs) else { throw ValidationError("--pairs must be 2 to 100") }
      guard (1...200).contains(troubled) else { throw ValidationError("--troubled must be 1 to 200") }
    }

    mutating func run() async throws {
      do {
        try await DemoWorld.measure(
          "isolation", .init(period: 86_400, jitter: 0, overlap: 0, furtherTargets: IsolationBench.troubled), global,
          out: out
        ) { world, report in
          try await IsolationBench(
            world: world, rate: rate, seconds: seconds, pairs: pairs, waiting: troubled
          ).run(&report)
        }
      } catch {
        throw Failure.exit(for: error, json: global.json)
      }
    }
  }
}

struct IsolationBench {
  static let troubled = ["hung", "dead"]

  let world: DemoWorld
  let rate: Int
  let seconds: Double
  let pairs: Int
  /// Identities on each target in trouble.
  let waiting: Int

  private var lifecycle: CredentialLifecycle { world.composition.lifecycle }
  private var client: PostgresClient { world.composition.client }

  /// Of one phase: from the order to the claim, from there to the proof, and both.
  private struct Phase {
    var starts: [Double] = []
    var proofs: [Double] = []
    var wholes: [Double] { zip(starts, proofs).map(+) }
  }

  private struct Pair {
    var without = Phase()
    var with = Phase()
  }

  func run(_ report: inout BenchReport) async throws {
    let (found, vain) = try await world.withWorker(atOnce: 64, poll: 0.1) {
      (try await play(), try await client.queryFirst(CountFailures()) ?? 0)
    }
    guard vain > 0 else { throw BenchError(description: "nothing was tried on the targets in trouble") }
    func count(_ phase: KeyPath<Pair, Phase>) -> Int { found.reduce(0) { $0 + $1[keyPath: phase].starts.count } }
    report.add("rotations per second asked for", "\(rate)")
    report.add("pairs of phases", "\(found.count)")
    report.add("rotations without, with trouble", "\(count(\.without)), \(count(\.with))")
    report.add("sagas that wait on targets in trouble", "\(waiting * Self.troubled.count)")
    report.add("attempts there in vain", "\(vain)")
    for (what, times) in [
      ("order to claim", \Phase.starts as KeyPath<Phase, [Double]>), ("claim to proven", \Phase.proofs),
      ("order to proven", \Phase.wholes),
    ] {
      let rounds = found.map { (without: $0.without[keyPath: times], with: $0.with[keyPath: times]) }
      add(what, PairedChange(rounds), &report)
    }
  }

  private func add(_ what: String, _ change: PairedChange, _ report: inout BenchReport) {
    for share in [50.0, 99.0] {
      let (before, after) = (change.without(share), change.with(share))
      report.add(
        "\(what), p\(Int(share)), without, with, ms",
        String(format: "%.1f, %.1f (%+.0f %%)", before * 1000, after * 1000, 100 * (after / before - 1)))
    }
    let (low, high) = change.interval(99)
    report.add(
      "\(what), p99, change by chance 90 %, among phases without",
      String(format: "%+.0f … %+.0f %%, %+.0f %%", 100 * low, 100 * high, 100 * change.amongWithout(99)))
  }

  private func play() async throws -> [Pair] {
    // Each rests long enough to be over before its next turn.
    let healthy = (1...(rate * 8)).map { "svc_\($0)" }
    let others = Self.troubled.flatMap { target in (1...waiting).map { ("svc_\(target)_\($0)", target) } }
    try await world.issue(healthy.map { ($0, DemoWorld.targetName) } + others)
    var stuck: [IdentityID] = []
    for (name, target) in others {
      stuck.append(try await world.composition.governance.identity(name, on: target, in: client).id)
    }
    let hung = try Listener()
    defer { hung.end() }
    let dead = try Listener()
    dead.end()
    try await move("hung", to: hung.port)
    try await move("dead", to: dead.port)
    try await pause()
    let person = try await world.composition.governance.person(DemoWorld.requester, in: client).id
    let made = try await lifecycle.requestRotations(stuck, trigger: .requested(by: person, ticket: "BENCH-1"))
    guard made == stuck.count else { throw BenchError(description: "\(made) rotations of \(stuck.count)") }

    var found: [Pair] = []
    var next = 0
    for number in 0..<pairs {
      var pair = Pair()
      if number.isMultiple(of: 2) { pair.without = try await phase(healthy, &next) }
      for target in Self.troubled {
        _ = try await lifecycle.resumeTarget(target, by: DemoWorld.requester, reason: "benchmark")
      }
      try await Task.sleep(for: .seconds(1))
      pair.with = try await phase(healthy, &next)
      try await pause()
      if !number.isMultiple(of: 2) { pair.without = try await phase(healthy, &next) }
      found.append(pair)
    }
    return found
  }

  /// The rows say where a target is.
  private func move(_ target: String, to port: Int) async throws {
    var configuration = world.composition.database.configuration
    configuration.role = nil
    let owner = PostgresClient(configuration, logger: world.composition.logger)
    let moved = try await owner.execute(MoveTarget(name: target, port: "\(port)"))
    await owner.close()
    guard moved == 1 else { throw BenchError(description: "there is no target \(target)") }
    await world.composition.drivers.close()
  }

  /// Nothing is under way there when this returns.
  private func pause() async throws {
    for target in Self.troubled {
      _ = try await lifecycle.pauseTarget(target, by: DemoWorld.requester, reason: "benchmark")
    }
    while try await client.queryFirst(CountLeased(targets: Self.troubled)) ?? 0 > 0 {
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  private func phase(_ names: [String], _ next: inout Int) async throws -> Phase {
    let began = try await client.queryFirst(ReadClock()) ?? .distantPast
    let start = ContinuousClock.now
    var asked = 0
    while ContinuousClock.now < start + .seconds(seconds) {
      if try await world.force(names[next % names.count]) { asked += 1 }
      next += 1
      try await Task.sleep(until: start + .seconds(Double(asked) / Double(rate)), clock: .continuous)
    }
    while true {
      let rows = try await client.query(FindTimes(target: DemoWorld.targetName, since: began))
      if rows.count >= asked {
        return Phase(starts: rows.map(\.start), proofs: rows.map(\.proof))
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  /// A port on loopback that accepts connections, because the kernel does, and of which nobody reads.
  private struct Listener {
    let descriptor: Int32
    let port: Int

    init() throws {
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let (descriptor, size) = (descriptor, length)
      let status = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
          bind(descriptor, pointer, size) == 0 && listen(descriptor, 4096) == 0
            ? getsockname(descriptor, pointer, &length) : -1
        }
      }
      guard status == 0 else { throw BenchError(description: "no port on loopback is free: \(errno)") }
      port = Int(UInt16(bigEndian: address.sin_port))
    }

    func end() { close(descriptor) }
  }
}

private struct ReadClock: Statement {
  static let sql = "SELECT clock_timestamp()"
  static func decode(_ row: PostgresRow) throws -> Date { try row[0] }
}

private struct MoveTarget: Statement {
  static let sql = """
    UPDATE governance.target
    SET settings = settings || jsonb_build_object('port', $2::text)
    WHERE name = $1
    """

  let name: String
  let port: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(name)
    parameters.append(port)
  }
}

private struct CountLeased: Statement {
  static let sql = """
    SELECT count(*)
    FROM jobs.job AS j
    JOIN governance.target AS t ON t.id = j.limit_group
    WHERE j.lease_owner IS NOT NULL AND t.name = ANY ($1)
    """

  let targets: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(targets) }
  static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
}

private struct CountFailures: Statement {
  static let sql = "SELECT COALESCE(sum(failures), 0)::bigint FROM jobs.job"
  static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
}

/// Seconds from the order to the claim, and from there to the end, of rotations that are done.
private struct FindTimes: Statement {
  static let sql = """
    SELECT EXTRACT(epoch FROM s.at - r.created_at)::float8, EXTRACT(epoch FROM r.finished_at - s.at)::float8
    FROM lifecycle.rotation AS r
    JOIN lifecycle.credential AS c ON c.id = r.credential_id
    JOIN governance.target AS t ON t.id = c.target_id
    JOIN lifecycle.rotation_step AS s ON s.rotation_id = r.id AND s.sequence = 1
    WHERE t.name = $1 AND r.created_at >= $2 AND r.state = 'done' AND r.action = 'rotate'
    """

  let target: String
  let since: Date

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(target)
    parameters.append(since)
  }

  static func decode(_ row: PostgresRow) throws -> (start: Double, proof: Double) { (try row[0], try row[1]) }
}
