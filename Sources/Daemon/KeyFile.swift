import Postgres
import Vault

/// The local key file against what the database has sealed.
struct KeyFile {
  let path: String

  /// A missing file is made only when nothing is sealed yet; otherwise the error names the key ids that are needed.
  func load(client: PostgresClient, mayCreate: Bool) async throws -> LocalKeyProvider {
    let sealed = try await client.query(ListKeysInUse())
    do {
      let keys = try LocalKeyProvider.load(path: path)
      try requireAll(sealed, in: keys)
      return keys
    } catch {
      guard error.code == .keyFileMissing else { throw error }
      if sealed.isEmpty && mayCreate { return try LocalKeyProvider.create(path: path) }
      if sealed.isEmpty { throw error }
      throw VaultError(code: .keyFileMissing, message: Self.explain(sealed, "the key file \(path) is missing"))
    }
  }

  private func requireAll(_ sealed: [ListKeysInUse.Row], in keys: LocalKeyProvider) throws(VaultError) {
    let missing = sealed.filter { !keys.keyIDs.contains($0.keyID) }
    guard missing.isEmpty else {
      throw VaultError(
        code: .unknownKey, message: Self.explain(missing, "the key file \(path) does not hold every key that is in use")
      )
    }
  }

  private static func explain(_ rows: [ListKeysInUse.Row], _ problem: String) -> String {
    let needed = rows.map { "\($0.keyID) (\($0.count) secrets)" }.joined(separator: ", ")
    return "\(problem). Needed: \(needed). No secret is lost: restore the file and start again"
  }
}

struct ListKeysInUse: Statement {
  static let sql = """
    SELECT s.key_id, count(*)
    FROM (
      SELECT key_id
      FROM lifecycle.version
      WHERE envelope IS NOT NULL
      UNION ALL
      SELECT webhook_key_id
      FROM lifecycle.consumer
      WHERE webhook_envelope IS NOT NULL
    ) AS s
    GROUP BY s.key_id
    ORDER BY s.key_id
    """

  struct Row: Sendable {
    let keyID: String
    let count: Int64
  }

  static func decode(_ row: PostgresRow) throws -> Row { Row(keyID: try row[0], count: try row[1]) }
}
