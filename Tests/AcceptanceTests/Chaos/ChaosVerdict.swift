import Foundation
import TestSupport
import Testing

/// What the target's log tells against the rows of the control database.
struct ChaosVerdict {
  let world: ChaosWorld

  /// A line of the target's log, with what follows it until the next one.
  private struct Entry {
    let at: Double
    let text: Substring
  }

  private struct Change {
    let at: Double
    let identity: String
    let verb: String
  }

  /// Empty: it held.
  func violations() async throws -> (found: [String], changes: Int, refused: Int) {
    let entries = Self.entries(of: try await grep(["-aE", " ROLE |FATAL"]))
    let changes = Self.changes(in: entries)
    let (lockouts, refused) = Self.lockouts(in: entries)
    return (try await withoutIntent(changes) + lockouts, changes.count, refused)
  }

  /// How many of `secrets` the target's log or a worker has.
  func spoken(_ secrets: [String]) async throws -> Int {
    let path = world.target.folder + "/secrets"
    try (secrets.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
    let found = try await grep(["-aoFhf", path])
    try FileManager.default.removeItem(atPath: path)
    return Set(found.split(separator: "\n")).count
  }

  /// Over the logs of the target and the workers, which are long.
  private func grep(_ arguments: [String]) async throws -> String {
    let folder = world.target.folder
    let output = folder + "/grep"
    try Data().write(to: URL(fileURLWithPath: output))
    let logs = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix("worker-") }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      ["grep"] + (arguments.contains("-aE") ? ["-h"] : []) + arguments
      + [folder + "/postgres/postgres.log"] + logs.map { folder + "/" + $0 }
    process.standardOutput = FileHandle(forWritingAtPath: output)
    try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Void, any Error>) in
      process.terminationHandler = { _ in ended.resume() }
      do { try process.run() } catch { ended.resume(throwing: error) }
    }
    try #require(process.terminationStatus <= 1, "grep failed")
    return try String(contentsOfFile: output, encoding: .utf8)
  }

  private static func entries(of log: String) -> [Entry] {
    var entries: [Entry] = []
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "UTC")
    format.dateFormat = "yyyy-MM-dd HH:mm:ss.SSS"
    for line in log.split(separator: "\n") {
      if let at = format.date(from: String(line.prefix(23))) {
        entries.append(Entry(at: at.timeIntervalSince1970, text: line))
      } else if let last = entries.popLast() {
        entries.append(Entry(at: last.at, text: last.text + "\n" + line))
      }
    }
    return entries
  }

  /// What the admin said that changes who can log in. Said is enough: whether it was committed or not, it must have been
  /// intended before.
  private static func changes(in entries: [Entry]) -> [Change] {
    let pattern = /(CREATE|ALTER|DROP) ROLE "?(svcs?[0-9]+)(_[ab])?"?( NOLOGIN| LOGIN PASSWORD)?/
    var changes: [Change] = []
    for entry in entries where entry.text.contains("LOG:") && entry.text.contains(" ROLE ") {
      for match in entry.text.matches(of: pattern) {
        let (_, verb, identity, login, rest) = match.output
        let intended: String? =
          switch (verb, rest) {
          case (_, " LOGIN PASSWORD"): "set_secret"
          case ("ALTER", " NOLOGIN"): "block_logins"
          // Of a login. An identity's own role goes with its logins.
          case ("DROP", _) where login != nil: "drop"
          default: nil
          }
        if let intended { changes.append(Change(at: entry.at, identity: String(identity), verb: intended)) }
      }
    }
    return changes
  }

  /// The n-th change of a kind needs n intents before it. Blocks are also a containment's, whose intents are permits.
  private func withoutIntent(_ changes: [Change]) async throws -> [String] {
    var intents: [String: [Double]] = [:]
    let rows = try await world.control.texts(
      """
      SELECT i.name || ' ' || e.verb || ' ' || extract(epoch FROM e.intended_at)
        || ' ' || CASE WHEN e.verb IN ('block_logins', 'drop') AND r.action = 'revoke' AND i.login_mode = 'alternating' THEN 2 ELSE 1 END
      FROM lifecycle.effect AS e
      JOIN lifecycle.rotation AS r ON r.id = e.rotation_id
      JOIN lifecycle.credential AS c ON c.id = e.credential_id
      JOIN governance.identity AS i ON i.id = c.identity_id
      UNION ALL
      SELECT i.name || ' block_logins ' || extract(epoch FROM p.granted_at) || ' 2'
      FROM governance.permit AS p
      JOIN lifecycle.credential AS c ON c.id = p.subject
      JOIN governance.identity AS i ON i.id = c.identity_id
      WHERE NOT EXISTS (SELECT FROM lifecycle.effect AS e WHERE e.permit_id = p.id)
      """)
    for row in rows {
      let words = row.split(separator: " ")
      guard words.count == 4, let at = Double(words[2]), let logins = Int(words[3]) else { continue }
      intents["\(words[0]) \(words[1])", default: []] += Array(repeating: at, count: logins)
    }
    var found: [String] = []
    for (key, said) in Dictionary(grouping: changes, by: { "\($0.identity) \($0.verb)" }) {
      let intended = (intents[key] ?? []).sorted()
      for (index, change) in said.sorted(by: { $0.at < $1.at }).enumerated() {
        // The log has milliseconds.
        if index >= intended.count || intended[index] > change.at + 0.002 {
          found.append("\(key): change \(index + 1) of \(said.count) had no intent of its own, of \(intended.count)")
          break
        }
      }
    }
    return found
  }

  /// Three failed logins of one login, none of them later than the window after the one before. A successful one in between
  /// does not count: not every target forgives so.
  private static func lockouts(in entries: [Entry]) -> ([String], Int) {
    let pattern = /FATAL: +(?:password authentication failed for user|role) "(svcs[0-9]+_[ab])"/
    var failures: [String: [Double]] = [:]
    for entry in entries where entry.text.contains("FATAL") {
      if let match = entry.text.firstMatch(of: pattern) {
        failures[String(match.output.1), default: []].append(entry.at)
      }
    }
    var found: [String] = []
    for (login, times) in failures {
      var run = 0
      var last = -Double.infinity
      for time in times {
        run = time - last < ChaosWorld.lockoutWindow ? run + 1 : 1
        last = time
        if run == 3 { found.append("\(login) was locked: three failed logins, the last at \(time)") }
      }
    }
    return (found, failures.values.reduce(0) { $0 + $1.count })
  }
}
