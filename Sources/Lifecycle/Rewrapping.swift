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
  let owner: UUID
  let number: Int32
  let isAdmin: Bool
  let envelope: [UInt8]

  var context: SealContext {
    isAdmin ? .admin(number, of: TargetID(owner)) : .version(number, of: CredentialID(owner))
  }
}

struct ListSealed: Statement {
  static let sql = """
    SELECT credential_id, number, false, envelope
    FROM lifecycle.version
    WHERE envelope IS NOT NULL
    UNION ALL
    SELECT id, admin_version, true, admin_envelope
    FROM governance.target
    """

  static func decode(_ row: PostgresRow) throws -> SealedRecord {
    SealedRecord(owner: try row[0], number: try row[1], isAdmin: try row[2], envelope: try row[3])
  }
}

/// Guard: the envelope that was rewrapped is still the stored one.
struct ReplaceEnvelope: Statement {
  static let sql = """
    WITH version AS (
      UPDATE lifecycle.version
      SET envelope = $5, key_id = $6
      WHERE credential_id = $1 AND number = $2 AND NOT $3 AND envelope = $4
    )
    UPDATE governance.target
    SET admin_envelope = $5
    WHERE id = $1 AND admin_version = $2 AND $3 AND admin_envelope = $4
    """

  let record: SealedRecord
  let envelope: Envelope

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(record.owner)
    parameters.append(record.number)
    parameters.append(record.isAdmin)
    parameters.append(record.envelope)
    parameters.append(envelope.bytes)
    parameters.append(envelope.keyID)
  }
}
