import Postgres

/// Waits until no other transaction of this database changes the identity; held until the end of the transaction.
struct LockIdentity: Statement {
  static let sql = """
    SELECT pg_advisory_xact_lock(hashtextextended('keyturn:' || $1, 0))
    """

  let name: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(name) }
}
