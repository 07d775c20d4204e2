import Foundation
import Postgres

struct InsertPerson: Statement {
  static let sql = """
    INSERT INTO governance.person (id, external_id, state_since, role_since)
    VALUES ($1, $2, clock_timestamp(), clock_timestamp())
    ON CONFLICT (external_id) DO NOTHING
    """

  let id: PersonID
  let externalID: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id.rawValue)
    parameters.append(externalID)
  }
}

struct FindPerson: Statement {
  static let sql = "SELECT id, external_id, state FROM governance.person WHERE external_id = $1"

  let externalID: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(externalID) }

  static func decode(_ row: PostgresRow) throws -> Person { try Person(row, from: 0) }
}

struct FindPersonByID: Statement {
  static let sql = "SELECT id, external_id, state FROM governance.person WHERE id = $1"

  let id: PersonID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(id.rawValue) }

  static func decode(_ row: PostgresRow) throws -> Person { try Person(row, from: 0) }
}

struct FindPersonByAccount: Statement {
  static let sql = """
    SELECT p.id, p.external_id, p.state
    FROM governance.person_account AS a
    JOIN governance.person AS p ON p.id = a.person_id
    WHERE a.realm = $1 AND a.login = $2
    """

  let realm: String
  let login: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(realm)
    parameters.append(login)
  }

  static func decode(_ row: PostgresRow) throws -> Person { try Person(row, from: 0) }
}

struct InsertPersonAccount: Statement {
  static let sql = """
    INSERT INTO governance.person_account (realm, login, person_id) VALUES ($1, $2, $3)
    ON CONFLICT (realm, login) DO NOTHING
    """

  let realm: String
  let login: String
  let person: PersonID

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(realm)
    parameters.append(login)
    parameters.append(person.rawValue)
  }
}

struct ListPeople: Statement {
  static let sql = "SELECT id, external_id, state FROM governance.person ORDER BY external_id LIMIT 1000"

  static func decode(_ row: PostgresRow) throws -> Person { try Person(row, from: 0) }
}

/// With their managers by name. All people of a source; for one person with `$2`.
struct FindPersonRecords: Statement {
  static let sql = """
    SELECT p.id, p.external_id, p.display_name, p.email, p.state, m.external_id, p.department, p.job_title, p.source,
      p.version, p.removed_at IS NOT NULL
    FROM governance.person AS p
    LEFT JOIN governance.person AS m ON m.id = p.manager_id
    WHERE p.source = $1 AND ($2::text IS NULL OR p.external_id = $2)
    ORDER BY p.id
    """

  let source: String
  let externalID: String?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(source)
    parameters.append(externalID)
  }

  static func decode(_ row: PostgresRow) throws -> PersonRecord {
    let state: String = try row[4]
    let attributes = PersonAttributes(
      externalID: try row[1], displayName: try row[2], email: try row[3],
      state: Person.State(rawValue: state) ?? .terminated, manager: try row[5], department: try row[6],
      jobTitle: try row[7])
    return PersonRecord(
      id: PersonID(try row[0]), attributes: attributes, source: try row[8], version: try row[9], isRemoved: try row[10])
  }
}

struct FindSourceOfPerson: Statement {
  static let sql = "SELECT source FROM governance.person WHERE external_id = $1"
  let externalID: String
  func bind(_ parameters: inout PostgresParameters) { parameters.append(externalID) }
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}

struct ListOtherPeople: Statement {
  static let sql = "SELECT external_id FROM governance.person WHERE source <> $1"
  let source: String
  func bind(_ parameters: inout PostgresParameters) { parameters.append(source) }
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}

