import ArgumentParser
import Foundation
import Governance
import Jobs
import Lifecycle
import Postgres
import Synchronization

struct GovernanceDemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "governance",
    abstract: "Follow six stories on the terminal: who may what, what takes it away, and how it is proven.",
    discussion: """
      Makes two PostgreSQL clusters in a temporary folder and a worker in this process. Nothing is played: each refusal is the \
      rules' own, each change happens on the target. Exit code 0 only if every story ends as it must.
      """)

  @Flag(help: "Keep the folder with the databases.") var keep = false
  @OptionGroup var global: GlobalOptions

  mutating func run() async throws {
    let output = global.output
    let logger = global.makeLogger("keyturn.demo", default: .error)
    do {
      let world = try await DemoWorld.make(.init(period: 3600, jitter: 0, overlap: 0), logger: logger, say: { _ in })
      let stories = GovernanceStories(world: world, output: output)
      do {
        try await stories.tell()
      } catch {
        await world.close(keep: keep)
        throw error
      }
      await world.close(keep: keep)
      if keep { output.say("kept: \(world.root)") }
      let failed = stories.failures.value
      output.record([("checks", "\(stories.checks.value)"), ("failed", "\(failed)")])
      if failed > 0 { throw ExitCode(1) }
    } catch {
      throw Failure.exit(for: error, json: global.json)
    }
  }
}

/// The worked examples, in order. Prints what is done, what came of it, and whether that is right.
final class GovernanceStories: Sendable {
  final class Counter: Sendable {
    private let number = Mutex(0)
    var value: Int { number.withLock { $0 } }
    func add() { number.withLock { $0 += 1 } }
  }

  let world: DemoWorld
  let output: Output
  let checks = Counter()
  let failures = Counter()

  init(world: DemoWorld, output: Output) {
    self.world = world
    self.output = output
  }

  var governance: GovernanceStore { world.composition.governance }
  var lifecycle: CredentialLifecycle { world.composition.lifecycle }
  var client: PostgresClient { world.composition.client }

  private static let policy = """
    policy: governed
    lifetimes: {rotation_period: 30d, rotation_jitter: 0s, overlap: 0s, settle: 1s, retry_reserve: 1m}
    approvals:
      required_fields: {revoke: [owning_system, delegated_approver]}
    maximum_rights:
      - {environment: demo, rights: ["member:app_readers"]}
    """

  func tell() async throws {
    for person in ["dave", "erin"] { _ = try await governance.addPerson(person, in: client) }
    try await transaction { transaction in
      let version = try await self.governance.propose(Self.policy, by: "erin", ticket: "DEMO-0", in: transaction)
      _ = try await self.governance.decidePolicy(
        version.policy, version: version.version, approve: true, by: "bob", sawDigest: version.digest, in: transaction)
    }
    try await incompleteIdentity()
    try await removalNamesWhoAndWhat()
    try await ownerChangesRole()
    try await vendorReviewLapses()
    try await authorityIsLostOnTheWay()
    try await audit()
  }

  // MARK: Stories

  private func incompleteIdentity() async throws {
    title("A service account needs an owner, a purpose and an end")
    await refused("register svc_nobody without a purpose", "purpose is missing") {
      try await self.addIdentity("svc_nobody", purpose: nil)
    }
    await refused("give svc_greedy a right that the policy does not allow", ReasonCode.rightsExceedPolicy.explanation) {
      try await self.addIdentity("svc_greedy", rights: ["member:app_writers"])
      _ = try await self.submit([.issue, .rotate], "svc_greedy")
    }
  }

  private func removalNamesWhoAndWhat() async throws {
    title("A token is removed only when the ticket names system, requester and delegated approver")
    try await addIdentity("svc_token")
    try await issue("svc_token")
    await refused("ask for its removal without the owning system", ReasonCode.missingOwningSystem.explanation) {
      _ = try await self.submit([.revoke], "svc_token", RequestDetails(delegatedApprover: "bob"))
    }
    let request = try await submit(
      [.revoke], "svc_token", RequestDetails(owningSystem: "orders", delegatedApprover: "bob"))
    say("bob sees \(String(decoding: request.core, as: UTF8.self).prefix(120))… and approves")
    try await approve(request)
    try await work()
    let identity = try await governance.identity("svc_token", on: nil, in: client).id
    await refused("read its secret", "no current secret") { _ = try await self.lifecycle.currentSecret(of: identity) }
  }

