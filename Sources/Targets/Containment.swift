/// An identity to cut off: no login of it is accepted any more, and no session of it is open.
package struct ContainmentOrder: Sendable {
  package let identity: TargetIdentity
  package let context: EffectContext

  package init(identity: TargetIdentity, context: EffectContext) {
    self.identity = identity
    self.context = context
  }
}

extension TargetDriver {
  /// One after the other, for drivers without a better way. Blocked first and ended after; nothing is done for an order
  /// whose deadline has passed.
  package func containOneByOne(_ orders: [ContainmentOrder]) async -> [EffectOutcome] {
    var outcomes: [EffectOutcome] = []
    for order in orders { outcomes.append(await containOne(order)) }
    return outcomes
  }

  private func containOne(_ order: ContainmentOrder) async -> EffectOutcome {
    let logins = order.identity.logins
    do {
      let blocked = try await apply(.blockLogins(logins, of: order.identity), context: order.context)
      guard blocked == .done else { return blocked }
      let ended = try await apply(.endSessions(logins, of: order.identity), context: order.context)
      guard ended == .done else { return ended }
      for _ in 1...2 where try await countSessions(of: logins, deadline: order.context.deadline) > 0 {
        return .unknown(cause: "sessions remain")
      }
      return .done
    } catch {
      return .unknown(cause: "driver_error")
    }
  }
}
