import Foundation
import Governance
import Postgres

/// Both admins of a target.
struct TargetAdmins: Sendable {
  let target: TargetID
  let kind: String
  let settings: [String: String]
  let activeVersion: Int32
  let activeEnvelope: [UInt8]
  let login: String
  let version: Int32
  let envelope: [UInt8]
  let candidate: (version: Int32, envelope: [UInt8])?
  let phase: AdminRotation.Phase
  let secondsToWait: Double
  let fence: Int64

  var activeLogin: String { settings["user"] ?? "" }
  /// Of a secret to be: no other secret of the target's admins has it.
  var nextVersion: Int32 { max(activeVersion, version, candidate?.version ?? 0) + 1 }
}

struct FindTargetAdmins: Statement {
  static let sql = """
    SELECT t.id, t.kind, t.settings, t.admin_version, t.admin_envelope, s.login, s.version, s.envelope,
      s.candidate_version, s.candidate_envelope, s.phase,
      GREATEST(0, EXTRACT(epoch FROM s.wait_until - now()))::float8, s.fence
    FROM lifecycle.standby_admin AS s
    JOIN governance.target AS t ON t.id = s.target_id
    WHERE s.target_id = $1
    """

  let target: TargetID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(target.rawValue) }

  static func decode(_ row: PostgresRow) throws -> TargetAdmins {
    let settings: JSONText = try row[2]
    let (version, envelope): (Int32?, [UInt8]?) = (try row[8], try row[9])
    let (phase, wait): (String, Double?) = (try row[10], try row[11])
    guard let phase = AdminRotation.Phase(rawValue: phase) else {
      throw LifecycleError(code: .unreadableRow, message: "a standby admin is in a phase this version does not know")
    }
    return TargetAdmins(
      target: TargetID(try row[0]), kind: try row[1], settings: try settings.decodedStrings(),
      activeVersion: try row[3], activeEnvelope: try row[4], login: try row[5], version: try row[6],
      envelope: try row[7], candidate: version.flatMap { version in envelope.map { (version, $0) } }, phase: phase,
      secondsToWait: wait ?? 0, fence: try row[12])
  }
}

/// Guard: no rotation of the admins is under way.
struct PutStandbyAdmin: Statement {
  static let sql = """
    INSERT INTO lifecycle.standby_admin AS s
      (target_id, login, version, envelope, rotate_every, overlap, requested_by, reason)
    VALUES ($1, $2, $3, $4, make_interval(secs => $5), make_interval(secs => $6), $7, $8)
    ON CONFLICT (target_id) DO UPDATE
    SET login = excluded.login, version = excluded.version, envelope = excluded.envelope,
      rotate_every = excluded.rotate_every, overlap = excluded.overlap, requested_by = excluded.requested_by,
      reason = excluded.reason
    WHERE s.phase = 'idle'
    """

  let target: TargetID
  let login: String
  let version: Int32
  let envelope: [UInt8]
  /// Seconds; nil: only when asked for.
  let period: Double?
  let overlap: Double
  let person: String
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(target.rawValue)
    parameters.append(login)
    parameters.append(version)
    parameters.append(envelope)
    parameters.append(period)
    parameters.append(overlap)
    parameters.append(person)
    parameters.append(reason)
  }
}

/// Our fence onto the target's admins. Not done: somebody newer was here.
struct RaiseAdminFence: Statement {
  static let sql = "UPDATE lifecycle.standby_admin SET fence = $2 WHERE target_id = $1 AND fence <= $2"

  let target: TargetID
  let fence: Int64

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(target.rawValue)
    parameters.append(fence)
  }
}

struct BeginAdminRotation: Statement {
  static let sql = """
    UPDATE lifecycle.standby_admin
    SET phase = 'first', wait_until = NULL, asked_at = NULL
    WHERE target_id = $1 AND phase = 'idle' AND fence = $2
    """

  let target: TargetID
  let fence: Int64

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(target.rawValue)
    parameters.append(fence)
  }
}

/// Durable before the target sees the secret.
struct StoreAdminCandidate: Statement {
  static let sql = """
    UPDATE lifecycle.standby_admin
    SET candidate_version = $3, candidate_envelope = $4
    WHERE target_id = $1 AND fence = $2 AND phase <> 'idle' AND candidate_version IS NULL
    """

