/// One row; columns by position, the first is 0. Values are decoded on access.
///
///     let id: Int64 = try row[0]
///     let note: String? = try row[1]
package struct PostgresRow: Sendable, CustomStringConvertible, CustomReflectable {
  let result: QueryResult
  let index: Int

  /// Throws `.decoding` for NULL, for a column that does not exist and for a type that does not match.
  package subscript<T: PostgresDecodable>(_ column: Int) -> T {
    get throws { try decode(column, as: T.self) }
  }

  package subscript<T: PostgresDecodable>(_ column: Int) -> T? {
    get throws { try decodeIfPresent(column, as: T.self) }
  }

  package func decode<T: PostgresDecodable>(_ column: Int, as type: T.Type) throws -> T {
    guard let value = try decodeIfPresent(column, as: type) else {
      throw PostgresError.decoding("column \(place(column)) is NULL; read it as \(T.self)?")
    }
    return value
  }

  package func decodeIfPresent<T: PostgresDecodable>(_ column: Int, as: T.Type) throws -> T? {
    guard column >= 0, column < result.columnCount else {
      throw PostgresError.decoding("there is no column \(column); the row has \(result.columnCount)")
    }
    guard let bytes = result.value(row: index, column: column) else { return nil }
    do {
      return try T(decoding: bytes, type: result.type(ofColumn: column))
    } catch let error as PostgresError {
      throw PostgresError.decoding("column \(place(column)): \(error.message)")
    }
  }

  package var columnCount: Int { result.columnCount }

  /// The position of the first column with that name.
  package func column(named name: String) -> Int? { result.index(ofColumn: name) }

  package var description: String { "row of \(columnCount) columns" }

  package var customMirror: Mirror { Mirror(self, children: []) }

  private func place(_ column: Int) -> String { "\(column) (\(result.name(ofColumn: column)))" }
}
