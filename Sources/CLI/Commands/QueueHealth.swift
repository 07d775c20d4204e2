import Foundation
import Postgres

/// What slows the queue or harms its archive without stopping it.
///
/// Claims skip what is finished only up to the oldest transaction that still writes anywhere on the server: until it ends, they
/// read more rows.
struct QueueHealth: Sendable {
  struct Finding: Sendable, Equatable {
    let check: String
    /// Nil: all is well. Otherwise what is wrong, and the remedy.
    let detail: String?
  }

  var prepared: [FindPreparedTransactions.Row] = []
  var writers: [FindLongWriters.Row] = []
  var archive = FindArchiveTrouble.Row(hasStrays: false, lacksTomorrow: false)

  /// - Parameter preparedAge: seconds that a prepared transaction may be old.
  /// - Parameter writerAge: seconds that a writing transaction may be open.
  static func read(
    _ client: PostgresClient, preparedAge: Double = 60, writerAge: Double = 300
  ) async throws -> QueueHealth {
    var health = try await client.withTransaction(.readOnly) { transaction in
      // As the login itself: the engine's role may not see since when transactions of other logins are open.
      try await transaction.query(ActAsLogin())
      return QueueHealth(
        prepared: try await transaction.query(FindPreparedTransactions(seconds: preparedAge)),
        writers: try await transaction.query(FindLongWriters(seconds: writerAge)))
    }
    if let archive = try await client.queryFirst(FindArchiveTrouble()) { health.archive = archive }
    return health
  }

  var findings: [Finding] {
    [
      Finding(check: "prepared transactions", detail: preparedDetail),
      Finding(check: "long transactions", detail: writersDetail),
      Finding(
        check: "archive",
        detail: archive.hasStrays
          ? "finished jobs lie in the default partition, where they are never dropped; let a worker run, its upkeep moves "
            + "them within the hour, or run SELECT jobs.make_archive_partitions(7)"
          : nil),
      Finding(
        check: "archive of tomorrow",
        detail: archive.lacksTomorrow
          ? "its partition is missing; let a worker run, its upkeep makes it within the hour, or run "
            + "SELECT jobs.make_archive_partitions(7)"
          : nil),
    ]
  }

  private var preparedDetail: String? {
    guard let oldest = prepared.first else { return nil }
    return
      "\(prepared.count) older than a minute, the oldest '\(oldest.name.prefix(60))' in database \(oldest.database) for "
      + "\(Int(oldest.age)) s; claims read more rows until they end: COMMIT PREPARED or ROLLBACK PREPARED there"
  }

  private var writersDetail: String? {
    let seen = writers.filter { $0.age != nil }
    if let oldest = seen.first, let age = oldest.age {
      return "\(seen.count) write for more than 5 minutes, the oldest is process \(oldest.process) (\(oldest.user) in "
        + "\(oldest.database)) for \(Int(age)) s; claims read more rows until they end: end it, or run "
        + "SELECT pg_terminate_backend(\(oldest.process))"
    }
    guard !writers.isEmpty else { return nil }
    return "\(writers.count) of other logins write now and since when cannot be seen; GRANT pg_read_all_stats to "
      + "Keyturn's login to check them"
  }
}

struct ActAsLogin: Statement {
  static let sql = "SELECT set_config('role', 'none', true)"
  static func decode(_ row: PostgresRow) throws {}
}

/// On the whole server: the queue's horizon knows no databases.
struct FindPreparedTransactions: Statement {
  static let sql = """
    SELECT gid, database::text, extract(epoch FROM now() - prepared)::float8
    FROM pg_prepared_xacts
    WHERE prepared < now() - make_interval(secs => $1)
    ORDER BY prepared
    LIMIT 1000
    """

  let seconds: Double

  func bind(_ parameters: inout PostgresParameters) { parameters.append(seconds) }

  struct Row: Sendable {
    let name: String
    let database: String
    /// Seconds.
    let age: Double
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(name: try row[0], database: try row[1], age: try row[2])
  }
}

/// Also those whose age may not be seen, last.
struct FindLongWriters: Statement {
  static let sql = """
    SELECT pid, COALESCE(usename::text, '?'), COALESCE(datname::text, '?'), extract(epoch FROM now() - xact_start)::float8
    FROM pg_stat_activity
    WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
      AND (xact_start IS NULL OR xact_start < now() - make_interval(secs => $1))
    ORDER BY xact_start NULLS LAST
    LIMIT 1000
    """

  let seconds: Double

  func bind(_ parameters: inout PostgresParameters) { parameters.append(seconds) }

  struct Row: Sendable {
    let process: Int32
    let user: String
    let database: String
    /// Seconds; nil when it may not be seen.
    let age: Double?
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(process: try row[0], user: try row[1], database: try row[2], age: try row[3])
  }
}

struct FindArchiveTrouble: Statement {
  static let sql = """
    SELECT EXISTS (SELECT FROM jobs.job_archive_default),
      to_regclass('jobs.job_archive_' || to_char((now() AT TIME ZONE 'UTC')::date + 1, 'YYYYMMDD')) IS NULL
    """

  struct Row: Sendable {
    let hasStrays: Bool
    let lacksTomorrow: Bool
  }

  static func decode(_ row: PostgresRow) throws -> Row { Row(hasStrays: try row[0], lacksTomorrow: try row[1]) }
}
