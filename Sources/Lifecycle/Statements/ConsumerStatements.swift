import Foundation
import Governance
import Jobs
import Postgres

struct InsertConsumer: Statement {
  static let sql = """
    INSERT INTO lifecycle.consumer
      (id, credential_id, name, token_hash, added_by, expires_at, webhook_url, webhook_envelope, webhook_key_id)
    VALUES ($1, $2, $3, $4, $5, COALESCE($6, 'infinity'::timestamptz), $7, $8, $9)
    ON CONFLICT (credential_id, name) WHERE removed_at IS NULL DO NOTHING
    """

  let id: ConsumerID
  let credential: CredentialID
  let name: String
  let tokenHash: [UInt8]
  let by: PersonID
  let expiresAt: Date?
  let webhookURL: String?
  let envelope: [UInt8]?
  let keyID: String?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id.rawValue)
    parameters.append(credential.rawValue)
    parameters.append(name)
    parameters.append(tokenHash)
    parameters.append(by.rawValue)
    parameters.append(expiresAt)
    parameters.append(webhookURL)
    parameters.append(envelope)
    parameters.append(keyID)
  }
}

struct RemoveConsumer: Statement {
  static let sql = """
    UPDATE lifecycle.consumer
    SET removed_at = now()
    WHERE credential_id = $1 AND name = $2 AND removed_at IS NULL
    RETURNING id
    """

  let credential: CredentialID
  let name: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(credential.rawValue)
    parameters.append(name)
  }

  static func decode(_ row: PostgresRow) throws -> ConsumerID { ConsumerID(try row[0]) }
}

struct FindConsumer: Statement {
  static let sql = """
    SELECT c.id, c.name, c.credential_id, i.name, t.name, c.token_hash, c.expires_at <= now(), c.removed_at IS NOT NULL
    FROM lifecycle.consumer AS c
    JOIN lifecycle.credential AS k ON k.id = c.credential_id
    JOIN governance.identity AS i ON i.id = k.identity_id
    JOIN governance.target AS t ON t.id = k.target_id
    WHERE c.id = $1
    """

  let id: ConsumerID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(id.rawValue) }

  struct Row: Sendable {
    let consumer: AuthenticatedConsumer
    let tokenHash: [UInt8]
    let isExpired: Bool
    let isRemoved: Bool
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(
      consumer: AuthenticatedConsumer(
        id: ConsumerID(try row[0]), name: try row[1], credential: CredentialID(try row[2]), identity: try row[3],
        target: try row[4]),
      tokenHash: try row[5], isExpired: try row[6], isRemoved: try row[7])
  }
}

/// What may be read of these: the current version, and the one before while it still works.
struct FindReadableVersions: Statement {
  static let sql = """
    SELECT v.credential_id, v.number, v.state, v.login, v.envelope, t.settings
    FROM lifecycle.version AS v
    JOIN lifecycle.credential AS c ON c.id = v.credential_id
    JOIN governance.target AS t ON t.id = c.target_id
    WHERE v.credential_id = ANY($1) AND v.state IN ('current', 'retiring') AND v.envelope IS NOT NULL
    ORDER BY v.number DESC
    """

  let credentials: [CredentialID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credentials.map(\.rawValue)) }

  struct Row: Sendable {
    let credential: CredentialID
    let version: CredentialVersion
    let settings: JSONText
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    let word: String = try row[2]
    guard let state = CredentialVersion.State(rawValue: word) else {
      throw LifecycleError(code: .unreadableRow, message: "a version is in a state this version does not know")
    }
    return Row(
      credential: CredentialID(try row[0]),
      version: CredentialVersion(number: try row[1], state: state, login: try row[3], envelope: try row[4]),
      settings: try row[5])
  }
}

struct FindCurrentNumbers: Statement {
  static let sql = """
    SELECT v.credential_id, v.number
    FROM lifecycle.version AS v
    WHERE v.credential_id = ANY($1) AND v.state = 'current'
    """

  let credentials: [CredentialID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credentials.map(\.rawValue)) }

  static func decode(_ row: PostgresRow) throws -> (credential: CredentialID, number: Int32) {
    (CredentialID(try row[0]), try row[1])
  }
}

/// One row per consumer and version in `rows`. Lock order: by consumer and version.
struct RecordReads: Statement {
  static let sql = """
    INSERT INTO lifecycle.consumer_version AS v (consumer_id, version, reads, first_read_at, last_read_at)
    SELECT w.consumer_id, w.version, w.reads, now(), now()
    FROM unnest($1::uuid[], $2::integer[], $3::bigint[]) AS w (consumer_id, version, reads)
    ORDER BY w.consumer_id, w.version
    ON CONFLICT (consumer_id, version) DO UPDATE SET
      reads = v.reads + EXCLUDED.reads, first_read_at = COALESCE(v.first_read_at, EXCLUDED.first_read_at),
      last_read_at = EXCLUDED.last_read_at
    """

  struct Reading: Sendable {
    let consumer: ConsumerID
    let version: Int32
    let reads: Int64
  }

  let rows: [Reading]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.consumer.rawValue))
    parameters.append(rows.map(\.version))
    parameters.append(rows.map(\.reads))
  }
}

struct Acknowledge: Statement {
  static let sql = """
    INSERT INTO lifecycle.consumer_version AS v (consumer_id, version, acknowledged_at)
    VALUES ($1, $2, now())
    ON CONFLICT (consumer_id, version) DO UPDATE SET acknowledged_at = COALESCE(v.acknowledged_at, now())
    """

  let consumer: ConsumerID
  let version: Int32

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(consumer.rawValue)
    parameters.append(version)
  }
}

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

