import Postgres

/// Until the end of the transaction the server cancels a statement, or a wait for a lock, that lasts longer.
struct LimitTransaction: Statement {
  static let sql = """
    SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $1, true)
    """

  let limit: Duration

  func bind(_ parameters: inout PostgresParameters) {
    // 0 would mean no limit; more than this is not an Int32.
    parameters.append(String(Int(min(max(1, limit / .milliseconds(1)), 2_000_000_000))))
  }
}
