import Foundation
import Governance
import Lifecycle
import Postgres
import Synchronization

extension GovernanceStories {
  /// The approval is withdrawn between the target's answer and the next step: what was begun is ended safely.
  func authorityIsLostOnTheWay() async throws {
    title("An approval is withdrawn while the account is being made")
    try await addIdentity("svc_midway")
    let request = try await submit([.issue, .rotate], "svc_midway")
    try await approve(request)
    let identity = try await governance.identity("svc_midway", on: nil, in: client).id
    let withdrawal = Once()
    try await work { point in
      guard point.moment == .afterEffect, point.state == .applying, withdrawal.isFirst() else { return }
      try await self.transaction {
        try await self.governance.withdrawApproval(of: request.id, by: "bob", reason: "wrong account", in: $0)
      }
    }
    expect("bob withdraws his approval when the login exists, and before it is proven", withdrawal.happened)
    await refused("read the secret, which nobody ever got", "no current secret") {
      _ = try await self.lifecycle.currentSecret(of: identity)
    }
    let left = try await logins(like: "svc_midway%")
    expect("the login is taken away again: \(left) are on the target", left == 0)
    _ = try await lifecycle.settleTickets()
    let tickets = try await governance.tickets(of: identity, kind: .review, in: client)
    for ticket in tickets { say("ticket \(ticket.name): \(ticket.body.replacing("\n", with: " "))") }
    expect(
      "a ticket tells of it, and ended with the proof that it is gone",
      tickets.count == 1 && tickets.allSatisfy { $0.resolution == .compensated })
  }

  /// Asked of the target itself.
  private func logins(like pattern: String) async throws -> Int {
    let inspector = try await PostgresConnection.connect(world.inspector, logger: world.composition.logger)
    let count = try await inspector.query(CountLogins(pattern: pattern)).first ?? 0
    await inspector.close()
    return Int(count)
  }

  private final class Once: Sendable {
    private let state = Mutex(false)
    var happened: Bool { state.withLock { $0 } }

    func isFirst() -> Bool {
      state.withLock { happened in
        defer { happened = true }
        return !happened
      }
    }
  }
}

private struct CountLogins: Statement {
  static let sql = "SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname LIKE $1"
  let pattern: String
  func bind(_ parameters: inout PostgresParameters) { parameters.append(pattern) }
  static func decode(_ row: PostgresRow) throws -> Int64 { try row[0] }
}
