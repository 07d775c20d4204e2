/// One SQL statement: its text, its parameters and how a row is read. Values are parameters; the text is static.
package protocol Statement: Sendable {
  associatedtype Row: Sendable = Void

  static var sql: String { get }
  /// In errors and logs, and part of the prepared statement's name. Default: the type's name.
  static var name: String { get }
  /// Replaces the configuration's statement timeout. Default: nil, which keeps it.
  static var timeout: Duration? { get }

  /// Appends `$1`, `$2`, … in order. Default: none.
  func bind(_ parameters: inout PostgresParameters)
  static func decode(_ row: PostgresRow) throws -> Row
}

extension Statement {
  package static var name: String { String(describing: Self.self) }
  package static var timeout: Duration? { nil }
  package func bind(_ parameters: inout PostgresParameters) {}
}

extension Statement where Row == Void {
  package static func decode(_ row: PostgresRow) throws {}
}

extension Statement {
  /// Errors get the statement's name.
  static func rows(in result: QueryResult) throws -> [Row] {
    var rows: [Row] = []
    rows.reserveCapacity(result.rowCount)
    do {
      for index in 0..<result.rowCount { rows.append(try decode(PostgresRow(result: result, index: index))) }
    } catch let error as PostgresError {
      throw PostgresError(code: error.code, message: error.message, statement: name)
    }
    return rows
  }
}

/// A statement with its bound parameters, for pipelines of statements of different types.
package struct AnyStatement: Sendable, CustomStringConvertible {
  package let name: String
  let sql: String
  let timeout: Duration?
  let parameters: PostgresParameters

  package init<S: Statement>(_ statement: S) {
    name = S.name
    sql = S.sql
    timeout = S.timeout
    var parameters = PostgresParameters()
    statement.bind(&parameters)
    self.parameters = parameters
  }

  /// Without parameters; `sql` is written by this module.
  init(name: String, sql: String) {
    self.name = name
    self.sql = sql
    timeout = nil
    parameters = PostgresParameters()
  }

  package var description: String { "\(name) with \(parameters)" }
}
