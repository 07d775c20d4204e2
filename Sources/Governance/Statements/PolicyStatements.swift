import Foundation
package import Postgres

struct InsertPolicy: Statement {
  static let sql = """
    INSERT INTO governance.policy
      (id, name, rotation_period, rotation_jitter, overlap, settle, retry_reserve, on_expiry, secret_length)
    VALUES ($1, $2, make_interval(secs => $3), make_interval(secs => $4), make_interval(secs => $5),
      make_interval(secs => $6), make_interval(secs => $7), $8, $9)
    ON CONFLICT (name) DO NOTHING
    """

  let policy: Policy

  func bind(_ parameters: inout PostgresParameters) { parameters.append(policy: policy) }
}

extension PostgresParameters {
  /// Nine parameters in the order of `FindPolicy`.
  mutating func append(policy: Policy) {
    append(policy.id.rawValue)
    append(policy.name)
    append(policy.rotationPeriod)
    append(policy.rotationJitter)
    append(policy.overlap)
    append(policy.settle)
    append(policy.retryReserve)
    append(policy.onExpiry.rawValue)
    append(Int16(policy.secretLength))
  }
}

struct FindPolicy: Statement {
  static let sql = """
    SELECT p.id, p.name, EXTRACT(epoch FROM p.rotation_period)::float8, EXTRACT(epoch FROM p.rotation_jitter)::float8,
      EXTRACT(epoch FROM p.overlap)::float8, EXTRACT(epoch FROM p.settle)::float8,
      EXTRACT(epoch FROM p.retry_reserve)::float8, p.on_expiry, p.secret_length
    FROM governance.policy AS p
    WHERE p.name = $1
    """

  let policy: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(policy) }

  static func decode(_ row: PostgresRow) throws -> Policy { try Policy(row, from: 0) }
}

extension Policy {
  /// Nine columns in the order of `FindPolicy`.
  package init(_ row: PostgresRow, from column: Int) throws {
    let onExpiry: String = try row[column + 7]
    let length: Int16 = try row[column + 8]
    self.init(
      id: PolicyID(try row[column]), name: try row[column + 1], rotationPeriod: try row[column + 2],
      rotationJitter: try row[column + 3], overlap: try row[column + 4], settle: try row[column + 5],
      retryReserve: try row[column + 6], onExpiry: OnExpiry(rawValue: onExpiry) ?? .rotate, secretLength: Int(length))
  }
}
