import Foundation
import Governance
import Postgres

struct InsertTargetTrial: Statement {
  static let sql = """
    INSERT INTO lifecycle.target_trial (id, target_id, target_name, passed, failed_step, reason, steps, seconds)
    VALUES ($1, $2, COALESCE(NULLIF(left(btrim($3), 100), ''), '?'), $4, $5, left($6, 1000), $7, $8)
    """

  let target: TargetID?
  let name: String
  let report: TargetTrial.Report

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(UUID.ordered())
    parameters.append(target?.rawValue)
    parameters.append(name)
    parameters.append(report.failure == nil)
    parameters.append(report.failure?.step)
    parameters.append(report.failure?.reason)
    parameters.append(Int32(report.steps))
    parameters.append(report.seconds)
  }
}

struct MarkTargetExamined: Statement {
  static let sql = "UPDATE governance.target SET examined_at = now() WHERE id = $1"

  let target: TargetID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(target.rawValue) }
}

/// The wall clock that everything here goes by.
struct ReadDatabaseTime: Statement {
  static let sql = "SELECT clock_timestamp()"

  static func decode(_ row: PostgresRow) throws -> Date { try row[0] }
}