  let target: TargetID
  let fence: Int64
  let version: Int32
  let envelope: [UInt8]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(target.rawValue)
    parameters.append(fence)
    parameters.append(version)
    parameters.append(envelope)
  }
}

/// A candidate that the target's rules refused; it never had it.
struct DiscardAdminCandidate: Statement {
  static let sql = """
    UPDATE lifecycle.standby_admin
    SET candidate_version = NULL, candidate_envelope = NULL
    WHERE target_id = $1 AND fence = $2 AND candidate_version = $3
    """

  let target: TargetID
  let fence: Int64
  let version: Int32

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(target.rawValue)
    parameters.append(fence)
    parameters.append(version)
  }
}

/// The standby comes into use, with its candidate when it has one, and the other becomes the standby. One row: done.
struct ChangeAdminPlaces: Statement {
  static let sql = """
    WITH s AS (
      SELECT a.target_id, a.login, COALESCE(a.candidate_version, a.version) AS version,
        COALESCE(a.candidate_envelope, a.envelope) AS envelope
      FROM lifecycle.standby_admin AS a
      WHERE a.target_id = $1 AND a.fence = $2 AND a.phase IN ('idle', 'first')
        AND a.candidate_version IS NOT DISTINCT FROM $3
      FOR UPDATE
    ), t AS (
      SELECT x.id, x.settings ->> 'user' AS login, x.admin_version, x.admin_envelope
      FROM governance.target AS x
      WHERE x.id = $1
      FOR UPDATE
    ), taken AS (
      UPDATE governance.target AS x
      SET settings = x.settings || jsonb_build_object('user', s.login), admin_version = s.version,
        admin_envelope = s.envelope
      FROM s
      WHERE x.id = s.target_id
      RETURNING x.id
    )
    UPDATE lifecycle.standby_admin AS a
    SET login = t.login, version = t.admin_version, envelope = t.admin_envelope, candidate_version = NULL,
      candidate_envelope = NULL, phase = 'second', asked_at = NULL,
      wait_until = now() + CASE WHEN $3::integer IS NULL THEN interval '0' ELSE a.overlap END
    FROM t
    JOIN taken ON taken.id = t.id
    WHERE a.target_id = t.id
    """

  let target: TargetID
  let fence: Int64
  let candidate: Int32?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(target.rawValue)
    parameters.append(fence)
    parameters.append(candidate)
  }
}

/// The old secret is destroyed with it.
struct FinishAdminRotation: Statement {
  static let sql = """
    UPDATE lifecycle.standby_admin
    SET version = candidate_version, envelope = candidate_envelope, candidate_version = NULL, candidate_envelope = NULL,
      phase = 'idle', wait_until = NULL, rotated_at = now()
    WHERE target_id = $1 AND fence = $2 AND phase = 'second' AND candidate_version = $3
    """

  let target: TargetID
  let fence: Int64
  let candidate: Int32

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(target.rawValue)
    parameters.append(fence)
    parameters.append(candidate)
  }
}

/// Guard: it has not begun.
struct NoteAdminOrder: Statement {
  static let sql = """
    UPDATE lifecycle.standby_admin
    SET asked_at = COALESCE(asked_at, now())
    WHERE target_id = $1 AND phase = 'idle'
    """

  let target: TargetID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(target.rawValue) }
}

/// Rotations that are due by their period, those that somebody asked for, and those under way, whose job may be lost.
struct FindDueAdminRotations: Statement {
  static let sql = """
    SELECT target_id, fence, asked_at IS NOT NULL
    FROM lifecycle.standby_admin
    WHERE phase = 'idle' AND (rotated_at + rotate_every <= now() OR asked_at IS NOT NULL)
       OR phase <> 'idle' AND COALESCE(wait_until, '-infinity') <= now()
    ORDER BY target_id
    LIMIT $1
    """

  let limit: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(limit) }

  static func decode(_ row: PostgresRow) throws -> (target: TargetID, fence: Int64, isAsked: Bool) {
    (TargetID(try row[0]), try row[1], try row[2])
  }
}