/// Adds and changes people; managers follow with `SetManagers`, when everybody exists. Lock order: people by external id.
/// `role_since` moves when department, title or manager changed, `state_since` when the state did.
struct UpsertPeople: Statement {
  static let sql = """
    INSERT INTO governance.person AS p
      (id, external_id, display_name, email, state, department, job_title, source, as_of, state_since, role_since)
    SELECT m.id, m.external_id, m.display_name, m.email, m.state, m.department, m.job_title, $8, $9, clock_timestamp(),
      clock_timestamp()
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
      AS m (id, external_id, display_name, email, state, department, job_title)
    ORDER BY m.external_id
    ON CONFLICT (external_id) DO UPDATE
    SET display_name = EXCLUDED.display_name, email = EXCLUDED.email, state = EXCLUDED.state,
      department = EXCLUDED.department, job_title = EXCLUDED.job_title, source = EXCLUDED.source, as_of = EXCLUDED.as_of,
      state_since = CASE WHEN p.state <> EXCLUDED.state THEN clock_timestamp() ELSE p.state_since END,
      role_since = CASE
        WHEN (p.department, p.job_title) IS DISTINCT FROM (EXCLUDED.department, EXCLUDED.job_title)
          THEN clock_timestamp() ELSE p.role_since END,
      deactivated_at = CASE WHEN p.state = 'active' AND EXCLUDED.state <> 'active'
        THEN clock_timestamp() ELSE p.deactivated_at END,
      removed_at = NULL, version = p.version + 1
    """

  let ids: [PersonID]
  let people: [PersonAttributes]
  let source: String
  let asOf: Date

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(ids.map(\.rawValue))
    parameters.append(people.map(\.externalID))
    parameters.append(people.map(\.displayName))
    parameters.append(people.map(\.email))
    parameters.append(people.map(\.state.rawValue))
    parameters.append(people.map(\.department))
    parameters.append(people.map(\.jobTitle))
    parameters.append(source)
    parameters.append(asOf)
  }
}

struct SetManagers: Statement {
  static let sql = """
    UPDATE governance.person AS p
    SET manager_id = boss.id, role_since = clock_timestamp()
    FROM unnest($1::text[], $2::text[]) AS m (external_id, manager)
    LEFT JOIN governance.person AS boss ON boss.external_id = m.manager
    WHERE p.external_id = m.external_id AND p.manager_id IS DISTINCT FROM boss.id
    """

  let people: [PersonAttributes]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(people.map(\.externalID))
    parameters.append(people.map(\.manager))
  }
}

/// Tombstones: who the source no longer knows is terminated and stays.
struct RemovePeople: Statement {
  static let sql = """
    UPDATE governance.person
    SET removed_at = clock_timestamp(), version = version + 1, as_of = $3,
      state_since = CASE WHEN state <> 'terminated' THEN clock_timestamp() ELSE state_since END, state = 'terminated'
    WHERE source = $1 AND external_id = ANY($2) AND removed_at IS NULL
    """

  let source: String
  let externalIDs: [String]
  let asOf: Date

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(source)
    parameters.append(externalIDs)
    parameters.append(asOf)
  }
}

// MARK: Sources

struct InsertSource: Statement {
  static let sql = """
    INSERT INTO governance.identity_source (name, kind, maximum_age, break_share, break_persons)
    VALUES ($1, $2, make_interval(secs => $3), $4, $5)
    ON CONFLICT (name) DO NOTHING
    """

  let source: IdentitySource

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(source.name)
    parameters.append(source.kind.rawValue)
    parameters.append(source.maximumAge)
    parameters.append(source.breaker.share)
    parameters.append(Int32(source.breaker.persons))
  }
}

/// Locks the source: one delivery at a time.
struct LockSource: Statement {
  static let sql = """
    SELECT name, kind, as_of, sequence, EXTRACT(epoch FROM maximum_age)::float8, state, break_share, break_persons
    FROM governance.identity_source
    WHERE name = $1
    FOR NO KEY UPDATE
    """

  let name: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(name) }

  static func decode(_ row: PostgresRow) throws -> IdentitySource { try IdentitySource(row) }
}

struct ListSources: Statement {
  static let sql = """
    SELECT name, kind, as_of, sequence, EXTRACT(epoch FROM maximum_age)::float8, state, break_share, break_persons
    FROM governance.identity_source
    ORDER BY name
    """

  static func decode(_ row: PostgresRow) throws -> IdentitySource { try IdentitySource(row) }
}

