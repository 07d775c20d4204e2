import Foundation
package import Jobs
package import Postgres

/// One change may concern ten thousand identities: what it takes away must be gone at once, while the tickets that tell of it
/// may come a few seconds later. What is owed is written in the transaction of the change, and its clocks run from the cause.
enum OwedTickets {
  /// More orders than this in one change are owed; so many are opened in one transaction.
  static let batch = 1000
}

extension GovernanceStore {
  /// Opens the oldest tickets that are owed, at most 1,000. Returns how many; 0 when none are left.
  @discardableResult
  package func openOwedTickets(in transaction: Transaction) async throws -> Int {
    guard let owed = try await transaction.queryFirst(TakeOwedTickets()) else { return 0 }
    try await transaction.execute(OpenTickets(orders: owed.orders, cause: owed.cause))
    return owed.orders.count
  }

  /// Once a second.
  package func owedTicketsDuty() -> MaintenanceDuty {
    MaintenanceDuty(name: "open-owed-tickets", period: 1) { transaction in
      "opened \(try await openOwedTickets(in: transaction))"
    }
  }

  func owe(_ orders: [OpenTickets.Order], cause: Date, in transaction: Transaction) async throws {
    for start in stride(from: 0, to: orders.count, by: OwedTickets.batch) {
      let part = Array(orders[start..<min(start + OwedTickets.batch, orders.count)])
      try await transaction.execute(InsertOwedTickets(orders: part, cause: cause))
    }
  }
}
