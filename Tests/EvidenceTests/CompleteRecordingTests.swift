import Foundation
import Postgres
import TestSupport
import Testing

/// Walks the catalogue: every table is either recorded or named here with the reason why not, and so is every column whose
/// change leaves no leaf.
@Suite struct CompleteRecordingTests {
  /// A table that is new must be given to `evidence.watch` in its migration, or be named here.
  private static let unrecorded = [
    "evidence.batch": "the log itself", "evidence.event": "the log itself", "evidence.log": "the log itself",
    "evidence.outbox": "the log itself", "evidence.sealed": "the log itself", "evidence.tile": "the log itself",
    "evidence.opening": "what leaves commit to; erasing it is a leaf of evidence.erase",
    "evidence.pseudonym": "who stands behind leaves; erasing it is a leaf of evidence.erase",
    "evidence.hold": "a leaf of evidence.place_hold and evidence.lift_hold",
    "evidence.pruned": "a leaf of evidence.prune", "evidence.former_log": "a leaf of evidence.begin_anew",
    "evidence.timestamp": "says of the log what an authority says, which proves itself",
    "governance.permit": "in the leaf of the intent that it is for: rotation.step, containment_item",
    "governance.owed_tickets": "becomes tickets, which have leaves, in the transaction that deletes it",
    "governance.recheck": "how far a scan has come; what it finds leaves leaves",
    "jobs.job": "the queue's own work; what it does is in sagas, what people order in operator.action",
    "jobs.job_archive": "ended jobs, dropped by the day", "jobs.job_archive_default": "as jobs.job_archive",
    "jobs.limit_group": "tokens and breakers of the queue; what people change is in operator.action",
    "jobs.maintenance": "whose turn it is", "jobs.statistic": "counts", "jobs.worker": "heartbeats",
    "lifecycle.login_try": "counts of failed logins", "lifecycle.proof": "in rotation.step",
    "lifecycle.rotation_step": "in rotation.step",
  ]

  /// Rows of these are made with another leaf.
  private static let madeElsewhere = [
    "lifecycle.version": "rotation.step", "lifecycle.effect": "rotation.step",
    "lifecycle.containment_item": "the containment's digest",
  ]

  /// Columns that only beat or count, or of which the saga's own leaf tells.
  private static let beats: [String: Set<String>] = [
    "governance.identity_source": ["as_of"], "governance.scim_resource": ["modified_at"],
    "governance.incarnation": ["mark"], "governance.person": ["as_of"],
    "lifecycle.standby_admin": ["fence", "wait_until"], "lifecycle.discovery": ["next_at", "started_at"],
    "lifecycle.finding": ["last_seen_at"], "lifecycle.containment_item": ["attempts"],
    "lifecycle.consumer_version": ["reads", "last_read_at"],
    "lifecycle.delivery": ["attempts", "last_outcome", "tried_at"], "evidence.refusal": ["reason", "at"],
    "lifecycle.credential": ["fence", "due_anchor", "next_due_at", "next_verify_at", "id", "bucket", "created_at"],
    "lifecycle.version": [
      "credential_id", "number", "state", "login", "envelope", "created_at", "published_at", "ended_at",
    ],
    // Intents and outcomes: rotation.step; those that are taken over: rotation.cancelled; those that are repeated have a leaf.
    "lifecycle.effect": [
      "id", "rotation_id", "credential_id", "permit_id", "verb", "version", "fence", "state", "outcome_code",
      "intended_at", "settled_at",
    ],
    "lifecycle.rotation": [
      "id", "credential_id", "bucket", "state_reason", "new_version", "old_version", "fence", "candidates", "steps",
      "wait_until", "created_at", "entered_at", "finished_at", "granted", "inventory", "quarantine",
    ],
  ]

  /// Before all others, because leaves of others look them up.
  private static let first = [
    "governance.person", "governance.policy", "governance.target", "governance.identity", "governance.request",
    "governance.approval", "governance.authorization", "governance.ticket", "lifecycle.credential",
  ]

  private struct Column {
    let name: String
    let type: String
    let isAlways: Bool
  }

  private struct Table {
    let name: String
    let isRecorded: Bool
    /// Rows are never changed.
    let isAppendOnly: Bool
    var columns: [Column] = []
  }

