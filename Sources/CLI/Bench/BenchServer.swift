import Daemon
import EmbeddedPostgres
import Foundation
import Jobs
import Logging
import Postgres

/// A durable PostgreSQL of a benchmark's own, in a temporary folder, with the schema.
struct BenchServer {
  /// What every figure is measured with; printed beside it.
  static let settings = [
    "fsync": "on", "synchronous_commit": "on", "shared_buffers": "1GB", "max_wal_size": "4GB", "max_connections": "100",
    "shared_preload_libraries": "pg_stat_statements",
  ]

  let folder: String
  let embedded: EmbeddedPostgres
  let running: RunningPostgres
  let logger: Logger
  /// As the engine, like a worker.
  let client: PostgresClient
  /// As the superuser.
  let owner: PostgresClient

  var url: String { running.databaseURL(database: ControlDatabase.databaseName) }

  static func start(logger: Logger) async throws -> BenchServer {
    let folder = try DemoWorld.makeFolder()
    let daemon = DaemonConfiguration(dataDirectory: folder)
    let embedded = EmbeddedPostgres(.init(dataDirectory: folder + "/postgres", settings: settings))
    let running = try await embedded.start()
    let database = try await ControlDatabase.open(daemon, logger: logger)
    _ = try await database.migrate(logger: logger)
    var owner = database.configuration
    owner.role = nil
    owner.statementTimeout = nil
    var engine = database.configuration
    engine.pool.maximumConnections = 8
    engine.statementTimeout = nil
    return BenchServer(
      folder: folder, embedded: embedded, running: running, logger: logger,
      client: PostgresClient(engine, logger: logger), owner: PostgresClient(owner, logger: logger))
  }

  func stop() async throws {
    await client.close()
    await owner.close()
    try await embedded.stop()
    try FileManager.default.removeItem(atPath: folder)
  }

  /// Each by itself: VACUUM and CHECKPOINT refuse to share a transaction.
  func run(_ statements: UtilityStatement...) async throws {
    try await owner.withConnection { connection in
      for statement in statements { try await connection.execute(statement) }
    }
  }

  /// An empty queue on fresh files, so that a run does not pay for the one before.
  func reset() async throws {
    try await run(
      "TRUNCATE jobs.job, jobs.job_archive, jobs.limit_group, jobs.worker, jobs.statistic", "CHECKPOINT")
  }

  /// Groups as targets would be; their ids are spread over the buckets.
  func makeGroups(_ count: Int, maximumRunning: Int32) async throws -> [LimitGroupID] {
    let groups = (0..<count).map { _ in LimitGroupID(UUID()) }
    let queue = JobQueue()
    try await client.withTransaction { transaction in
      for group in groups {
        try await queue.setLimit(group, GroupLimit(maximumRunning: maximumRunning), in: transaction)
      }
    }
    return groups
  }

  static let kind = JobKind(name: "rotate", precedence: 2)

  /// Jobs through the product's own enqueueing, in transactions of 1,000 on `connections` connections.
  func enqueue(_ count: Int, over groups: [LimitGroupID], connections: Int = 2) async throws {
    let queue = JobQueue()
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for part in 0..<connections {
        tasks.addTask {
          let (first, last) = (count * part / connections, count * (part + 1) / connections)
          for start in stride(from: first, to: last, by: JobQueue.batch) {
            var generator = SystemRandomNumberGenerator()
            let orders = (start..<min(start + JobQueue.batch, last)).map { index in
              JobQueue.Order(
                kind: Self.kind, subject: SubjectID(UUID.version4(using: &generator)),
                group: groups[index % groups.count], lane: .routine,
                fence: 0)
            }
            try await client.withTransaction { try await queue.enqueue(orders, in: $0) }
          }
        }
      }
      try await tasks.waitForAll()
    }
  }

  /// Where the server's time went since `clearProfile`, for `--profile`.
  func profile() async throws -> [[String?]] {
    try await owner.query(TopStatements())
  }

  func clearProfile() async throws {
    try await run("CREATE EXTENSION IF NOT EXISTS pg_stat_statements", "SELECT pg_stat_statements_reset()")
  }

  func settle() async throws { try await run("VACUUM (ANALYZE) jobs.job", "CHECKPOINT") }
}

/// Several figures of one measure.
struct Sample {
  private(set) var values: [Double] = []

  mutating func add(_ value: Double) { values.append(value) }

  var median: Double { percentile(50) }

  /// 0 when empty.
  var mean: Double { values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count) }

  /// Nearest rank; 0…100. 0 when empty.
  func percentile(_ share: Double) -> Double {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    let rank = Int((share / 100 * Double(sorted.count)).rounded(.up)) - 1
    return sorted[min(max(rank, 0), sorted.count - 1)]
  }

  var range: String { String(format: "%.0f…%.0f", values.min() ?? 0, values.max() ?? 0) }
}

private struct TopStatements: Statement {
  static let sql = """
    SELECT round(total_exec_time)::text, calls::text, rows::text, round((total_exec_time / calls)::numeric, 3)::text,
      left(regexp_replace(query, '\\s+', ' ', 'g'), 90)
    FROM pg_stat_statements
    ORDER BY total_exec_time DESC
    LIMIT 12
    """

  static func decode(_ row: PostgresRow) throws -> [String?] {
    try (0..<5).map { column in
      let text: String? = try row[column]
      return text
    }
  }
}
