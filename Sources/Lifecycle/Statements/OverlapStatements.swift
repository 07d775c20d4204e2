import Foundation
import Governance
import Jobs
import Postgres

/// What an acknowledgement meets: the states of the version and who is left.
struct FindAcknowledged: Statement {
  static let sql = """
    SELECT cur.number, (SELECT v.state FROM lifecycle.version AS v WHERE v.credential_id = c.id AND v.number = $2),
      (SELECT count(*) FROM lifecycle.consumer AS n
        WHERE n.credential_id = c.id AND n.removed_at IS NULL AND n.expires_at > now()
          AND NOT EXISTS (SELECT FROM lifecycle.consumer_version AS v
            WHERE v.consumer_id = n.id AND v.version >= cur.number AND v.acknowledged_at IS NOT NULL)),
      EXISTS (SELECT FROM lifecycle.rotation AS r
        WHERE r.credential_id = c.id AND r.finished_at IS NULL AND r.state = 'overlap'),
      c.target_id, c.fence, c.hard_expires_at
    FROM lifecycle.credential AS c
    JOIN lifecycle.version AS cur ON cur.credential_id = c.id AND cur.state = 'current'
    WHERE c.id = $1
    """

  let credential: CredentialID
  let version: Int32

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(credential.rawValue)
    parameters.append(version)
  }

  struct Row: Sendable {
    let current: Int32
    let state: String?
    let waitingFor: Int
    let isOverlapping: Bool
    let target: TargetID
    let fence: Int64
    let hardExpiresAt: Date
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(
      current: try row[0], state: try row[1], waitingFor: try row[2], isOverlapping: try row[3],
      target: TargetID(try row[4]), fence: try row[5], hardExpiresAt: try row[6])
  }
}

struct FindOverlap: Statement {
  static let sql = """
    SELECT r.trigger = 'leak' OR EXISTS (SELECT FROM lifecycle.containment_item AS m
        WHERE m.credential_id = c.id AND m.follow_up = 'waiting'),
      p.on_unacknowledged, count(n.id),
      count(n.id) FILTER (WHERE EXISTS (SELECT FROM lifecycle.consumer_version AS v
        WHERE v.consumer_id = n.id AND v.version >= $3 AND v.acknowledged_at IS NOT NULL)),
      count(n.id) FILTER (WHERE EXISTS (SELECT FROM lifecycle.consumer_version AS v
        WHERE v.consumer_id = n.id AND v.version >= $3)),
      EXISTS (SELECT FROM lifecycle.alarm AS a
        WHERE a.kind = 'overlap_exceeded' AND a.subject = r.id AND a.cleared_at IS NULL)
    FROM lifecycle.rotation AS r
    JOIN lifecycle.credential AS c ON c.id = r.credential_id
    JOIN governance.identity AS i ON i.id = c.identity_id
    JOIN governance.policy AS p ON p.id = i.policy_id
    LEFT JOIN lifecycle.consumer AS n ON n.credential_id = c.id AND n.removed_at IS NULL AND n.expires_at > now()
    WHERE r.id = $1 AND r.credential_id = $2
    GROUP BY r.id, r.trigger, c.id, p.on_unacknowledged
    """

  let rotation: RotationID
  let credential: CredentialID
  let version: Int32

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(rotation.rawValue)
    parameters.append(credential.rawValue)
    parameters.append(version)
  }

  struct Row: Sendable {
    let isLeaked: Bool
    let onUnacknowledged: OverlapRule.OnUnacknowledged
    let consumers: Int
    let acknowledged: Int
    let moved: Int
    let isAlarmed: Bool
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    let word: String = try row[1]
    return Row(
      isLeaked: try row[0], onUnacknowledged: OverlapRule.OnUnacknowledged(rawValue: word) ?? .retire,
      consumers: try row[2], acknowledged: try row[3], moved: try row[4], isAlarmed: try row[5])
  }
}

/// One open row per kind and subject. Counts as done whatever it changes.
struct RaiseAlarm: BatchStatement {
  static let sql = """
    WITH raised AS (
      INSERT INTO lifecycle.alarm (kind, subject, detail)
      SELECT m.kind, m.subject, left(m.detail, 500)
      FROM unnest($1::text[], $2::uuid[], $3::text[]) AS m (kind, subject, detail)
      ON CONFLICT (kind, subject) WHERE cleared_at IS NULL DO NOTHING
    )
    SELECT array_agg(m.n) FROM unnest($1::text[]) WITH ORDINALITY AS m (kind, n)
    """

  let kind: String
  let subject: UUID
  let detail: String

  static func bind(_ rows: [RaiseAlarm], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.kind))
    parameters.append(rows.map(\.subject))
    parameters.append(rows.map(\.detail))
  }
}

/// Counts as done whatever it changes.
struct ClearAlarm: BatchStatement {
  static let sql = """
    WITH cleared AS (
      UPDATE lifecycle.alarm AS a
      SET cleared_at = now()
      FROM unnest($1::text[], $2::uuid[]) AS m (kind, subject)
      WHERE a.kind = m.kind AND a.subject = m.subject AND a.cleared_at IS NULL
    )
    SELECT array_agg(m.n) FROM unnest($1::text[]) WITH ORDINALITY AS m (kind, n)
    """

  let kind: String
  let subject: UUID

  static func bind(_ rows: [ClearAlarm], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.kind))
    parameters.append(rows.map(\.subject))
  }
}

struct SetOnUnacknowledged: Statement {
  static let sql = "UPDATE governance.policy SET on_unacknowledged = $2 WHERE name = $1"

  let policy: String
  let word: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(policy)
    parameters.append(word)
  }
}
