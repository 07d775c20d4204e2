import Foundation
import Lifecycle
import Logging
import Postgres
import Secrets
import Synchronization

/// The demo's acts, in order.
final class DemoPlay: Sendable {
  let world: DemoWorld
  let names: [String]
  let clientCount: Int
  let killsWorker: Bool
  let output: Output
  let logger: Logger
  private let children = Mutex<Children>(Children())

  private struct Children {
    var worker: ChildProcess?
    var workersStarted = 0
    var mayRestart = false
    var clients: [ChildProcess] = []
  }

  init(
    world: DemoWorld, names: [String], clientCount: Int, killsWorker: Bool, output: Output, logger: Logger
  ) {
    self.world = world
    self.names = names
    self.clientCount = clientCount
    self.killsWorker = killsWorker
    self.output = output
    self.logger = logger
  }

  func run() async throws -> DemoReport {
    var secrets = SeenSecrets()
    let start = ContinuousClock.now
    try startWorker()

    output.say("\(names.count) accounts are requested by \(DemoWorld.requester) and approved by \(DemoWorld.approver)")
    for name in names { try await world.requestAndApprove(name) }
    try await wait("issued") { $0.active }
    try await secrets.read(names, world)

    try startClients()
    output.say(
      "\(clientCount) client processes log in all the time; every secret is rotated now, forced by an operator")
    let rotationStart = ContinuousClock.now
    try await forceAll()
    try await wait("rotated, forced", during: killInTheMiddle, count: { $0.forced })
    try await secrets.read(names, world)
    let forcedSeconds = (ContinuousClock.now - rotationStart).seconds

    output.say("the policy's period ends: every secret is rotated by expiry")
    try await wait("rotated, by expiry") { $0.byExpiry }
    try await settle()
    try await secrets.read(names, world)
    let tally = try await stopClients()
    var findings = try await DemoOracle(world: world, names: names, logger: logger).checkLive(secrets)

    output.say("every account is revoked, with a request and an approval of its own")
    try startWorker()
    for name in names { try await world.submitAndApprove([.revoke], name) }
    try await wait("revoked") { $0.revoked }
    await stopWorker()
    findings += try await DemoOracle(world: world, names: names, logger: logger).checkRevoked(secrets)
    findings += try await DemoCanary(world: world, logger: logger).search(secrets)

    return try await DemoReport.make(
      world: world, names: names, tally: tally, findings: findings, forcedSeconds: forcedSeconds,
      workersStarted: children.withLock { $0.workersStarted }, seconds: (ContinuousClock.now - start).seconds)
  }

  /// A saga that is open now would show two live versions to the oracle: wait until none is, then keep it so.
  private func settle() async throws {
    while true {
      try await wait("at rest") { self.names.count - $0.open }
      await stopWorker()
      guard let progress = try await world.composition.client.queryFirst(DemoProgress()) else { return }
      if progress.open == 0 { return }
      try startWorker()
    }
  }

  private func forceAll() async throws {
    var waiting = names
    while !waiting.isEmpty {
      var refused: [String] = []
      for name in waiting where try await !world.force(name) { refused.append(name) }
      waiting = refused
      if !waiting.isEmpty { try await Task.sleep(for: .milliseconds(200)) }
    }
  }

  // MARK: Waiting

  private func wait(
    _ label: String, during: (DemoProgress.Row) -> Void = { _ in }, count: (DemoProgress.Row) -> Int
  ) async throws {
    let bar = ProgressBar(label)
    let deadline = ContinuousClock.now + .seconds(240)
    while true {
      guard let progress = try await world.composition.client.queryFirst(DemoProgress()) else { return }
      let done = count(progress)
      bar.show(done, of: names.count)
      during(progress)
      if let reason = progress.quarantined {
        throw DemoError(description: "a rotation needs a person: \(reason)")
      }
      if done >= names.count { break }
      if ContinuousClock.now > deadline {
        throw DemoError(description: "\(label): only \(done) of \(names.count) after 240 s")
      }
      try await Task.sleep(for: .milliseconds(150))
    }
    bar.finish()
  }

  // MARK: Children

