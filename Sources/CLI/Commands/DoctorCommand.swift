import ArgumentParser
import Foundation
import Postgres

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Check database, schema, keys, workers, queue and targets; each finding with its remedy.",
    discussion: "A problem ends it with 1, a warning does not.")

  @OptionGroup var global: GlobalOptions

  mutating func run() async throws {
    var rows: [[String?]] = []
    do {
      let session = try await Session.open(global)
      rows.append([
        "database", "ok", session.composition.database.embedded == nil ? "named server" : "embedded cluster",
      ])
      rows.append(["schema", "ok", nil])
      rows.append(["keys", "ok", "current key \(session.composition.keys.currentKeyID)"])
      let incarnation = try await session.composition.incarnation.report()
      rows.append([
        "incarnation", incarnation.doubt == nil ? "ok" : "problem",
        incarnation.doubt.map { "observe-only: \($0.explanation); see `keyturn incarnation`" },
      ])
      for open in try await session.client.query(ListOpenMatters()) {
        rows.append([open.check, "warning", open.detail])
      }
      let workers = try await session.client.query(SumLiveWorkers()).first?.count ?? 0
      rows.append([
        "workers", workers > 0 ? "ok" : "problem",
        workers > 0 ? "\(workers) alive" : "none is alive; start one with `keyturn worker` or `keyturn dev`",
      ])
      rows += try await QueueHealth.read(session.client).findings.map {
        [$0.check, $0.detail == nil ? "ok" : "warning", $0.detail]
      }
      for target in try await session.client.query(ListTargets()) {
        let problems: [String]
        do { problems = try await session.lifecycle.examineTarget(target.name) } catch { problems = ["\(error)"] }
        rows.append([
          "target \(target.name)", problems.isEmpty ? "ok" : "problem",
          problems.isEmpty ? nil : problems.joined(separator: "; "),
        ])
      }
      await session.close()
    } catch {
      rows.append(["connection", "problem", "\(error)"])
      global.output.table(["check", "result", "detail"], rows, empty: "")
      throw ExitCode(Failure.code(of: error))
    }
    global.output.table(["check", "result", "detail"], rows, empty: "")
    if rows.contains(where: { $0[1] == "problem" }) { throw ExitCode(1) }
  }
}

/// Alarms that are not over, and reviews of emergency access that are overdue.
struct ListOpenMatters: Statement {
  static let sql = """
    SELECT 'alarm ' || kind, detail
    FROM keyturn.v_alarm
    WHERE cleared_at IS NULL
    UNION ALL
    SELECT 'break-glass', 'the review of ' || break_glass_id || ' was due at ' || to_char(review_due_at, 'YYYY-MM-DD HH24:MI')
      || '; somebody else must close it with `keyturn break-glass review`'
    FROM keyturn.v_break_glass
    WHERE review_overdue
    LIMIT 100
    """

  static func decode(_ row: PostgresRow) throws -> (check: String, detail: String) { (try row[0], try row[1]) }
}
