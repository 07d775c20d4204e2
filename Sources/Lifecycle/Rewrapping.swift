import Foundation
import Governance
import Postgres
package import Vault

extension CredentialLifecycle {
  /// Rewraps the data key of every sealed secret to the vault's current key; the secrets themselves are not touched.
  /// Each record is one statement, so that an interruption leaves every record readable with one key or the other.
  package func rewrapAll(
    with vault: EnvelopeVault, progress: (_ done: Int, _ total: Int) -> Void
  ) async throws -> Int {
    let sealed = try await client.query(ListSealed())
    var done = 0
    for record in sealed {
      let envelope = try await vault.rewrap(try Envelope(bytes: record.envelope), context: record.context)
      try await client.execute(ReplaceEnvelope(record: record, envelope: envelope))
      done += 1
      progress(done, sealed.count)
    }
    return done
  }
}

struct SealedRecord: Sendable {
  /// Where it is stored.
  enum Place: Int16, Sendable {
    case version = 0
    case admin = 1
    case standby = 2
    case standbyCandidate = 3
    case webhook = 4
  }

  let owner: UUID
  let number: Int32
  let place: Place
  let envelope: [UInt8]

  var context: SealContext {
    switch place {
    case .version: .version(number, of: CredentialID(owner))
    case .admin, .standby, .standbyCandidate: .admin(number, of: TargetID(owner))
    case .webhook: .webhook(of: ConsumerID(owner))
    }
  }
}

struct ListSealed: Statement {
  static let sql = """
    SELECT credential_id, number, 0::smallint, envelope
    FROM lifecycle.version
    WHERE envelope IS NOT NULL
    UNION ALL
    SELECT id, admin_version, 1::smallint, admin_envelope
    FROM governance.target
    UNION ALL
    SELECT target_id, version, 2::smallint, envelope
    FROM lifecycle.standby_admin
    UNION ALL
    SELECT target_id, candidate_version, 3::smallint, candidate_envelope
    FROM lifecycle.standby_admin
    WHERE candidate_envelope IS NOT NULL
    UNION ALL
    SELECT id, 1, 4::smallint, webhook_envelope
    FROM lifecycle.consumer
    WHERE webhook_envelope IS NOT NULL
    """

  static func decode(_ row: PostgresRow) throws -> SealedRecord {
    guard let place = SealedRecord.Place(rawValue: try row[2]) else {
      throw LifecycleError(code: .unreadableRow, message: "a sealed secret is in a place this version does not know")
    }
    return SealedRecord(owner: try row[0], number: try row[1], place: place, envelope: try row[3])
  }
}

/// Guard: the envelope that was rewrapped is still the stored one.
struct ReplaceEnvelope: Statement {
  static let sql = """
    WITH version AS (
      UPDATE lifecycle.version
      SET envelope = $5, key_id = $6
      WHERE credential_id = $1 AND number = $2 AND $3 = 0 AND envelope = $4
    ), webhook AS (
      UPDATE lifecycle.consumer
      SET webhook_envelope = $5, webhook_key_id = $6
      WHERE id = $1 AND $3 = 4 AND webhook_envelope = $4
    ), standby AS (
      UPDATE lifecycle.standby_admin
      SET envelope = CASE WHEN $3 = 2 THEN $5 ELSE envelope END,
        candidate_envelope = CASE WHEN $3 = 3 THEN $5 ELSE candidate_envelope END
      WHERE target_id = $1
        AND ($3 = 2 AND version = $2 AND envelope = $4 OR $3 = 3 AND candidate_version = $2 AND candidate_envelope = $4)
    )
    UPDATE governance.target
    SET admin_envelope = $5
    WHERE id = $1 AND admin_version = $2 AND $3 = 1 AND admin_envelope = $4
    """

  let record: SealedRecord
  let envelope: Envelope

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(record.owner)
    parameters.append(record.number)
    parameters.append(record.place.rawValue)
    parameters.append(record.envelope)
    parameters.append(envelope.bytes)
    parameters.append(envelope.keyID)
  }
}