  private func ownerChangesRole() async throws {
    title("A privileged account whose owner changed role waits for a new approval")
    try await addIdentity("svc_admin")
    let identity = try await governance.identity("svc_admin", on: nil, in: client)
    try await transaction { _ = try await self.governance.setTier(.privileged, of: identity, in: $0) }
    try await issue("svc_admin")
    _ = try await lifecycle.requestRotation(identity.id, trigger: .due)
    try await work()
    expect("without a change it rotates unattended", try await lifecycle.currentSecret(of: identity.id).version == 2)
    try await transaction {
      _ = try await self.governance.put(
        PersonAttributes(externalID: "alice", jobTitle: "auditor"), source: "manual", in: $0)
    }
    say("alice, the owner, becomes an auditor")
    await refused("rotate svc_admin", ReasonCode.authorizationVoided.explanation) {
      _ = try await self.lifecycle.requestRotation(identity.id, trigger: .due)
    }
    let why = try await transaction { try await self.governance.why(identity, in: $0) }
    for ticket in why.tickets { say("ticket \(ticket.name): \(ticket.body.replacing("\n", with: " "))") }
    expect("a ticket says what changed", why.tickets.contains { $0.body.contains("alice, changed job title") })
    try await transaction { transaction in
      _ = try await self.governance.changeOwners(of: identity, owner: "dave", backup: nil, in: transaction)
    }
    say("dave becomes the owner, asks again, and bob approves")
    try await approve(try await submit([.issue, .rotate], "svc_admin", by: "dave"))
    _ = try await lifecycle.requestRotation(identity.id, trigger: .due)
    try await work()
    expect("it rotates again", try await lifecycle.currentSecret(of: identity.id).version == 3)
  }

  private func vendorReviewLapses() async throws {
    title("A vendor whose security review has lapsed is not let in")
    try await addIdentity("svc_vendor", owner: "dave")
    try await setVendor(reviewUntil: -60)
    let identity = try await governance.identity("svc_vendor", on: nil, in: client)
    try await transaction { try await self.governance.setVendor(of: identity, to: "acme", in: $0) }
    await refused("issue svc_vendor", ReasonCode.vendorReviewLapsed.explanation) {
      _ = try await self.submit([.issue, .rotate], "svc_vendor", by: "dave")
    }
    try await setVendor(reviewUntil: 86_400)
    say("the review is renewed for a day")
    try await approve(try await submit([.issue, .rotate], "svc_vendor", by: "dave"))
    try await work()
    expect(
      "it works, with the rights that were read back", try await lifecycle.currentSecret(of: identity.id).version == 1)
    try await transaction {
      _ = try await self.governance.flagVendor("acme", incident: true, reason: "breach reported", in: $0)
    }
    await refused("rotate it after an incident at the vendor", ReasonCode.authorizationVoided.explanation) {
      _ = try await self.lifecycle.requestRotation(identity.id, trigger: .due)
    }
  }

  private func audit() async throws {
    title("An auditor decides everything again")
    let replay = try await governance.replay(in: client)
    expect(
      "\(replay.decisions) stored decisions, replayed: none differs", replay.decisions > 0 && replay.different.isEmpty)
    let permits = try await governance.replayPermits(in: client)
    expect(
      "\(permits.decisions) permits, each decided again for its moment: all were allowed",
      permits.decisions > 0 && permits.different.isEmpty)
    _ = try await lifecycle.settleTickets()
    let tickets = try await governance.tickets(in: client)
    expect(
      "a proof ends a ticket, and nothing else does",
      tickets.contains { !$0.isOpen } && tickets.allSatisfy { $0.isOpen == ($0.provenAt == nil) })
    for ticket in tickets.reversed() {
      let end = ticket.provenAt.map { "proven after \(Int($0.timeIntervalSince(ticket.causeAt))) s" } ?? "open"
      say("\(ticket.name) \(ticket.kind.rawValue): \(ticket.subject.prefix(70)) – \(end)")
    }
  }

