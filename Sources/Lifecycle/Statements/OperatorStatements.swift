import Foundation
import Governance
import Jobs
import Postgres

struct LockTargetState: Statement {
  static let sql = """
    SELECT max_running, rate_per_minute, rate_burst, paused_at IS NOT NULL, paused_reason, breaker
    FROM jobs.limit_group
    WHERE id = $1
    FOR NO KEY UPDATE
    """

  let group: LimitGroupID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(group.rawValue) }

  static func decode(_ row: PostgresRow) throws -> TargetState {
    TargetState(
      limit: GroupLimit(maximumRunning: try row[0], perMinute: try row[1], burst: try row[2]), isPaused: try row[3],
      pausedReason: try row[4], breaker: try row[5])
  }
}

/// Lock order: after the credential. Relies on `job_pkey`.
struct LockLiveJob: Statement {
  static let sql = """
    SELECT j.kind, j.lane, j.fence, j.lease_owner IS NOT NULL, j.follow_up_kind
    FROM jobs.job AS j
    JOIN lifecycle.credential AS c ON c.id = j.subject AND c.bucket = j.bucket
    WHERE c.id = $1
    FOR NO KEY UPDATE OF j
    """

  let credential: CredentialID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credential.rawValue) }

  struct Row: Sendable {
    let kind: String
    let lane: Int16
    let fence: Int64
    let isLeased: Bool
    let followUpKind: String?
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(kind: try row[0], lane: try row[1], fence: try row[2], isLeased: try row[3], followUpKind: try row[4])
  }
}

/// What is open for a credential. Only true for as long as its job is locked, so a statement after `LockLiveJob`. Relies on
/// `rotation_open_once`.
struct FindCancellableSagas: Statement {
  static let sql = """
    SELECT r.id, r.action, r.state, r.new_version, r.old_version, r.candidates, r.fence,
      EXISTS (SELECT FROM lifecycle.effect AS e WHERE e.rotation_id = r.id), now(), r.entered_at
    FROM lifecycle.rotation AS r
    WHERE r.credential_id = $1 AND r.finished_at IS NULL
    """

  let credential: CredentialID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credential.rawValue) }

  struct Row: Sendable {
    let id: RotationID
    let action: GovernedAction
    let state: RotationState
    let newVersion: Int32?
    let oldVersion: Int32?
    let candidates: Int32
    let fence: Int64
    let hasEffects: Bool
    let now: Date
    let enteredAt: Date
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    let (action, state): (String, String) = (try row[1], try row[2])
    guard let action = GovernedAction(rawValue: action), let state = RotationState(rawValue: state) else {
      throw LifecycleError(code: .unreadableRow, message: "a rotation holds a word this version does not know")
    }
    return Row(
      id: RotationID(try row[0]), action: action, state: state, newVersion: try row[3], oldVersion: try row[4],
      candidates: try row[5], fence: try row[6], hasEffects: try row[7], now: try row[8], enteredAt: try row[9])
  }
}

/// The sealed secret is destroyed with the change of state; it never reached the target.
struct OrphanCandidate: Statement {
  static let sql = """
    UPDATE lifecycle.version
    SET state = 'orphan', envelope = NULL, ended_at = now()
    WHERE credential_id = $1 AND state = 'candidate'
    """

  let credential: CredentialID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credential.rawValue) }
}

struct SetNextDue: Statement {
  static let sql = """
    UPDATE lifecycle.credential
    SET next_due_at = COALESCE($2, 'infinity'::timestamptz)
    WHERE id = $1 AND state = 'active'
    """

  let credential: CredentialID
  let nextDue: Date?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(credential.rawValue)
    parameters.append(nextDue)
  }
}

extension RotationSelector {
  /// `$1` to `$5` of every statement that a selector chooses for.
  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(target?.likePattern)
    parameters.append(environment)
    parameters.append(owner)
    parameters.append(policy)
    parameters.append(identity?.likePattern)
  }
}

