import Postgres

/// Until the end of the transaction the server ends a statement, a wait for a lock, and our own silence between statements
/// that last longer; from 17 on also the transaction as a whole. A worker that is stopped in the middle so loses its
/// transaction, locks and all, and what it says when it goes on meets a closed connection.
struct LimitTransaction: Statement {
  static let sql = """
    SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $1, true),
           set_config('idle_in_transaction_session_timeout', $1, true),
           CASE WHEN current_setting('server_version_num')::int >= 170000
                THEN set_config('transaction_timeout', $1, true) END
    """

  let limit: Duration

  func bind(_ parameters: inout PostgresParameters) {
    // 0 would mean no limit; more than this is not an Int32.
    parameters.append(String(Int(min(max(1, limit / .milliseconds(1)), 2_000_000_000))))
  }
}
