import Foundation
import Governance
import Jobs
import Postgres
import Targets

struct FindOpenSaga: Statement {
  static let sql = """
    SELECT r.id, r.credential_id, r.action, r.state, r.trigger, r.authorization_id, r.new_version, r.old_version,
      r.candidates, r.resume_state, r.wait_until, r.entered_at, c.identity_id, c.due_anchor, c.hard_expires_at, now()
    FROM lifecycle.rotation AS r
    JOIN lifecycle.credential AS c ON c.id = r.credential_id
    WHERE r.credential_id = $1 AND r.finished_at IS NULL
    ORDER BY r.action = 'revoke' DESC
    LIMIT 1
    """

  let subject: SubjectID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(subject.rawValue) }

  struct Row: Sendable {
    let id: UUID
    let credential: UUID
    let action: String
    let state: String
    let trigger: String
    let authorization: UUID
    let newVersion: Int32?
    let oldVersion: Int32?
    let candidates: Int32
    let resumeState: String?
    let waitUntil: Date?
    let enteredAt: Date
    let identity: UUID
    let dueAnchor: Date?
    let hardExpiresAt: Date
    let now: Date
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(
      id: try row[0], credential: try row[1], action: try row[2], state: try row[3], trigger: try row[4],
      authorization: try row[5], newVersion: try row[6], oldVersion: try row[7], candidates: try row[8],
      resumeState: try row[9], waitUntil: try row[10], enteredAt: try row[11], identity: try row[12],
      dueAnchor: try row[13], hardExpiresAt: try row[14], now: try row[15])
  }
}

struct InsertSaga: Statement {
  static let sql = """
    INSERT INTO lifecycle.rotation
      (id, credential_id, bucket, action, state, trigger, requested_by, ticket, authorization_id)
    SELECT $1, c.id, c.bucket, $3, 'planned', $4, $5, $6, $7
    FROM lifecycle.credential AS c
    WHERE c.id = $2
    ON CONFLICT (credential_id, (action = 'revoke')) WHERE finished_at IS NULL DO NOTHING
    """

  let id: RotationID
  let credential: CredentialID
  let action: GovernedAction
  let trigger: RotationTrigger
  let authorization: AuthorizationID

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id.rawValue)
    parameters.append(credential.rawValue)
    parameters.append(action.rawValue)
    parameters.append(trigger.word)
    parameters.append(trigger.person?.rawValue)
    parameters.append(trigger.ticket)
    parameters.append(authorization.rawValue)
  }
}

/// One move of a saga and its line of history. Guard: state and fence; zero rows means that the saga is elsewhere.
struct MoveSaga: Statement {
  static let sql = """
    WITH old AS (
      SELECT id, entered_at FROM lifecycle.rotation WHERE id = $1
    ), moved AS (
      UPDATE lifecycle.rotation AS r
      SET state = $3,
        state_reason = left($4, 500),
        fence = $5,
        new_version = $6,
        old_version = $7,
        candidates = $8,
        resume_state = $9,
        wait_until = $10,
        steps = r.steps + 1,
        entered_at = now(),
        finished_at = CASE WHEN $3 IN ('done', 'rolled_back', 'cancelled') THEN now() END
      FROM old
      WHERE r.id = old.id AND r.state = $2 AND r.fence <= $5 AND r.finished_at IS NULL
      RETURNING r.id, r.steps, old.entered_at
    )
    INSERT INTO lifecycle.rotation_step (rotation_id, sequence, from_state, to_state, fence, started_at)
    SELECT id, steps, $2, $3, $5, entered_at
    FROM moved
    """

  let rotation: RotationID
  let from: RotationState
  let to: RotationState
  let reason: String?
  let fence: Int64
  let newVersion: Int32?
  let oldVersion: Int32?
  let candidates: Int32
  let resumeState: RotationState?
  let waitUntil: Date?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(rotation.rawValue)
    parameters.append(from.rawValue)
    parameters.append(to.rawValue)
    parameters.append(reason)
    parameters.append(fence)
    parameters.append(newVersion)
    parameters.append(oldVersion)
    parameters.append(candidates)
    parameters.append(resumeState?.rawValue)
    parameters.append(waitUntil)
  }
}

/// A revocation takes over: what it cuts includes whatever the other saga had done.
struct CancelOtherSagas: Statement {
  static let sql = """
    UPDATE lifecycle.rotation
    SET state = 'cancelled', state_reason = 'taken over by a revocation', finished_at = now(), entered_at = now()
    WHERE credential_id = $2 AND id <> $1 AND finished_at IS NULL
    """

  let rotation: RotationID
  let credential: CredentialID

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(rotation.rawValue)
    parameters.append(credential.rawValue)
  }
}

/// No row without its permit, so that a refused permit is what the step fails with, and not a broken reference.
struct InsertEffect: Statement {
  static let sql = """
    INSERT INTO lifecycle.effect (id, rotation_id, credential_id, permit_id, verb, version, fence, state)
    SELECT $1, $2, $3, p.id, $5, $6, $7, 'intended'
    FROM governance.permit AS p
    WHERE p.id = $4
    """

  let id: UUID
  let rotation: RotationID
  let credential: CredentialID
  let permit: UUID
  let verb: TargetVerb
  let version: Int32?
  let fence: Int64

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(rotation.rawValue)
    parameters.append(credential.rawValue)
    parameters.append(permit)
    parameters.append(verb.rawValue)
    parameters.append(version)
    parameters.append(fence)
  }
}

struct SupersedeEffects: Statement {
  static let sql = """
    UPDATE lifecycle.effect
    SET state = 'unknown', outcome_code = 'repeated', settled_at = clock_timestamp()
    WHERE rotation_id = $1 AND verb = $2 AND state = 'intended' AND fence <= $3
    """

  let rotation: RotationID
  let verb: TargetVerb
  let fence: Int64

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(rotation.rawValue)
    parameters.append(verb.rawValue)
    parameters.append(fence)
  }
}

struct SettleEffect: Statement {
  static let sql = """
    UPDATE lifecycle.effect
    SET state = $2, outcome_code = left($3, 200), settled_at = clock_timestamp()
    WHERE id = $1 AND state = 'intended' AND fence = $4
    """

  let effect: UUID
  let state: String
  let code: String?
  let fence: Int64

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(effect)
    parameters.append(state)
    parameters.append(code)
    parameters.append(fence)
  }
}

struct InsertProof: Statement {
  static let sql = """
    INSERT INTO lifecycle.proof (id, rotation_id, credential_id, version, kind, result, detail, fence)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    """

  let id = UUID()
  let rotation: RotationID
  let credential: CredentialID
  let version: Int32?
  let kind: ProofKind
  let result: ProofResult
  let detail: [String: String]
  let fence: Int64

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(rotation.rawValue)
    parameters.append(credential.rawValue)
    parameters.append(version)
    parameters.append(kind.rawValue)
    parameters.append(result.rawValue)
    parameters.append(JSONText(encoding: detail))
    parameters.append(fence)
  }
}
