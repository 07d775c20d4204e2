import Evidence
import Foundation
import Governance
import MerkleLog
import TestSupport
import Testing

/// `keyturn audit` from end to end: what it writes is checked by both verifiers, as an auditor would.
@Suite struct AuditCommandTests {
  private func keyturn(_ world: EvidenceWorld, _ arguments: String...) async throws -> Program.Ended {
    try await Program.keyturn(
      ["audit"] + arguments + ["--database-url", world.database.url, "--data-dir", world.folder])
  }

  /// Both must say the same.
  private func verdict(_ path: String, _ world: EvidenceWorld) async throws -> Int32 {
    let first = try await Program.verify([path, "--key", world.signer.key.vkey])
    let second = try await Program.secondVerifier([path, "--key", world.signer.key.vkey])
    #expect(first.code == second.code, "\(first.output) \(second.output)")
    return first.code
  }

  /// Runs `body` while a sealer works, as a worker with the key does.
  private func sealing(_ world: EvidenceWorld, _ body: @Sendable @escaping () async throws -> Void) async throws {
    let sealer = world.sealer(name: "background")
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await sealer.run() }
      try await body()
      group.cancelAll()
    }
  }

  @Test func packagesOfACaseAPeriodAndASample() async throws {
    let world = try await EvidenceWorld.make()
    try await world.live("one")
    try await world.live("two")
    try await world.seal()
    let day = Date().addingTimeInterval(-86_400).formatted(.iso8601.year().month().day())
    let now = Date().addingTimeInterval(1).formatted(.iso8601)

    // A case.
    let listed = try await keyturn(world, "timeline", "--json").rows()
    #expect(listed.count == 6)
    let id = try #require(listed.first?["case"] as? String)
    let one = world.folder + "/one.zip"
    let made = try await keyturn(world, "package", id, "-o", one, "--by", "alice", "--json")
    #expect(made.code == 0, "\(made.errors)")
    #expect(try made.object()["cases"] as? String == "1")
    #expect(try await verdict(one, world) == 0)
    let checked = try await Program.keyturn(["audit", "verify", one, "--key", world.signer.key.vkey])
    #expect(checked.code == 0 && checked.output.contains("sound"))
    // It was exported, and that is evidence too; who exports must be known.
    #expect(
      try await world.database.count("SELECT count(*) FROM evidence.event WHERE type = 'evidence.exported'") == 1)
    let nobody = try await keyturn(world, "package", id, "-o", world.folder + "/no.zip", "--by", "mallory")
    #expect(nobody.code == 4 && !FileManager.default.fileExists(atPath: world.folder + "/no.zip"))
    let unknown = try await keyturn(world, "package", UUID().leafText, "-o", one, "--by", "alice")
    #expect(unknown.code != 0 && unknown.errors.contains("no evidence of case"))

    // A period, and what extends the checkpoint that the auditor kept.
    let period = world.folder + "/period.zip"
    let head = try #require(try await world.reader.head())
    try await world.seal()
    let whole = try await keyturn(
      world, "package", "--from", day, "--since", "\(head.size)", "-o", period, "--by", "alice", "--json")
    #expect(try whole.object()["cases"] as? String == "6", "\(whole.errors)")
    #expect(try await verdict(period, world) == 0)
    let kept = world.folder + "/kept"
    try #require(head.note).write(toFile: kept, atomically: true, encoding: .utf8)
    let since = try await Program.verify([period, "--key", world.signer.key.vkey, "--since", kept, "--json"])
    #expect(since.code == 0)
    #expect(try since.object()["extends"] as? Int == Int(head.size))

    // A sample: not before its population was fixed.
    let sample = world.folder + "/sample.zip"
    let early = try await keyturn(
      world, "sample", "--from", day, "--until", now, "--seed", "auditor's seed", "-o", sample, "--by", "alice")
    #expect(early.code != 0 && early.errors.contains("audit population"))
    let fixed = try await keyturn(world, "population", "--from", day, "--until", now, "--by", "alice", "--json")
    #expect(try fixed.object()["cases"] as? String == "6", "\(fixed.errors)")
    try await sealing(world) {
      let drawn = try await keyturn(
        world, "sample", "--from", day, "--until", now, "--seed", "auditor's seed", "--size", "95/5", "-o", sample,
        "--csv", world.folder + "/times.csv", "--by", "alice", "--json")
      #expect(drawn.code == 0, "\(drawn.errors)")
    }
    #expect(try await verdict(sample, world) == 0)
    let times = try String(contentsOfFile: world.folder + "/times.csv", encoding: .utf8).split(separator: "\n")
    #expect(times.count == 7 && times[0].hasPrefix("case,opened,proven") && times[1].hasSuffix("true"))
    // With the day: an auditor's period may be a year.
    #expect(
      times[1].split(separator: ",")[1].wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil, "\(times[1])")

    // A timeline.
    let timeline = try await keyturn(world, "timeline", id)
    #expect(timeline.code == 0 && timeline.output.contains("→ done") && timeline.output.contains("proof"))
    #expect(try await keyturn(world, "timeline", UUID().leafText).code != 0)
    try await world.close()
  }

  @Test func theReportIsCountedFromLeavesAndNamesItsCases() async throws {
    let world = try await EvidenceWorld.make()
    let day = Date().addingTimeInterval(-86_400).formatted(.iso8601.year().month().day())
    func report(_ more: String...) async throws -> [String: [String: Any]] {
      let ended = try await Program.keyturn(
        ["audit", "report", "--from", day, "--json", "--database-url", world.database.url, "--data-dir", world.folder]
          + more)
      #expect(ended.code == 0, "\(ended.errors)")
      let rows = try ended.rows()
      #expect(rows.first?["control"] as? String == "COVERAGE")
      return Dictionary(uniqueKeysWithValues: rows.map { ($0["control"] as? String ?? "", $0) })
    }
    func status(_ report: [String: [String: Any]], _ control: String) -> String {
      report[control]?["status"] as? String ?? "missing"
    }
    // Nothing happened: nothing is green.
    try await world.seal()
    let empty = try await report()
    #expect(empty.count == 17)
    #expect(empty.filter { $0.key != "PR.AA-04" }.allSatisfy { status(empty, $0.key) == "not measurable" })

    try await world.live("one")
    try await world.addIdentity("two")
    try await world.approve([.issue, .rotate], "two")
    try await world.work()
    try await world.seal()
    let sound = try await report("--discovered", "2")
    for control in [
      "COVERAGE", "NHI1", "NHI2", "NHI4", "NHI5", "NHI7", "PR.AA-01", "PR.AA-02", "PR.AA-03", "PR.AA-04", "PR.AA-05",
    ] {
      #expect(status(sound, control) == "met", "\(control): \(sound[control] ?? [:])")
    }
    for control in ["NHI3", "NHI6", "NHI8", "NHI9", "NHI10", "PR.AA-06"] {
      #expect(status(sound, control) == "not measurable", "\(control)")
    }
    // Not covered, and somebody left: red, with what is behind it.
    try await world.owner("UPDATE governance.person SET state = 'terminated' WHERE external_id = 'carol'")
    try await world.seal()
    let (html, csv) = (world.folder + "/report.html", world.folder + "/report.csv")
    let red = try await report("--discovered", "5", "--html", html, "--csv", csv)
    #expect(status(red, "COVERAGE") == "not met" && status(red, "PR.AA-02") == "not met")
    let identity = try await world.identity("two")
    let text = try String(contentsOfFile: csv, encoding: .utf8)
    let lines = text.split(separator: "\n")
    #expect(lines.count == 18 && lines[1].hasPrefix("COVERAGE"))
    #expect(text.contains("\(identity)") && text.contains("NHI-02") && text.contains("PR.AC-1 (CSF 1.1)"))
    let page = try String(contentsOfFile: html, encoding: .utf8)
    #expect(page.contains("<svg") && page.contains("@page") && page.contains("not measurable"))
    let head = try #require(try await world.reader.head())
    for words in [
      "NHI2", "also NHI-02", "also PR.AC-1 (CSF 1.1)", "identities with active owner and backup", "0 / 2", "100.0 %",
      head.root.base64, "href=\"#PR.AA-02\"", "id=\"PR.AA-02\"", "revoke, % in time",
    ] {
      #expect(page.contains(words), "\(words)")
    }
    #expect(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"))

    // A dated exception for that identity.
    try await world.owner(
      """
      INSERT INTO governance.ticket (id, kind, state, resolution, identity_id, subject, excused_until, excused_by, resolved_at)
      SELECT gen_random_uuid(), 'review', 'resolved', 'unverifiable', i.id, 'backup', '2099-05-06', p.id, now()
      FROM governance.identity AS i, governance.person AS p WHERE p.external_id = 'alice'
      """)
    try await world.seal()
    #expect(status(try await report(), "PR.AA-02") == "exception until 2099-05-06")
    try await world.close()
  }

  @Test func holdErasePruneStatusAndCheck() async throws {
    let world = try await EvidenceWorld.make()
    try await world.live("one")
    try await world.seal()
    let status = try await keyturn(world, "status", "--json").object()
    #expect(status["leaves_waiting"] as? String == "0" && status["refused"] is NSNull)
    #expect(try await keyturn(world, "key").output.contains(world.signer.key.vkey))
    #expect(try await keyturn(world, "key", "--create", "evidence.example/other").code != 0)
    let hold = try await keyturn(world, "hold", "--person", "alice", "--by", "bob", "--reason", "case 7")
    #expect(hold.code == 0, "\(hold.errors)")
    let kept = try await keyturn(world, "erase", "--person", "alice", "--by", "bob", "--reason", "asked")
    #expect(kept.code != 0 && kept.errors.contains("legal hold"))
    #expect(try await keyturn(world, "release", "--person", "alice", "--by", "bob", "--reason", "over").code == 0)
    #expect(try await keyturn(world, "release", "--person", "alice", "--by", "bob", "--reason", "over").code != 0)
    let erased = try await keyturn(world, "erase", "--person", "alice", "--by", "bob", "--reason", "asked", "--json")
    #expect(erased.code == 0, "\(erased.errors)")
    #expect(try erased.object()["held"] as? String == "0")
    #expect(try await world.database.count("SELECT count(*) FROM evidence.opening WHERE value LIKE '%alice%'") == 0)
    let pruned = try await keyturn(world, "prune", "--json")
    #expect(try pruned.object()["tiles_pruned"] as? String == "0", "\(pruned.errors)")
    // Nothing published yet: only what the database says of itself. Then something is changed.
    try await world.seal()
    try await Publisher(
      reader: world.reader, store: DirectoryStore(path: world.folder + "/evidence"), key: world.signer.key,
      logger: TestDatabase.logger
    ).publish()
    #expect(try await keyturn(world, "check").code == 0)
    try await world.owner(
      """
      ALTER TABLE evidence.event DISABLE TRIGGER event_append_only;
      UPDATE evidence.event AS e SET body = body || ' ' FROM evidence.sealed AS s
      WHERE s.batch = e.batch AND s.first_index + e.n = 10;
      ALTER TABLE evidence.event ENABLE ALWAYS TRIGGER event_append_only;
      """)
    let damaged = try await keyturn(world, "check", "--json")
    #expect(damaged.code == 1)
    #expect(try damaged.object()["first_bad_leaf"] as? String == "10")
    try await world.close()
  }

  @Test func aNewLogIsBegunByCommand() async throws {
    let world = try await EvidenceWorld.make()
    try await world.live("one")
    let head = try await world.seal()
    let store = DirectoryStore(path: world.folder + "/evidence")
    let later = Checkpoint(origin: head.origin, size: head.size + 7, root: .digest([7]))
    let note = SignedNote(text: later.text, signatures: [try world.signer.sign(later.text)]).description
    func begin(_ more: String...) async throws -> Program.Ended {
      try await Program.keyturn(
        [
          "audit", "new-log", "--name", "evidence.example/second", "--by", "alice", "--reason", "no copy left",
          "--json",
        ]
          + more + ["--database-url", world.database.url, "--data-dir", world.folder])
    }
    let nowhere = try await begin("--former", world.folder + "/nowhere")
    #expect(nowhere.code != 0 && nowhere.errors.contains("--former"))
    try await store.write(DirectoryStore.checkpointPath, Array(note.utf8))
    await #expect(throws: EvidenceError.self) { _ = try await world.sealer(known: [store]).takeLead() }
    #expect(try await keyturn(world, "status").output.contains("restored"))
    let begun = try await begin()
    #expect(begun.code == 0, "\(begun.errors)")
    let signer = try SigningKeyFile(path: world.folder + "/evidence.key").load()
    #expect(try begun.object()["key"] as? String == signer.key.vkey)
    let former = try #require(try begun.object()["former_key_file"] as? String)
    #expect(try SigningKeyFile(path: former).load().key == world.signer.key)
    #expect(try await keyturn(world, "status").output.contains(head.origin))
    #expect(try await begin().code != 0, "not twice under one name")
    try await world.close()
  }
}