  private func tables(_ connection: PostgresConnection) async throws -> [Table] {
    var tables: [String: Table] = [:]
    let found = try await connection.query(
      """
      SELECT n.nspname || '.' || c.relname, EXISTS (
          SELECT FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
          WHERE t.tgrelid = c.oid AND p.pronamespace = 'evidence'::regnamespace AND p.proname LIKE 'on\\_%'
            AND t.tgenabled = 'A')::text,
        EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgname LIKE '%append_only')::text
      FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('keyturn', 'jobs', 'governance', 'lifecycle', 'evidence')
        AND c.relname !~ '^job_archive_[0-9]'
      """)
    for row in found {
      let name: String = try row[0]
      tables[name] = Table(
        name: name, isRecorded: try row.decode(1, as: String.self) == "true",
        isAppendOnly: try row.decode(2, as: String.self) == "true")
    }
    let columns = try await connection.query(
      """
      SELECT table_schema || '.' || table_name, column_name, udt_name,
        (is_identity = 'YES' OR is_generated = 'ALWAYS')::text
      FROM information_schema.columns
      WHERE table_schema IN ('keyturn', 'jobs', 'governance', 'lifecycle', 'evidence')
      ORDER BY ordinal_position
      """)
    for row in columns {
      let table: String = try row[0]
      let column: String = try row[1]
      tables[table]?.columns.append(
        Column(name: column, type: try row[2], isAlways: try row.decode(3, as: String.self) == "true"))
    }
    let order = Dictionary(uniqueKeysWithValues: Self.first.enumerated().map { ($1, $0) })
    return tables.values.sorted {
      (order[$0.name] ?? Self.first.count, $0.name) < (order[$1.name] ?? Self.first.count, $1.name)
    }
  }

  /// Two values of each type; all rows share their ids, so that they know each other.
  private func value(_ type: String, changed: Bool) throws -> String {
    let number = changed ? "92" : "91"
    switch type {
    case "uuid": return "'00000000-0000-4000-8000-0000000000\(number)'"
    case "text": return "'word\(number)'"
    case "int2", "int4", "int8": return number
    case "float8": return "0.\(number)"
    case "bool": return changed ? "true" : "false"
    case "timestamptz": return "'20\(number)-01-01'"
    case "interval": return "interval '\(number) days'"
    case "jsonb": return "'{\"a\": \(number)}'"
    case "bytea": return "decode(repeat('6\(number.suffix(1))', 32), 'hex')"
    case "_text": return "ARRAY['word\(number)']"
    case "_uuid": return "ARRAY['00000000-0000-4000-8000-0000000000\(number)']::uuid[]"
    default: throw PostgresError(code: .decoding, message: "no value of type \(type)")
    }
  }

  private func leaves(_ connection: PostgresConnection) async throws -> Int {
    try await connection.query("SELECT count(*) FROM evidence.event")[0].decode(0, as: Int.self)
  }

  /// Without checks of values and references: only what records is left.
  private static let loosen = """
    SET session_replication_role = replica;
    DO $$
    DECLARE
      c record;
    BEGIN
      FOR c IN SELECT conrelid::regclass AS relation, conname FROM pg_constraint
        WHERE contype = 'c' AND conislocal AND connamespace IN ('keyturn'::regnamespace, 'jobs'::regnamespace,
          'governance'::regnamespace, 'lifecycle'::regnamespace, 'evidence'::regnamespace) AND conrelid <> 0 LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.relation, c.conname);
      END LOOP;
      FOR c IN SELECT tgrelid::regclass AS relation, tgname AS conname FROM pg_trigger
        WHERE NOT tgisinternal AND tgname IN ('permit_incarnation', 'person_no_delete') LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', c.relation, c.conname);
      END LOOP;
    END
    $$;
    """

