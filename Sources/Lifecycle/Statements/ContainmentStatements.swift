import Foundation
import Governance
import Postgres

/// Everything a selector matches, whatever its state, ordered by id. Null selects all.
struct FindContainable: Statement {
  static let sql = """
    SELECT c.id, t.name, t.environment, c.state,
      EXISTS (SELECT FROM lifecycle.rotation AS r WHERE r.credential_id = c.id AND r.finished_at IS NULL),
      g.paused_at IS NOT NULL,
      COALESCE((SELECT array_agg(n.name ORDER BY n.name) FROM lifecycle.consumer AS n
        WHERE n.credential_id = c.id AND n.removed_at IS NULL), '{}')
    FROM lifecycle.credential AS c
    JOIN governance.identity AS i ON i.id = c.identity_id
    JOIN governance.target AS t ON t.id = c.target_id
    JOIN governance.person AS o ON o.id = i.owner_id
    JOIN governance.policy AS p ON p.id = i.policy_id
    LEFT JOIN jobs.limit_group AS g ON g.id = t.id
    WHERE ($1::text IS NULL OR t.name LIKE $1)
      AND ($2::text IS NULL OR t.environment = $2)
      AND ($3::text IS NULL OR o.external_id = $3)
      AND ($4::text IS NULL OR p.name = $4)
      AND ($5::text IS NULL OR i.name LIKE $5)
    ORDER BY c.id
    """

  let selector: RotationSelector

  func bind(_ parameters: inout PostgresParameters) { selector.bind(&parameters) }

  static func decode(_ row: PostgresRow) throws -> SelectedContainment {
    let state: String = try row[3]
    guard let state = CredentialRecord.State(rawValue: state) else {
      throw LifecycleError(code: .unreadableRow, message: "a credential is in a state this version does not know")
    }
    return SelectedContainment(
      id: CredentialID(try row[0]), target: try row[1], environment: try row[2], state: state, isUnderWay: try row[4],
      isPaused: try row[5], consumers: try row[6])
  }
}

/// Lock order: credentials by id, before their jobs. What is revoked is not returned.
struct LockContainableCredentials: Statement {
  static let sql = """
    SELECT c.id, c.identity_id, c.target_id,
      GREATEST(c.fence, (SELECT max(r.fence) FROM lifecycle.rotation AS r
        WHERE r.credential_id = c.id AND r.finished_at IS NULL))
    FROM lifecycle.credential AS c
    JOIN governance.identity AS i ON i.id = c.identity_id
    JOIN governance.target AS t ON t.id = c.target_id
    JOIN governance.person AS o ON o.id = i.owner_id
    JOIN governance.policy AS p ON p.id = i.policy_id
    WHERE c.state <> 'revoked'
      AND ($1::text IS NULL OR t.name LIKE $1)
      AND ($2::text IS NULL OR t.environment = $2)
      AND ($3::text IS NULL OR o.external_id = $3)
      AND ($4::text IS NULL OR p.name = $4)
      AND ($5::text IS NULL OR i.name LIKE $5)
    ORDER BY c.id
    FOR NO KEY UPDATE OF c
    """

  let selector: RotationSelector

  func bind(_ parameters: inout PostgresParameters) { selector.bind(&parameters) }

  struct Row: Sendable {
    let id: CredentialID
    let identity: IdentityID
    let target: TargetID
    let fence: Int64
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(
      id: CredentialID(try row[0]), identity: IdentityID(try row[1]), target: TargetID(try row[2]), fence: try row[3])
  }
}

/// The fences of live jobs, which nobody claims while they are locked. Lock order: after the credentials, by subject.
struct LockJobsOf: Statement {
  static let sql = """
    SELECT j.subject, j.fence
    FROM jobs.job AS j
    WHERE j.subject = ANY($1)
    ORDER BY j.subject
    FOR NO KEY UPDATE
    """

  let credentials: [CredentialID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credentials.map(\.rawValue)) }

  static func decode(_ row: PostgresRow) throws -> (CredentialID, Int64) { (CredentialID(try row[0]), try row[1]) }
}

struct InsertContainment: Statement {
  static let sql = """
    INSERT INTO lifecycle.containment
      (id, selector, digest, follow_up, requested_by, ticket, reason, permission_id, break_glass_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    """

  let id: ContainmentID
  let selector: RotationSelector
  let digest: SelectionDigest
  let followUp: ContainmentFollowUp
  let by: PersonID
  let ticket: String
  let reason: String
  let permission: UUID?
  let breakGlass: UUID?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id.rawValue)
    parameters.append(selector.description)
    parameters.append(digest.description)
    parameters.append(followUp.rawValue)
    parameters.append(by.rawValue)
    parameters.append(ticket)
    parameters.append(reason)
    parameters.append(permission)
    parameters.append(breakGlass)
  }
}

struct InsertContainmentTargets: Statement {
  static let sql = """
    INSERT INTO lifecycle.containment_target (id, containment_id, target_id, bucket)
    SELECT w.id, $1, w.target_id, jobs.bucket_of(w.target_id)
    FROM unnest($2::uuid[], $3::uuid[]) AS w (id, target_id)
    """

  let containment: ContainmentID
  let ids: [UUID]
  let targets: [TargetID]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(containment.rawValue)
    parameters.append(ids)
    parameters.append(targets.map(\.rawValue))
  }
}