/// The outbox and the notification, in the transaction that publishes. Nothing is written or told where nobody is registered.
/// Counts as done whatever it changes.
struct TellConsumers: BatchStatement {
  static let channel = "keyturn_version"
  static let sql = """
    WITH told AS (
      SELECT m.credential_id, m.version, c.id, c.webhook_url
      FROM unnest($1::uuid[], $2::integer[]) AS m (credential_id, version)
      JOIN lifecycle.consumer AS c
        ON c.credential_id = m.credential_id AND c.removed_at IS NULL AND c.expires_at > now()
    ), stored AS (
      INSERT INTO lifecycle.delivery (consumer_id, version)
      SELECT id, version
      FROM told
      WHERE webhook_url IS NOT NULL
      ON CONFLICT (consumer_id, version) DO NOTHING
    ), notified AS (
      SELECT pg_notify('keyturn_version', json_build_object(
        'id', d.credential_id, 'credential', i.name, 'target', t.name, 'version', d.version)::text)
      FROM (SELECT DISTINCT credential_id, version FROM told) AS d
      JOIN lifecycle.credential AS c ON c.id = d.credential_id
      JOIN governance.identity AS i ON i.id = c.identity_id
      JOIN governance.target AS t ON t.id = c.target_id
    )
    SELECT array_agg(m.n)
    FROM unnest($1::uuid[]) WITH ORDINALITY AS m (id, n)
    WHERE (SELECT count(*) FROM notified) >= 0
    """

  let credential: CredentialID
  let version: Int32

  static func bind(_ rows: [TellConsumers], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.credential.rawValue))
    parameters.append(rows.map(\.version))
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

/// Consumers with something to be told that no job stands for.
struct FindUntoldConsumers: Statement {
  static let sql = """
    SELECT DISTINCT d.consumer_id
    FROM lifecycle.delivery AS d
    JOIN jobs.limit_group AS g ON g.id = d.consumer_id
    WHERE d.state = 'open'
      AND NOT EXISTS (SELECT FROM jobs.job AS j WHERE j.subject = d.consumer_id)
    LIMIT 1000
    """

  static func decode(_ row: PostgresRow) throws -> ConsumerID { ConsumerID(try row[0]) }
}

struct FindWebhook: Statement {
  static let sql = """
    SELECT c.webhook_url, c.webhook_envelope, i.name, t.name
    FROM lifecycle.consumer AS c
    JOIN lifecycle.credential AS k ON k.id = c.credential_id
    JOIN governance.identity AS i ON i.id = k.identity_id
    JOIN governance.target AS t ON t.id = k.target_id
    WHERE c.id = $1 AND c.removed_at IS NULL AND c.webhook_url IS NOT NULL
    """

  let consumer: ConsumerID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(consumer.rawValue) }

  struct Row: Sendable {
    let url: String
    let envelope: [UInt8]
    let identity: String
    let target: String
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(url: try row[0], envelope: try row[1], identity: try row[2], target: try row[3])
  }
}

/// In the order of their versions. Relies on `delivery_open`.
struct FindOpenDeliveries: Statement {
  static let sql = """
    SELECT id, version, now() - created_at > interval '72 hours', now()
    FROM lifecycle.delivery
    WHERE consumer_id = $1 AND state = 'open'
    ORDER BY version
    LIMIT 20
    """

  let consumer: ConsumerID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(consumer.rawValue) }

  struct Row: Sendable {
    let id: UUID
    let version: Int32
    /// Too old to be tried again after this time.
    let isOld: Bool
    let now: Date
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(id: try row[0], version: try row[1], isOld: try row[2], now: try row[3])
  }
}

/// Before it is sent. Guard: it is open, and this database is no copy.
struct TryDelivery: Statement {
  static let sql = """
    UPDATE lifecycle.delivery AS d
    SET attempts = attempts + 1, tried_at = now()
    WHERE d.id = $1 AND d.state = 'open'
      AND EXISTS (
        SELECT FROM governance.incarnation AS i
        WHERE i.ended_at IS NULL AND i.place = governance.place() AND i.id = $2 AND i.mark >= $3)
    """

  let id: UUID
  let incarnation: IncarnationClaim?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(incarnation?.id)
    parameters.append(incarnation?.mark)
  }
}

struct SettleDelivery: Statement {
  static let sql = """
    UPDATE lifecycle.delivery
    SET state = $2, last_outcome = left($3, 200), settled_at = CASE WHEN $2 <> 'open' THEN now() END
    WHERE id = $1 AND state = 'open'
    """

  let id: UUID
  let state: String
  let outcome: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(state)
    parameters.append(outcome)
  }
}

/// Of a consumer that is gone, or has no webhook any more.
struct ExpireDeliveries: Statement {
  static let sql = """
    UPDATE lifecycle.delivery
    SET state = 'expired', last_outcome = 'no webhook', settled_at = now()
    WHERE consumer_id = $1 AND state = 'open'
    """

  let consumer: ConsumerID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(consumer.rawValue) }
}

/// Keeps records bounded: the newest 100 versions of each consumer, and settled deliveries of 30 days.
struct TrimConsumerRecords: Statement {
  static let sql = """
    WITH old AS (
      DELETE FROM lifecycle.delivery
      WHERE state <> 'open' AND settled_at < now() - interval '30 days'
    )
    DELETE FROM lifecycle.consumer_version AS v
    USING (
      SELECT consumer_id, max(version) - 100 AS oldest
      FROM lifecycle.consumer_version
      GROUP BY consumer_id
      HAVING count(*) > 100
    ) AS k
    WHERE v.consumer_id = k.consumer_id AND v.version <= k.oldest
    """
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
