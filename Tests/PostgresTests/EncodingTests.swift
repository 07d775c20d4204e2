import Foundation
import Postgres
import Testing

private struct Echo<Value: PostgresEncodable & PostgresDecodable & Equatable>: Statement {
  static var sql: String { "SELECT $1" }
  let value: Value?

  func bind(_ parameters: inout PostgresParameters) { parameters.append(value) }

  static func decode(_ row: PostgresRow) throws -> Value? {
    try row[0]
  }
}

private struct Select: Statement {
  static let sql = "SELECT 1::int2, 2::int4, 3::int8, 'x'::name, 'y'::varchar, '{\"a\": 1}'::json, 1.5::float4, 4::oid"

  static func decode(_ row: PostgresRow) throws -> [String] {
    let numbers: [Int] = [try row[0], try row[1], try row[2], try row[7]]
    let json: JSONText = try row[5]
    let single: Double = try row[6]
    let name: String = try row[3]
    return numbers.map(String.init) + [name, try row[4], json.text, "\(single)"]
  }
}

private enum Colour: String, PostgresEncodable, PostgresDecodable { case red, green }

@Suite struct EncodingTests {
  private func expectRoundTrip<Value: PostgresEncodable & PostgresDecodable & Equatable>(
    _ values: Value..., sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await withClient { client in
      for value in values {
        let answer = try await client.query(Echo(value: value))
        #expect(answer == [value], sourceLocation: sourceLocation)
      }
      let null = try await client.query(Echo<Value>(value: nil))
      #expect(null == [nil], sourceLocation: sourceLocation)
    }
  }

  @Test func everyScalarComesBackAsItWasSent() async throws {
    try await expectRoundTrip(true, false)
    try await expectRoundTrip(Int16.min, 0, .max)
    try await expectRoundTrip(Int32.min, 0, .max)
    try await expectRoundTrip(Int64.min, 0, .max)
    try await expectRoundTrip(Int.min, -1, .max)
    try await expectRoundTrip(0.1, -.infinity, .greatestFiniteMagnitude)
    try await expectRoundTrip("", "it's", "grüße 🗝️ \\ \"")
    try await expectRoundTrip(UUID(), UUID())
    try await expectRoundTrip([] as [UInt8], [0, 255, 1])
    try await expectRoundTrip(JSONText("{\"a\": [1, null]}"))
    try await expectRoundTrip(Colour.red, .green)
  }

  @Test func datesKeepMicrosecondsAndInfinity() async throws {
    let dates = [0, 1_700_000_000.5, -62_000_000_000].map { Date(timeIntervalSince1970: $0) }
    try await expectRoundTrip(dates[0], dates[1], dates[2], .distantFuture, .distantPast)
  }

  @Test func arraysKeepTheirNulls() async throws {
    try await expectRoundTrip([1, 2, 3] as [Int], [])
    try await expectRoundTrip([1, nil, 3] as [Int32?], [nil])
    try await expectRoundTrip(["", "a,b", "{\"}"])
    try await expectRoundTrip([nil, "x"] as [String?])
    try await expectRoundTrip([[1, 2], []] as [[UInt8]])
    try await expectRoundTrip([UUID(), UUID()])
    try await expectRoundTrip([true, false])
    try await expectRoundTrip([1.5, .infinity])
    try await expectRoundTrip([Date(timeIntervalSince1970: 1)])
    try await expectRoundTrip([JSONText("{}")])
  }

  @Test func relatedTypesAreReadWithoutCasts() async throws {
    try await withClient { client in
      let row = try await client.queryFirst(Select())
      #expect(row == ["1", "2", "3", "4", "x", "y", "{\"a\": 1}", "1.5"])
    }
  }

  @Test func aWrongTypeNamesTheColumnAndTheStatement() async throws {
    struct Wrong: Statement {
      static let sql = "SELECT 'canary'::text AS label"
      static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
    }
    try await withClient { client in
      let error = await failure { try await client.query(Wrong()) }
      #expect(error?.code == .decoding)
      #expect(error?.statement == "Wrong")
      #expect(error?.message.contains("label") == true)
      #expect(error?.description.contains("canary") == false)
    }
  }

  @Test func nullIsRefusedWhereAValueIsWanted() async throws {
    struct Null: Statement {
      static let sql = "SELECT NULL::text"
      static func decode(_ row: PostgresRow) throws -> String { try row[0] }
    }
    try await withClient { client in
      let code = await failure { try await client.query(Null()) }?.code
      #expect(code == .decoding)
    }
  }

  @Test func aTextOfTenMegabytesPasses() async throws {
    struct Length: Statement {
      static let sql = "SELECT length($1), $1"
      let text: String
      func bind(_ parameters: inout PostgresParameters) { parameters.append(text) }
      static func decode(_ row: PostgresRow) throws -> (Int, String) { (try row[0], try row[1]) }
    }
    let text = String(repeating: "0123456789", count: 1_000_000)
    try await withClient { client in
      let row = try await client.queryFirst(Length(text: text))
      #expect(row?.0 == 10_000_000)
      #expect(row?.1 == text)
    }
  }

  @Test func aHundredThousandRowsPassAsArrays() async throws {
    struct Fill: Statement {
      static let sql = "SELECT count(*), sum(n)::bigint FROM unnest($1, $2) AS u(n, t)"
      let numbers: [Int]
      let texts: [String]
      func bind(_ parameters: inout PostgresParameters) {
        parameters.append(numbers)
        parameters.append(texts)
      }
      static func decode(_ row: PostgresRow) throws -> [Int] { [try row[0], try row[1]] }
    }
    let numbers = Array(1...100_000)
    try await withClient { client in
      let row = try await client.queryFirst(Fill(numbers: numbers, texts: numbers.map { "t\($0)" }))
      #expect(row == [100_000, 5_000_050_000])
    }
  }
}