/// With the embargo on each; one that another containment has set stays.
struct InsertContainmentItems: Statement {
  static let sql = """
    WITH wanted AS (
      SELECT *
      FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[]) AS w (entry, credential_id, authorization_id, fence)
    ), embargo AS (
      INSERT INTO governance.embargo (subject, reason)
      SELECT credential_id, $5
      FROM wanted
      ON CONFLICT (subject) DO NOTHING
    )
    INSERT INTO lifecycle.containment_item (containment_target_id, credential_id, authorization_id, state, fence)
    SELECT entry, credential_id, authorization_id, 'waiting', fence
    FROM wanted
    """

  struct Item: Sendable {
    let entry: UUID
    let credential: CredentialID
    let authorization: AuthorizationID
    let fence: Int64
  }

  let items: [Item]
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(items.map(\.entry))
    parameters.append(items.map(\.credential.rawValue))
    parameters.append(items.map(\.authorization.rawValue))
    parameters.append(items.map(\.fence))
    parameters.append(reason)
  }
}

struct FindContainmentEntry: Statement {
  static let sql = """
    SELECT e.id, e.target_id, t.admin_version, c.id, c.follow_up, c.requested_by, c.ticket, e.tried_at IS NOT NULL,
      e.ended_at IS NOT NULL
    FROM lifecycle.containment_target AS e
    JOIN lifecycle.containment AS c ON c.id = e.containment_id
    JOIN governance.target AS t ON t.id = e.target_id
    WHERE e.id = $1
    """

  let id: UUID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(id) }

  static func decode(_ row: PostgresRow) throws -> ContainmentEntry {
    let word: String = try row[4]
    guard let followUp = ContainmentFollowUp(rawValue: word) else {
      throw LifecycleError(code: .unreadableRow, message: "a containment holds a word this version does not know")
    }
    return ContainmentEntry(
      id: try row[0], target: TargetID(try row[1]), adminVersion: try row[2], containment: ContainmentID(try row[3]),
      followUp: followUp, requestedBy: PersonID(try row[5]), ticket: try row[6], isTried: try row[7],
      isEnded: try row[8])
  }
}

struct FindContainment: Statement {
  static let sql = """
    SELECT c.id, c.selector, c.follow_up, p.external_id, c.requested_at, clock_timestamp()
    FROM lifecycle.containment AS c
    JOIN governance.person AS p ON p.id = c.requested_by
    WHERE c.id::text LIKE $1 || '%'
    ORDER BY c.requested_at DESC
    LIMIT 10
    """

  /// Hexadecimal digits and hyphens.
  let prefix: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(prefix) }

  struct Row: Sendable {
    let id: ContainmentID
    let selector: String
    let followUp: ContainmentFollowUp
    let requestedBy: String
    let requestedAt: Date
    let now: Date
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    let word: String = try row[2]
    return Row(
      id: ContainmentID(try row[0]), selector: try row[1], followUp: ContainmentFollowUp(rawValue: word) ?? .rotate,
      requestedBy: try row[3], requestedAt: try row[4], now: try row[5])
  }
}

struct FindContainmentPlaces: Statement {
  static let sql = """
    SELECT t.name, count(m.credential_id), count(*) FILTER (WHERE m.state = 'contained'),
      count(*) FILTER (WHERE m.state = 'refused'), count(*) FILTER (WHERE m.state IN ('waiting', 'intended')),
      count(*) FILTER (WHERE m.follow_up = 'waiting' OR (m.follow_up = 'opened' AND r.finished_at IS NULL)),
      count(*) FILTER (WHERE m.follow_up = 'opened' AND r.finished_at IS NOT NULL),
      count(*) FILTER (WHERE m.follow_up = 'not_allowed'),
      CASE WHEN count(*) FILTER (WHERE m.state IN ('waiting', 'intended')) = 0
        THEN EXTRACT(epoch FROM max(m.settled_at) - max(c.requested_at))::float8 END,
      COALESCE(max(CASE WHEN g.paused_at IS NOT NULL THEN 'paused: ' || g.paused_reason END),
        max(m.outcome_code) FILTER (WHERE m.state = 'refused'), max(j.hold_reason), max(j.last_error),
        max(m.outcome_code))
    FROM lifecycle.containment_target AS e
    JOIN lifecycle.containment AS c ON c.id = e.containment_id
    JOIN governance.target AS t ON t.id = e.target_id
    JOIN lifecycle.containment_item AS m ON m.containment_target_id = e.id
    LEFT JOIN lifecycle.rotation AS r ON r.id = m.rotation_id AND r.credential_id = m.credential_id
    LEFT JOIN jobs.limit_group AS g ON g.id = t.id
    LEFT JOIN jobs.job AS j ON j.subject = e.id AND j.bucket = e.bucket
    WHERE e.containment_id = $1
    GROUP BY t.name
    ORDER BY t.name
    """

  let containment: ContainmentID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(containment.rawValue) }

  static func decode(_ row: PostgresRow) throws -> ContainmentStatus.Place {
    let remaining: Int = try row[4]
    let refused: Int = try row[3]
    let open: Int = try row[5]
    let problem: String? = try row[9]
    return ContainmentStatus.Place(
      target: try row[0], credentials: try row[1], contained: try row[2], refused: refused, remaining: remaining,
      followUpsOpen: open, followUpsDone: try row[6], notAllowed: try row[7], secondsToContain: try row[8],
      problem: remaining > 0 || refused > 0 || open > 0 ? problem : nil)
  }
}