/// Everything a selector matches, whatever its state, ordered by id. Null selects all.
struct FindSelectedCredentials: Statement {
  static let sql = """
    SELECT c.id, t.name, t.environment, c.state, c.authorization_id, c.hard_expires_at,
      EXISTS (SELECT FROM lifecycle.rotation AS r WHERE r.credential_id = c.id AND r.finished_at IS NULL)
    FROM lifecycle.credential AS c
    JOIN governance.identity AS i ON i.id = c.identity_id
    JOIN governance.target AS t ON t.id = c.target_id
    JOIN governance.person AS o ON o.id = i.owner_id
    JOIN governance.policy AS p ON p.id = i.policy_id
    WHERE ($1::text IS NULL OR t.name LIKE $1)
      AND ($2::text IS NULL OR t.environment = $2)
      AND ($3::text IS NULL OR o.external_id = $3)
      AND ($4::text IS NULL OR p.name = $4)
      AND ($5::text IS NULL OR i.name LIKE $5)
    ORDER BY c.id
    """

  let selector: RotationSelector

  func bind(_ parameters: inout PostgresParameters) { selector.bind(&parameters) }

  static func decode(_ row: PostgresRow) throws -> SelectedCredential {
    let state: String = try row[3]
    guard let state = CredentialRecord.State(rawValue: state) else {
      throw LifecycleError(code: .unreadableRow, message: "a credential is in a state this version does not know")
    }
    return SelectedCredential(
      id: CredentialID(try row[0]), target: try row[1], environment: try row[2], state: state,
      authorization: AuthorizationID(try row[4]), hardExpiresAt: try row[5], isUnderWay: try row[6])
  }
}

/// Lock order: credentials by id, before their jobs. What is open already, or not active any more, is not returned.
struct LockRotatableCredentials: Statement {
  static let sql = """
    SELECT c.id, c.identity_id, c.target_id, c.state, c.authorization_id, c.fence, c.due_anchor,
      NULLIF(c.next_due_at, 'infinity'), c.hard_expires_at
    FROM lifecycle.credential AS c
    WHERE c.id = ANY($1) AND c.state = 'active'
      AND NOT EXISTS (SELECT FROM lifecycle.rotation AS r WHERE r.credential_id = c.id AND r.finished_at IS NULL)
    ORDER BY c.id
    FOR NO KEY UPDATE OF c
    """

  let credentials: [CredentialID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credentials.map(\.rawValue)) }

  static func decode(_ row: PostgresRow) throws -> CredentialRecord { try CredentialRecord(row) }
}

/// As `InsertSaga`, for rotations of many credentials. Returns those that got one: a rotation that was opened meanwhile stays.
struct InsertRotations: Statement {
  static let sql = """
    INSERT INTO lifecycle.rotation
      (id, credential_id, bucket, action, state, trigger, requested_by, ticket, authorization_id)
    SELECT w.id, c.id, c.bucket, 'rotate', 'planned', CASE WHEN c.leaked_at IS NOT NULL THEN 'leak' ELSE $3 END, $4, $5, c.authorization_id
    FROM unnest($1::uuid[], $2::uuid[]) AS w (id, credential_id)
    JOIN lifecycle.credential AS c ON c.id = w.credential_id
    ORDER BY c.id
    ON CONFLICT (credential_id, (action = 'revoke')) WHERE finished_at IS NULL DO NOTHING
    RETURNING credential_id
    """

  let credentials: [CredentialID]
  let trigger: RotationTrigger

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(credentials.map { _ in UUID() })
    parameters.append(credentials.map(\.rawValue))
    parameters.append(trigger.word)
    parameters.append(trigger.person?.rawValue)
    parameters.append(trigger.ticket)
  }

  static func decode(_ row: PostgresRow) throws -> CredentialID { CredentialID(try row[0]) }
}