extension IdentitySource {
  fileprivate init(_ row: PostgresRow) throws {
    let kind: String = try row[1]
    let state: String = try row[5]
    let persons: Int32 = try row[7]
    self.init(
      name: try row[0], kind: Kind(rawValue: kind) ?? .csv, asOf: try row[2], sequence: try row[3],
      maximumAge: try row[4], isQuarantined: state == "quarantined",
      breaker: MassChangeBreaker(share: try row[6], persons: Int(persons)))
  }
}

struct AdvanceSource: Statement {
  static let sql = """
    UPDATE governance.identity_source
    SET as_of = COALESCE($2, as_of), sequence = GREATEST(sequence, $3), state = $4
    WHERE name = $1
    """

  let source: String
  let asOf: Date?
  let sequence: Int64
  let state: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(source)
    parameters.append(asOf)
    parameters.append(sequence)
    parameters.append(state)
  }
}

struct InsertFeed: Statement {
  static let sql = """
    INSERT INTO governance.identity_feed
      (id, source, sequence, as_of, digest, persons, removals, state, content, settled_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, CASE WHEN $8 = 'applied' THEN clock_timestamp() END)
    ON CONFLICT (source, sequence) DO NOTHING
    """

  let id: UUID
  let source: String
  let feed: PersonFeed
  let removals: Int
  let state: String
  let content: JSONText?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(source)
    parameters.append(feed.sequence)
    parameters.append(feed.asOf)
    parameters.append(feed.digest)
    parameters.append(Int32(feed.people.count))
    parameters.append(Int32(removals))
    parameters.append(state)
    parameters.append(content)
  }
}

struct LockFeed: Statement {
  static let sql = """
    SELECT source, sequence, as_of, digest, content, state
    FROM governance.identity_feed
    WHERE id = $1
    FOR NO KEY UPDATE
    """

  let id: UUID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(id) }

  struct Row: Sendable {
    let source: String
    let sequence: Int64
    let asOf: Date
    let digest: [UInt8]
    let content: JSONText?
    let state: String
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(
      source: try row[0], sequence: try row[1], asOf: try row[2], digest: try row[3], content: try row[4],
      state: try row[5])
  }
}

struct SettleFeeds: Statement {
  static let sql = """
    UPDATE governance.identity_feed
    SET state = CASE WHEN id = $2 THEN 'applied' ELSE 'dropped' END, content = NULL, settled_at = clock_timestamp()
    WHERE source = $1 AND state = 'quarantined'
    """

  let source: String
  /// The one that was released; the others are dropped.
  let released: UUID?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(source)
    parameters.append(released)
  }
}

struct InsertFeedRelease: Statement {
  static let sql = """
    INSERT INTO governance.feed_release (feed_id, person_id, reason) VALUES ($1, $2, $3)
    ON CONFLICT (feed_id, person_id) DO NOTHING
    """

  let feed: UUID
  let person: PersonID
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(feed)
    parameters.append(person.rawValue)
    parameters.append(reason)
  }
}

struct CountFeedReleases: Statement {
  static let sql = """
    SELECT count(*)
    FROM governance.feed_release AS r
    JOIN governance.person AS p ON p.id = r.person_id
    WHERE r.feed_id = $1 AND p.state = 'active'
    """

  let feed: UUID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(feed) }
  static func decode(_ row: PostgresRow) throws -> Int64 { try row[0] }
}

extension Person {
  init(_ row: PostgresRow, from column: Int) throws {
    let state: String = try row[column + 2]
    self.init(
      id: PersonID(try row[column]), externalID: try row[column + 1], state: State(rawValue: state) ?? .terminated)
  }
}

/// The highest number of any delivery, applied or not.
struct FindLastSequence: Statement {
  static let sql = "SELECT COALESCE(max(sequence), 0) FROM governance.identity_feed WHERE source = $1"
  let source: String
  func bind(_ parameters: inout PostgresParameters) { parameters.append(source) }
  static func decode(_ row: PostgresRow) throws -> Int64 { try row[0] }
}
