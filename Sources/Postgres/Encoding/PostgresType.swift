/// A type's oid; the built-in ones never change (`pg_type.dat`).
package struct PostgresType: RawRepresentable, Hashable, Sendable {
  package let rawValue: UInt32

  package init(rawValue: UInt32) { self.rawValue = rawValue }

  private init(_ rawValue: UInt32) { self.rawValue = rawValue }

  package static let bool = PostgresType(16)
  package static let bytea = PostgresType(17)
  package static let char = PostgresType(18)
  package static let name = PostgresType(19)
  package static let int8 = PostgresType(20)
  package static let int2 = PostgresType(21)
  package static let int4 = PostgresType(23)
  package static let text = PostgresType(25)
  package static let oid = PostgresType(26)
  package static let tid = PostgresType(27)
  package static let json = PostgresType(114)
  package static let float4 = PostgresType(700)
  package static let float8 = PostgresType(701)
  package static let varchar = PostgresType(1043)
  package static let date = PostgresType(1082)
  package static let timestamp = PostgresType(1114)
  package static let timestamptz = PostgresType(1184)
  package static let interval = PostgresType(1186)
  package static let numeric = PostgresType(1700)
  package static let uuid = PostgresType(2950)
  package static let jsonb = PostgresType(3802)
  package static let xid8 = PostgresType(5069)

  package static let boolArray = PostgresType(1000)
  package static let byteaArray = PostgresType(1001)
  package static let int2Array = PostgresType(1005)
  package static let int4Array = PostgresType(1007)
  package static let textArray = PostgresType(1009)
  package static let tidArray = PostgresType(1010)
  package static let int8Array = PostgresType(1016)
  package static let float8Array = PostgresType(1022)
  package static let timestamptzArray = PostgresType(1185)
  package static let uuidArray = PostgresType(2951)
  package static let jsonbArray = PostgresType(3807)
}
