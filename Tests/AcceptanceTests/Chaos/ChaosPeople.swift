import Foundation
import Lifecycle
import Schedules

/// Keeps sagas running: asks for rotations, cuts off what leaked, revokes, and issues new identities for those that are gone.
struct ChaosPeople {
  struct Account {
    let name: String
    let isStrict: Bool
    var isLeaving = false
    /// Cut off at some time: its secret may have been dead for a while.
    var wasContained = false
  }

  private let world: ChaosWorld
  private var dice: SeededGenerator
  private(set) var accounts: [Account] = []
  private(set) var orders: [String: Int] = [:]

  init(_ world: ChaosWorld, seed: UInt64) {
    self.world = world
    dice = SeededGenerator(seed: seed ^ 0x5DEE_CE66)
  }

  /// One in five has a single login.
  mutating func issue(strict: Bool = false) async throws {
    let name = (strict ? "svcs" : "svc") + "\(accounts.count + 1)"
    let mode = strict || (accounts.count + 1) % 5 != 0 ? "alternating" : "single"
    try await world.issue(name, on: strict ? ChaosWorld.strictTarget : ChaosWorld.target, mode: mode)
    accounts.append(Account(name: name, isStrict: strict))
    orders["issue", default: 0] += 1
  }

  /// One order about one account that has nothing else to do, if there is one.
  mutating func act() async throws {
    let busy = Set(
      try await world.control.texts(
        """
        SELECT i.name FROM governance.identity AS i
        LEFT JOIN lifecycle.credential AS c ON c.identity_id = i.id
        WHERE c.state IS DISTINCT FROM 'active'
          OR EXISTS (SELECT FROM lifecycle.rotation AS r WHERE r.credential_id = c.id AND r.finished_at IS NULL)
          OR EXISTS (SELECT FROM governance.embargo AS e WHERE e.subject = c.id)
          OR EXISTS (SELECT FROM lifecycle.containment_item AS t WHERE t.credential_id = c.id AND t.follow_up = 'waiting')
        """))
    let idle = accounts.indices.filter { !accounts[$0].isLeaving && !busy.contains(accounts[$0].name) }
    guard let index = idle.randomElement(using: &dice) else { return }
    let name = accounts[index].name
    let number = Int.random(in: 0..<100, using: &dice)
    switch number {
    case _ where accounts[index].isStrict, 0..<80:
      _ = try await world.rotate(name)
      orders["rotate", default: 0] += 1
    case 80..<90:
      accounts[index].wasContained = true
      try await world.contain(name, then: .rotate)
      orders["contain and rotate", default: 0] += 1
    case 90..<93:
      accounts[index].wasContained = true
      accounts[index].isLeaving = true
      try await world.contain(name, then: .revoke)
      orders["contain and revoke", default: 0] += 1
      try await issue()
    default:
      accounts[index].isLeaving = true
      try await world.revoke(name)
      orders["revoke", default: 0] += 1
      try await issue()
    }
  }
}