  @Test func everyTableIsRecordedOrHasAReason() async throws {
    let database = try await TestDatabase.make()
    try await database.withOwner { connection in
      for table in try await tables(connection) {
        #expect(
          table.isRecorded != (Self.unrecorded[table.name] != nil),
          "\(table.name): call evidence.watch for it in its migration, or name it here with a reason")
      }
    }
    await database.close()
  }

  @Test func everyInsertUpdateAndDeleteOfEveryColumnLeavesALeaf() async throws {
    let database = try await TestDatabase.make()
    try await database.withOwner { connection in
      try await connection.executeScript(Self.loosen)
      let tables = try await tables(connection).filter(\.isRecorded)
      #expect(tables.count > 40)
      for table in tables {
        let columns = table.columns.filter { !$0.isAlways }
        let before = try await leaves(connection)
        try await connection.executeScript(
          "INSERT INTO \(table.name) "
            + "(\(columns.map { "\"\($0.name)\"" }.joined(separator: ", "))) VALUES "
            + "(\(try columns.map { try value($0.type, changed: false) }.joined(separator: ", ")))")
        let made = try await leaves(connection) - before
        #expect(made == (Self.madeElsewhere[table.name] == nil ? 1 : 0), "INSERT INTO \(table.name)")
        // Another one to refer to, for those that are moved to it.
        guard table.name == "governance.identity" else { continue }
        try await connection.executeScript(
          "INSERT INTO \(table.name) SELECT (jsonb_populate_record(i, jsonb_build_object('id', \(try value("uuid", changed: true)), "
            + "'name', 'other'))).* FROM \(table.name) AS i")
      }
      for table in tables where !table.isAppendOnly && table.name != "keyturn.schema_migration" {
        for column in table.columns where !column.isAlways {
          try await expectLeaf(of: column, of: table, connection)
        }
      }
      // What is deleted says so too; people, targets, identities, policies and sagas are never deleted.
      let kept: Set<String> = [
        "governance.person", "governance.target", "governance.identity", "governance.policy",
        "governance.authorization",
        "lifecycle.rotation", "keyturn.schema_migration", "governance.ticket", "jobs.operator_action",
      ]
      for table in tables.reversed() where !table.isAppendOnly && !kept.contains(table.name) {
        let before = try await leaves(connection)
        try await connection.executeScript(
          "BEGIN; DELETE FROM \(table.name) WHERE ctid = (SELECT min(ctid) FROM \(table.name))")
        #expect(try await leaves(connection) == before + 1, "DELETE FROM \(table.name)")
        try await connection.executeScript("ROLLBACK")
      }
    }
    await database.close()
  }

  private func expectLeaf(of column: Column, of table: Table, _ connection: PostgresConnection) async throws {
    let before = try await leaves(connection)
    let set =
      "UPDATE \(table.name) SET \"\(column.name)\" = \(try value(column.type, changed: true)) "
      + "WHERE ctid = (SELECT max(ctid) FROM \(table.name))"
    try await connection.executeScript("BEGIN; \(set)")
    let made = try await leaves(connection) - before
    try await connection.executeScript("ROLLBACK")
    let isBeat = Self.beats[table.name]?.contains(column.name) == true
    #expect((made >= 1) == !isBeat, "\(table.name).\(column.name) left \(made) leaves")
  }

  /// Every word that a state may be: going there from every other is in a leaf, by that word.
  @Test func everyStateThatARecordMayEnterIsInALeaf() async throws {
    let database = try await TestDatabase.make()
    try await database.withOwner { connection in
      let words = try await connection.query(
        """
        SELECT c.conrelid::regclass::text, a.attname,
          array_to_string(ARRAY(SELECT m[1] FROM regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''::text', 'g') AS m), ' ')
        FROM pg_constraint AS c
        JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        WHERE c.contype = 'c' AND c.conname LIKE '%\\_known' AND cardinality(c.conkey) = 1
          AND a.attname IN ('state', 'phase', 'resolution', 'follow_up')
          -- What is only added says its state when it is.
          AND NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.conrelid AND t.tgname LIKE '%append\\_only')
          AND c.conrelid::regclass::text <> ALL (ARRAY['jobs.job', 'lifecycle.rotation', 'lifecycle.effect', 'lifecycle.version'])
        ORDER BY 1, 2
        """
      ).map {
        (try $0.decode(0, as: String.self), try $0.decode(1, as: String.self), try $0.decode(2, as: String.self))
      }
      try await connection.executeScript(Self.loosen)
      let tables = try await tables(connection).filter(\.isRecorded)
      for table in tables {
        let columns = table.columns.filter { !$0.isAlways }
        try await connection.executeScript(
          "INSERT INTO \(table.name) (\(columns.map { "\"\($0.name)\"" }.joined(separator: ", "))) VALUES "
            + "(\(try columns.map { try value($0.type, changed: false) }.joined(separator: ", ")))")
      }
      var transitions = 0
      for (table, column, list) in words {
        let states = list.split(separator: " ").map(String.init)
        #expect(states.count >= 2, "\(table).\(column)")
        for from in states {
          for to in states where to != from {
            try await connection.executeScript(
              "BEGIN; SET LOCAL session_replication_role = replica; UPDATE \(table) SET \(column) = '\(from)'")
            let before = try await leaves(connection)
            try await connection.executeScript("UPDATE \(table) SET \(column) = '\(to)' WHERE \(column) = '\(from)'")
            let told = try await connection.query(
              "SELECT convert_from(body, 'UTF8') FROM evidence.event ORDER BY at DESC, batch DESC LIMIT 1")
            #expect(try await leaves(connection) > before, "\(table).\(column): \(from) → \(to)")
            #expect(try told[0].decode(0, as: String.self).contains("\"\(to)\""), "\(table).\(column): \(from) → \(to)")
            try await connection.executeScript("ROLLBACK")
            transitions += 1
          }
        }
      }
      #expect(transitions > 60)
    }
    await database.close()
  }

  /// A feed of thousands of people in one transaction takes few locks, however many cases it writes to.
  @Test func manyCasesInOneTransactionTakeFewLocks() async throws {
    let database = try await TestDatabase.make()
    try await database.withOwner { connection in
      try await connection.executeScript(
        """
        BEGIN;
        INSERT INTO governance.person (id, external_id)
        SELECT gen_random_uuid(), 'person ' || n FROM generate_series(1, 3000) AS n;
        """)
      let locks = try await connection.query(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
      #expect(try locks[0].decode(0, as: Int.self) < 300)
      try await connection.executeScript("COMMIT")
    }
    #expect(
      try await database.count("SELECT count(*) FROM evidence.event WHERE type = 'person.added'") == 3000)
    await database.close()
  }
}
