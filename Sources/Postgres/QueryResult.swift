import CLibPQ

/// One result of the server. Rows point into it, so no value is copied before it is decoded.
///
/// Sendable without the compiler's check: the `PGresult` is never written to after `init`, which takes sole ownership,
/// libpq's accessors only read it, and `PQclear` runs in `deinit`, when nobody else can hold it.
final class QueryResult: @unchecked Sendable {
  private let pointer: OpaquePointer

  init(owning pointer: OpaquePointer) { self.pointer = pointer }

  deinit { PQclear(pointer) }

  var status: ExecStatusType { PQresultStatus(pointer) }
  var rowCount: Int { Int(PQntuples(pointer)) }
  var columnCount: Int { Int(PQnfields(pointer)) }

  /// 0 for commands that affect none.
  var affectedRows: Int { PQcmdTuples(pointer).flatMap { Int(String(cString: $0)) } ?? 0 }

  /// Such as `COMMIT`, or `ROLLBACK` when a failed transaction was committed.
  var commandTag: String { PQcmdStatus(pointer).map { String(cString: $0) } ?? "" }

  var rows: [PostgresRow] { (0..<rowCount).map { PostgresRow(result: self, index: $0) } }

  /// The bytes live as long as the result; nil for NULL.
  func value(row: Int, column: Int) -> UnsafeRawBufferPointer? {
    let (row, column) = (Int32(row), Int32(column))
    guard PQgetisnull(pointer, row, column) == 0 else { return nil }
    return UnsafeRawBufferPointer(
      start: PQgetvalue(pointer, row, column), count: Int(PQgetlength(pointer, row, column)))
  }

  func type(ofColumn column: Int) -> PostgresType { PostgresType(rawValue: PQftype(pointer, Int32(column))) }

  func name(ofColumn column: Int) -> String { PQfname(pointer, Int32(column)).map { String(cString: $0) } ?? "" }

  func index(ofColumn name: String) -> Int? {
    (0..<columnCount).first { self.name(ofColumn: $0) == name }
  }

  func isBinary(column: Int) -> Bool { PQfformat(pointer, Int32(column)) == 1 }

  /// A field of an error report, such as `C` for the SQLSTATE (PostgreSQL manual, 55.8).
  func errorField(_ field: Unicode.Scalar) -> String? {
    PQresultErrorField(pointer, Int32(field.value)).map { String(cString: $0) }
  }
}