  // MARK: Doing

  func addIdentity(
    _ name: String, owner: String = "alice", purpose: String? = "demonstration",
    rights: [String] = ["member:app_readers"]
  ) async throws {
    _ = try await governance.addIdentity(
      IdentityDraft(
        target: DemoWorld.targetName, name: name, owner: owner, backupOwner: "carol", purpose: purpose,
        environment: "demo", workload: "demo", rights: rights, policy: "governed",
        expiresAt: Date(timeIntervalSinceNow: 86_400 * 30)), now: Date(), in: client)
  }

  func submit(
    _ actions: [GovernedAction], _ name: String, _ details: RequestDetails = RequestDetails(), by: String = "alice"
  ) async throws -> Request {
    try await transaction { transaction in
      try await self.governance.submit(
        actions, for: try await self.governance.identity(name, on: nil, in: transaction), requester: by,
        beneficiary: nil, ticket: "DEMO-1", details: details, now: Date(), in: transaction)
    }
  }

  func approve(_ request: Request) async throws {
    _ = try await lifecycle.decide(request.id, approve: true, by: "bob", sawDigest: request.digest)
  }

  private func issue(_ name: String) async throws {
    try await approve(try await submit([.issue, .rotate], name))
    try await work()
    say("\(name) is requested by alice, approved by bob, issued and proven")
  }

  private func setVendor(reviewUntil seconds: Double) async throws {
    let vendor = Vendor(
      name: "acme", sponsor: "dave", contractFrom: Date(timeIntervalSinceNow: -3600),
      contractUntil: Date(timeIntervalSinceNow: 86_400 * 90), reviewValidUntil: Date(timeIntervalSinceNow: seconds),
      allowedTargets: [DemoWorld.targetName], scopes: ["member:app_readers"])
    try await transaction { _ = try await self.governance.setVendor(vendor, in: $0) }
  }

  func transaction<Result: Sendable>(
    _ body: @Sendable (Transaction) async throws -> Result
  ) async throws -> Result {
    try await client.withTransaction { try await body($0) }
  }

  /// A worker until nothing is left to do, at most two minutes.
  func work(observer: CrashPointObserver? = nil) async throws {
    let service = try world.composition.makeWorker(
      WorkerConfiguration(name: "demo", lease: 20, leaseMargin: 2, heartbeat: 0.5, poll: 0.05, shutdownGrace: 10),
      planEvery: 3600, observer: observer)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await service.run() }
      defer { service.worker.stop() }
      let deadline = ContinuousClock.now + .seconds(120)
      while try await client.queryFirst(CountUnfinished()) ?? 0 > 0 {
        guard ContinuousClock.now < deadline else {
          throw DemoError(description: "the work did not end within 2 minutes")
        }
        try await Task.sleep(for: .milliseconds(50))
      }
    }
  }

  // MARK: Saying

  func title(_ text: String) { output.say("\n\(text)") }
  func say(_ text: String) { output.say("  · \(text)") }

  func expect(_ what: String, _ holds: Bool) {
    checks.add()
    if !holds { failures.add() }
    output.say("  \(holds ? "✓" : "✗") \(what)")
  }

  /// The attempt must be refused with these words.
  func refused(_ what: String, _ words: String, _ body: () async throws -> Void) async {
    do {
      try await body()
      expect("\(what): allowed, and should not be", false)
    } catch {
      expect("\(what): refused – \(error)", "\(error)".contains(words))
    }
  }
}

/// Sagas that are not over and could go on.
struct CountUnfinished: Statement {
  static let sql = """
    SELECT count(*)
    FROM lifecycle.rotation AS r
    WHERE r.finished_at IS NULL
    """

  static func decode(_ row: PostgresRow) throws -> Int { Int(try row.decode(0, as: Int64.self)) }
}
