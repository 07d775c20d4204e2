import Foundation
import Postgres
import Testing

@testable import Governance

@Suite struct FactTimeTests {
  /// A moment is the same one before it was stored and after, or a feed that is replayed looks newer than itself.
  @Test func aMomentIsTheSameAfterTheDatabaseKeptIt() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<100_000 {
      let date = Date(timeIntervalSinceReferenceDate: .random(in: 700_000_000...1_600_000_000, using: &generator))
      var bytes: [UInt8] = []
      date.encode(into: &bytes)
      let kept = try bytes.withUnsafeBytes { try Date(decoding: $0, type: .timestamptz) }
      #expect(FactTime(kept) == FactTime(date))
      #expect(FactTime(FactTime(date).date) == FactTime(date))
    }
  }

  @Test func itIsMicrosecondsSince1970() {
    #expect(FactTime(Date(timeIntervalSince1970: 1_800_000_000.25)).microseconds == 1_800_000_000_250_000)
    #expect(FactTime(.distantPast) < FactTime(.distantFuture))
  }
}
