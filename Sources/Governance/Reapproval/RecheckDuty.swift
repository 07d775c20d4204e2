import Foundation
package import Jobs
import Postgres

extension GovernanceStore {
  /// Decides again over all live authorizations once a day, 200 at a time. Differences that only time explains are voided with
  /// a ticket; the others as well, and counted in `governance.recheck.unexpected`, which should stay 0.
  package func recheckDuty() -> MaintenanceDuty {
    MaintenanceDuty(name: "recheck-authorizations", period: 5) { transaction in
      guard let after = try await transaction.queryFirst(BeginRecheck()) else { return "no round is due" }
      let report = try await recheck(after: after.last, limit: 200, in: transaction)
      try await transaction.execute(AdvanceRecheck(report: report))
      return "checked \(report.checked), voided \(report.voided.count)"
    }
  }
}

/// Where to go on; no row when no round is due.
struct BeginRecheck: Statement {
  static let sql = """
    UPDATE governance.recheck AS r
    SET is_running = true, round_at = CASE WHEN r.is_running THEN r.round_at ELSE now() END,
      after = CASE WHEN r.is_running THEN r.after END,
      checked = CASE WHEN r.is_running THEN r.checked ELSE 0 END, voided = CASE WHEN r.is_running THEN r.voided ELSE 0 END,
      unexpected = CASE WHEN r.is_running THEN r.unexpected ELSE 0 END
    WHERE r.is_running OR r.round_at < now() - interval '1 day'
    RETURNING r.after
    """

  struct Row: Sendable {
    let last: UUID?
  }

  static func decode(_ row: PostgresRow) throws -> Row { Row(last: try row[0]) }
}

struct AdvanceRecheck: Statement {
  static let sql = """
    UPDATE governance.recheck
    SET after = $1::uuid, is_running = $1::uuid IS NOT NULL, finished_at = CASE WHEN $1::uuid IS NULL THEN now() ELSE finished_at END,
      checked = checked + $2, voided = voided + $3, unexpected = unexpected + $4
    """

  let report: RecheckReport

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(report.last)
    parameters.append(Int64(report.checked))
    parameters.append(Int64(report.voided.count))
    parameters.append(Int64(report.unexpected.values.reduce(0, +)))
  }
}
