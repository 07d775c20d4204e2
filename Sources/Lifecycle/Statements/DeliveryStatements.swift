import Foundation
import Governance
import Jobs
import Postgres

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
        SELECT FROM governance.live_incarnation AS i WHERE i.id = $2 AND i.mark >= $3)
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
