package import Postgres

/// A statement that many jobs share: one execution changes a row for each of them, with arrays as parameters. That is where
/// group commit gets its speed from: a statement costs as much as ten rows.
package protocol BatchStatement: Sendable {
  /// Returns one row with one column of type `bigint[]`: the numbers, from 1, of the elements that changed what they must;
  /// NULL when none did.
  static var sql: String { get }
  /// In errors. Default: the type's name.
  static var name: String { get }
  /// Appends an array for each of `$1`, `$2`, …, all of the length of `rows`.
  static func bind(_ rows: [Self], _ parameters: inout PostgresParameters)
}

extension BatchStatement {
  package static var name: String { String(describing: Self.self) }

  /// One statement for all of `rows`, which are of this type.
  static func batch(_ rows: [any BatchStatement]) -> AnyStatement {
    AnyStatement(Batched(rows: rows.map { $0 as! Self }))
  }
}

/// Opens a transaction of batches: each is to find its rows by their keys, one after the other, however many rows a table has
/// and whatever its statistics say. A plan that is made for the arrays at hand sees their length and may prefer to read a
/// whole table, which is small when it is planned and is not later; one plan for all sees ten elements and takes the key.
/// Only for this transaction, which also holds behind a pooler.
package struct PreferKeys: Statement {
  package static let sql = """
    SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
      set_config('jit', 'off', true)
    """

  package init() {}

  package static func decode(_ row: PostgresRow) throws {}
}

/// Runs a batch as an ordinary statement; returns the numbers, from 1, of the elements that changed what they must.
package struct Batched<Element: BatchStatement>: Statement {
  package static var name: String { Element.name }
  package static var sql: String { Element.sql }

  let rows: [Element]

  package init(rows: [Element]) { self.rows = rows }

  package func bind(_ parameters: inout PostgresParameters) { Element.bind(rows, &parameters) }

  package static func decode(_ row: PostgresRow) throws -> [Int] { try BatchNumbers.decode(row) }
}

/// The answer of every batch, whatever its elements.
enum BatchNumbers: Statement {
  static let sql = "SELECT '{}'::bigint[]"

  static func decode(_ row: PostgresRow) throws -> [Int] {
    let numbers: [Int]? = try row[0]
    return numbers ?? []
  }
}
