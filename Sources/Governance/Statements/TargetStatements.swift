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
    var text = "{"
    for (index, key) in strings.keys.sorted().enumerated() {
      if index > 0 { text.append(",") }
      Self.append(key, to: &text)
      text.append(":")
      Self.append(strings[key] ?? "", to: &text)
    }
    text.append("}")
    self.init(text: text)
  }

  /// RFC 8259, section 7: what must be escaped and nothing else.
  private static func append(_ string: String, to text: inout String) {
    text.append("\"")
    if string.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C }) {
      text.append(string)
    } else {
      for scalar in string.unicodeScalars {
        switch scalar {
        case "\"": text.append("\\\"")
        case "\\": text.append("\\\\")
        case ..<" ":
          let digits = String(scalar.value, radix: 16)
          text.append("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
        default: text.unicodeScalars.append(scalar)
        }
      }
    }
    text.append("\"")
  }

  package func decodedStrings() throws -> [String: String] {
    try JSONDecoder().decode([String: String].self, from: Data(text.utf8))
  }
}