  private func startWorker() throws {
    let number = children.withLock { children in
      children.workersStarted += 1
      children.mayRestart = true
      return children.workersStarted
    }
    let child = try ChildProcess(
      "worker-\(number)",
      [
        "worker", "--data-dir", world.daemon.dataDirectory, "--name", "demo-worker-\(number)", "--lease", "20",
        "--heartbeat", "0.5", "--plan-every", "0.5", "--poll", "0.1", "--log-format", "json",
      ], folder: world.root,
      onExit: { [weak self] in self?.workerEnded() })
    children.withLock { $0.worker = child }
  }

  /// A worker that ends by itself is replaced, as a container platform would.
  private func workerEnded() {
    guard children.withLock({ $0.mayRestart }) else { return }
    output.say("the worker was killed; the next one takes over")
    do { try startWorker() } catch { output.say("no new worker: \(error)") }
  }

  /// Once, while at least half of the rotations are under way.
  private func killInTheMiddle(_ progress: DemoProgress.Row) {
    guard killsWorker, progress.open * 2 >= names.count else { return }
    let worker = children.withLock { children in
      children.workersStarted == 1 ? children.worker : nil
    }
    worker?.send(SIGKILL)
  }

  private func stopWorker() async {
    let worker = children.withLock { children in
      children.mayRestart = false
      defer { children.worker = nil }
      return children.worker
    }
    await worker?.stop()
  }

  private func startClients() throws {
    for index in 0..<clientCount {
      let share = names.enumerated().filter { $0.offset % clientCount == index }.map(\.element)
      if share.isEmpty { continue }
      let client = try ChildProcess(
        "client-\(index + 1)", ["demo-client", "--data-dir", world.daemon.dataDirectory] + share, folder: world.root)
      children.withLock { $0.clients.append(client) }
    }
  }

  private func stopClients() async throws -> DemoClientCommand.Tally {
    let clients = children.withLock { children in
      defer { children.clients = [] }
      return children.clients
    }
    var total = DemoClientCommand.Tally()
    for client in clients { client.send(SIGTERM) }
    for client in clients {
      await client.stop()
      guard let line = client.output.split(separator: "\n").last,
        let tally = try? JSONDecoder().decode(DemoClientCommand.Tally.self, from: Data(line.utf8))
      else { throw DemoError(description: "\(client.label) did not report; see \(client.outputPath)") }
      total.succeeded += tally.succeeded
      total.failed += tally.failed
      total.failures += tally.failures
    }
    return total
  }

  func stopChildren() async {
    await stopWorker()
    for client in children.withLock({ $0.clients }) { await client.stop() }
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

/// Every secret the demo has read, by identity: the oracle tries them all, the canary search looks for them.
struct SeenSecrets {
  private(set) var byName: [String: [CurrentSecret]] = [:]

  mutating func read(_ names: [String], _ world: DemoWorld) async throws {
    for name in names {
      let current = try await world.currentSecret(name)
      if byName[name]?.last?.version != current.version { byName[name, default: []].append(current) }
    }
  }

  var all: [SecretBytes] { byName.values.flatMap { $0.map(\.secret) } }
}

struct DemoProgress: Statement {
  static let sql = """
    SELECT count(*) FILTER (WHERE c.state = 'active'),
      count(*) FILTER (WHERE c.state = 'revoked'),
      count(*) FILTER (WHERE EXISTS (SELECT FROM lifecycle.rotation AS r
        WHERE r.credential_id = c.id AND r.trigger = 'requested' AND r.state = 'done')),
      count(*) FILTER (WHERE EXISTS (SELECT FROM lifecycle.rotation AS r
        WHERE r.credential_id = c.id AND r.trigger = 'due' AND r.state = 'done')),
      count(*) FILTER (WHERE EXISTS (SELECT FROM lifecycle.rotation AS r
        WHERE r.credential_id = c.id AND r.finished_at IS NULL)),
      (SELECT min(q.state_reason) FROM lifecycle.rotation AS q WHERE q.state = 'quarantined')
    FROM lifecycle.credential AS c
    """

  struct Row: Sendable {
    let active: Int
    let revoked: Int
    let forced: Int
    let byExpiry: Int
    let open: Int
    let quarantined: String?
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(
      active: try row[0], revoked: try row[1], forced: try row[2], byExpiry: try row[3], open: try row[4],
      quarantined: try row[5])
  }
}
