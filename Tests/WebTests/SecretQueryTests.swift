import Testing

@testable import Web

@Suite struct SecretQueryTests {
  private func query(
    _ parameters: [(String, String)] = [], ifNoneMatch: String? = nil, prefer: String? = nil
  ) throws -> SecretQuery {
    try SecretQuery(parameters: parameters, ifNoneMatch: ifNoneMatch, prefer: prefer)
  }

  private func code(_ body: () throws -> SecretQuery) -> String? {
    do {
      _ = try body()
      return nil
    } catch {
      return (error as? Rejection)?.problem.code
    }
  }

  @Test func asksForTheCurrentOneByDefault() throws {
    let plain = try query()
    #expect(plain.after == nil && plain.wait == 0 && plain.target == nil)
    #expect(plain.selection == .current)
  }

  @Test func waitsInSecondsFromQueryOrPreference() throws {
    #expect(try query([("after", "4"), ("wait", "30s")]).wait == 30)
    #expect(try query([("after", "4"), ("wait", "0.5")]).wait == 0.5)
    #expect(try query([("after", "4")], prefer: "respond-async, wait=12").wait == 12)
    #expect(try query([("after", "4")], prefer: "return=minimal").wait == 0)
    #expect(try query([("wait", "5")], ifNoneMatch: "\"7\"").after == 7)
    #expect(try query(ifNoneMatch: "W/\"7\"").after == 7)
    #expect(try query([("after", "3")], ifNoneMatch: "\"7\"").after == 3)
  }

  @Test func refusesWhatCannotBeMeantByItsName() {
    #expect(code { try query([("after", "4"), ("wait", "61s")]) } == "wait_out_of_range")
    #expect(code { try query([("after", "4"), ("wait", "-1")]) } == "wait_out_of_range")
    #expect(code { try query([("after", "4"), ("wait", "nan")]) } == "wait_out_of_range")
    #expect(code { try query([("after", "4"), ("wait", "soon")]) } == "wait_out_of_range")
    #expect(code { try query([("after", "4")], prefer: "wait=3600") } == "wait_out_of_range")
    #expect(code { try query([("wait", "5")]) } == "wait_without_after")
    #expect(code { try query([("after", "-1")]) } == "bad_after")
    #expect(code { try query([("after", "99999999999")]) } == "bad_after")
    #expect(code { try query([("after", "1"), ("after", "2")]) } == "repeated_parameter")
    #expect(code { try query([("version", "3")]) } == "bad_version")
    #expect(code { try query([("version", "previous"), ("after", "2")]) } == "bad_version")
    #expect(code { try query([("token", "x")]) } == "unknown_parameter")
    #expect(code { try query(ifNoneMatch: "*") } == "bad_entity_tag")
  }
}
