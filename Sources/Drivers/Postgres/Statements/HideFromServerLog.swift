import Postgres

/// Until the end of the transaction the server does not log statements, if the admin may say so: as superuser, or after
/// `GRANT SET ON PARAMETER log_statement TO …`. Asked first, because a refused attempt would itself be logged. Where it
/// may not, a verifier can get into the server's log, a secret never.
struct HideFromServerLog: Statement {
  static let sql = """
    SELECT CASE WHEN has_parameter_privilege('log_statement', 'SET')
                THEN set_config('log_statement', 'none', true) END,
           CASE WHEN has_parameter_privilege('log_min_duration_statement', 'SET')
                THEN set_config('log_min_duration_statement', '-1', true) END,
           CASE WHEN has_parameter_privilege('log_min_error_statement', 'SET')
                THEN set_config('log_min_error_statement', 'panic', true) END
    """
}
