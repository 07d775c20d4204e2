import Foundation
import Postgres

struct InsertTarget: Statement {
  static let sql = """
    INSERT INTO governance.target (id, bucket, name, kind, environment, settings, admin_envelope, admin_version, examined_at)
    VALUES ($1, jobs.bucket_of($1), $2, $3, $4, $5, $6, $7, now())
    ON CONFLICT (name) DO NOTHING
    """

  let target: TargetRecord

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(target.id.rawValue)
    parameters.append(target.name)
    parameters.append(target.kind)
    parameters.append(target.environment)
    parameters.append(JSONText(encoding: target.settings))
    parameters.append(target.adminEnvelope)
    parameters.append(target.adminVersion)
  }
}

struct FindTarget: Statement {
  static let sql = """
    SELECT id, name, kind, environment, settings, admin_envelope, admin_version
    FROM governance.target
    WHERE name = $1
    """

  let target: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(target) }

  static func decode(_ row: PostgresRow) throws -> TargetRecord { try TargetRecord(row) }
}

struct FindTargetByID: Statement {
  static let sql = """
    SELECT id, name, kind, environment, settings, admin_envelope, admin_version
    FROM governance.target
    WHERE id = $1
    """

  let id: TargetID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(id.rawValue) }

  static func decode(_ row: PostgresRow) throws -> TargetRecord { try TargetRecord(row) }
}

extension TargetRecord {
  fileprivate init(_ row: PostgresRow) throws {
    let settings: JSONText = try row[4]
    self.init(
      id: TargetID(try row[0]), name: try row[1], kind: try row[2], environment: try row[3],
      settings: try settings.decodedStrings(), adminEnvelope: try row[5], adminVersion: try row[6])
  }
}

extension JSONText {
  /// An object of strings, keys sorted.
  package init(encoding strings: [String: String]) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Strings always encode.
    let data = (try? encoder.encode(strings)) ?? Data("{}".utf8)
    self.init(text: String(decoding: data, as: UTF8.self))
  }

  package func decodedStrings() throws -> [String: String] {
    try JSONDecoder().decode([String: String].self, from: Data(text.utf8))
  }
}
