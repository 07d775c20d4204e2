import Foundation
import Governance
import Jobs
import Lifecycle
import Postgres
import Synchronization
import TestSupport
import Testing

/// Authority is taken away between every two steps of a saga: before each permit, between permit and call, between call and
/// outcome, and between looks. No call begins without authority, and what had begun is followed by what the design says.
@Suite(.timeLimit(.minutes(10))) struct AuthorityRaceTests {
  /// Somebody leaves, or is away, at the n-th crash point from now; Bob, who approved, unless another one is named.
  private final class Departure: Sendable {
    private let left: Mutex<Int>
    private let world: SimulatedWorld
    private let person: String
    private let state: Person.State

    init(at point: Int, _ world: SimulatedWorld, of person: String = "bob", _ state: Person.State = .terminated) {
      left = Mutex(point)
      self.world = world
      self.person = person
      self.state = state
    }

    var happened: Bool { left.withLock { $0 <= 0 } }

    @Sendable func observe(_ point: CrashPoint) async throws {
      let isNow = left.withLock { left in
        left -= 1
        return left == 0
      }
      guard isNow else { return }
      try await world.composition.governance.setState(state, of: person, in: world.composition.client)
    }
  }

  private func addIdentity(_ name: String, _ world: SimulatedWorld) async throws {
    _ = try await world.composition.governance.addIdentity(
      IdentityDraft(
        target: "sim", name: name, loginMode: "alternating", owner: "alice", backupOwner: "carol", purpose: "test",
        environment: "test", workload: "test", rights: ["member:readers"], policy: "short",
        expiresAt: Date(timeIntervalSinceNow: 86_400)), now: Date(), in: world.composition.client)
  }

  /// Until no worker has anything that it could do.
  private func quiet(_ world: SimulatedWorld) async throws {
    try await world.database.eventually {
      try await world.database.count("SELECT count(*) FROM jobs.job WHERE hold IS NULL OR lease_owner IS NOT NULL") == 0
    }
  }

  /// Sagas of the identity that had begun to change the target when authority ended, told from the rows of effects alone.
  private func begun(_ name: String) -> String {
    """
    SELECT count(*)
    FROM lifecycle.rotation AS r
    JOIN governance.authorization AS a ON a.voided_at IS NOT NULL
    JOIN governance.permit AS p ON p.authorization_id = a.id
    JOIN lifecycle.effect AS e ON e.permit_id = p.id AND e.rotation_id = r.id AND e.intended_at < a.voided_at
    JOIN governance.identity AS i ON i.id = a.identity_id AND i.name = '\(name)'
    WHERE r.action <> 'revoke' AND r.created_at < a.voided_at AND COALESCE(r.finished_at, 'infinity') > a.voided_at
    """
  }

  private func losses(_ name: String) -> String {
    """
    SELECT count(*)
    FROM lifecycle.lost_authority AS l
    JOIN lifecycle.credential AS c ON c.id = l.credential_id
    JOIN governance.identity AS i ON i.id = c.identity_id AND i.name = '\(name)'
    """
  }

  private static let permitsAfterTheEnd = """
    SELECT count(*) FROM governance.permit AS p JOIN governance.authorization AS a ON a.id = p.authorization_id
    WHERE p.granted_at > a.voided_at
    """

  @Test func whatIsBeingIssuedIsTakenAwayAgainOrNeverBegun() async throws {
    let world = try await SimulatedWorld.make(identities: [])
    let database = world.database
    var (point, raced, stopped, isOver) = (0, 0, 0, false)
    while !isOver {
      point += 1
      let name = "svc\(point)"
      try await addIdentity(name, world)
      try await world.approve([.issue, .rotate], name)
      let departure = Departure(at: point, world)
      try await world.withWorker(observer: departure.observe) { try await quiet(world) }
      isOver = !departure.happened
      try await world.composition.governance.setState(.active, of: "bob", in: world.composition.client)
      #expect(try await database.count(Self.permitsAfterTheEnd) == 0, "point \(point)")
      let lost = try await database.count(losses(name))
      #expect(lost == min(1, try await database.count(begun(name))), "point \(point)")
      if lost == 1 {
        raced += 1
        // Nobody could read it before it was taken away.
        #expect(
          try await database.count(
            """
            SELECT count(*) FROM lifecycle.version AS v JOIN lifecycle.credential AS c ON c.id = v.credential_id
            JOIN governance.identity AS i ON i.id = c.identity_id
            WHERE i.name = '\(name)' AND v.published_at IS NOT NULL
            """) == 0, "point \(point)")
        _ = try await world.composition.lifecycle.followUpLostAuthority()
        try await world.withWorker { try await world.settled() }
        _ = try await world.composition.lifecycle.settleTickets()
        #expect(!world.target.roleNames.contains { $0.hasPrefix(name) }, "point \(point)")
        #expect(
          try await database.count(
            """
            SELECT count(*) FROM governance.ticket
            WHERE kind = 'review' AND subject LIKE '\(name): authority fell away while it was being issued%'
              AND resolution = 'compensated' AND proven_at > cause_at AND body LIKE '%What is needed: It is taken away again%'
            """) == 1, "point \(point)")
      } else {
        if departure.happened, try await database.count("SELECT count(*) FROM jobs.job") > 0 {
          stopped += 1
          try await world.approve([.issue, .rotate], name)
        }
        try await world.withWorker { try await world.settled() }
        let secret = try await world.secret(name)
        #expect(world.target.accepts(secret.login, secret.secret), "point \(point)")
      }
    }
    // Both orders were there: the permit first, and the change first.
    #expect(raced > 3 && stopped > 1, "\(raced) raced, \(stopped) stopped of \(point)")
    #expect(
      try await database.count("SELECT count(*) FROM governance.decision WHERE moment = 'after_effect'") == raced)
    let replay = try await world.composition.governance.replay(in: world.composition.client)
    #expect(replay.different.isEmpty)
    let permits = try await world.composition.governance.replayPermits(in: world.composition.client)
    #expect(permits.decisions > raced && permits.different.isEmpty)
    try await world.close()
  }

  /// The backup owner, who neither asked nor approved, is away from any moment on: nothing is void, no permit is granted
  /// meanwhile, and it goes on by itself when they are back.
  @Test func whoIsAwayPausesWhatWasAdmitted() async throws {
    let world = try await SimulatedWorld.make(identities: [])
    let database = world.database
    var (point, paused, isOver) = (0, 0, false)
    while !isOver {
      point += 1
      let name = "svc\(point)"
      try await addIdentity(name, world)
      try await world.approve([.issue, .rotate], name)
      let departure = Departure(at: point, world, of: "carol", .suspended)
      try await world.withWorker(observer: departure.observe) { try await quiet(world) }
      isOver = !departure.happened
      #expect(
        try await database.count(
          """
          SELECT count(*) FROM governance.permit AS p, governance.person AS c
          WHERE c.external_id = 'carol' AND c.state = 'suspended' AND p.granted_at > c.state_since
          """) == 0, "point \(point)")
      #expect(
        try await database.count("SELECT count(*) FROM governance.authorization WHERE voided_at IS NOT NULL") == 0)
      paused += try await database.count(
        "SELECT count(*) FROM jobs.job WHERE hold_reason LIKE '%backup_owner_inactive%'")
      try await world.composition.governance.setState(.active, of: "carol", in: world.composition.client)
      try await database.withOwner { try await $0.executeScript("UPDATE jobs.job SET run_at = now()") }
      try await world.withWorker { try await world.settled() }
      let secret = try await world.secret(name)
      #expect(world.target.accepts(secret.login, secret.secret), "point \(point)")
    }
    #expect(paused > 1, "\(paused) paused of \(point)")
    try await world.close()
  }

  @Test func aRotationIsReviewedAndDoneAgainUnderANewApproval() async throws {
    let world = try await SimulatedWorld.make()
    let database = world.database
    // Duties keep the pace of the worker that ran them last.
    try await world.withWorker(planEvery: 0.05) { try await world.settled() }
    var (point, raced, stopped, isOver) = (0, 0, 0, false)
    while !isOver {
      point += 1
      #expect(try await world.requestRotations() == 1)
      let departure = Departure(at: point, world)
      try await world.withWorker(planEvery: 0.05, observer: departure.observe) {
        try await quiet(world)
      }
      isOver = !departure.happened
      if isOver { break }
      try await world.composition.governance.setState(.active, of: "bob", in: world.composition.client)
      #expect(try await database.count(Self.permitsAfterTheEnd) == 0, "point \(point)")
      let lost = try await database.count(losses("svc"))
      #expect(lost == raced + 1 || lost == raced, "point \(point)")
      #expect(
        (lost > raced)
          == (try await database.count(
            begun("svc") + " AND a.voided_at = (SELECT max(voided_at) FROM governance.authorization)") > 0),
        "point \(point)")
      // A ticket at once, and the second rotation when this one has come to its end under the new approval.
      _ = try await world.composition.lifecycle.followUpLostAuthority()
      try await world.approve([.issue, .rotate], "svc")
      try await world.withWorker(planEvery: 0.05) { try await world.settled() }
      if lost > raced {
        raced += 1
        _ = try await world.composition.lifecycle.followUpLostAuthority()
        try await world.withWorker(planEvery: 0.05) {
          try await database.eventually {
            try await database.count(
              """
              SELECT (SELECT count(*) FROM lifecycle.lost_authority WHERE settled_at IS NULL)
                + (SELECT count(*) FROM lifecycle.credential WHERE next_due_at <= now())
                + (SELECT count(*) FROM lifecycle.rotation WHERE finished_at IS NULL)
              """) == 0
          }
          try await world.settled()
        }
      } else if departure.happened {
        stopped += 1
      }
      _ = try await world.composition.lifecycle.settleTickets()
      #expect(
        try await database.count("SELECT count(*) FROM governance.ticket WHERE kind = 'review' AND state = 'open'")
          == 0,
        "point \(point)")
    }
    #expect(raced > 10 && stopped > 1, "\(raced) raced, \(stopped) stopped of \(point)")
    #expect(
      try await database.count(
        """
        SELECT count(*) FROM governance.ticket
        WHERE kind = 'review' AND resolution = 'proven' AND subject LIKE 'svc: authority fell away while its secret%'
        """) == raced)
    let secret = try await world.secret()
    #expect(world.target.accepts(secret.login, secret.secret))
    #expect(world.target.liveLogins.count == 1)
    try await world.close()
  }
}
