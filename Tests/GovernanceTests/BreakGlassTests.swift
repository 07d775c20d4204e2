import Foundation
import Testing

@testable import Governance

@Suite struct BreakGlassTests {
  private func date(_ text: String) throws -> Date { try Date(text, strategy: .iso8601) }

  @Test func aReviewIsDueOnTheNextDayThatIsWorkedOn() throws {
    // A Wednesday, a Friday, a Saturday and a Sunday.
    let cases = [
      ("2026-11-25T22:30:00Z", "2026-11-26T22:30:00Z"), ("2026-11-27T09:00:00Z", "2026-11-30T09:00:00Z"),
      ("2026-11-28T09:00:00Z", "2026-11-30T09:00:00Z"), ("2026-11-29T00:00:00Z", "2026-11-30T00:00:00Z"),
    ]
    for (opened, due) in cases { #expect(BreakGlass.reviewDue(after: try date(opened)) == (try date(due))) }
  }

  @Test func aPermissionCoversItsEnvironmentOrAll() {
    func permission(_ environment: String?) -> OperatorPermission {
      OperatorPermission(
        id: UUID(), person: "p", kind: .contain, environment: environment, grantedBy: "q", validUntil: .distantFuture)
    }
    #expect(OperatorPermission.uncovered(["prod", "test"], by: []) == ["prod", "test"])
    #expect(OperatorPermission.uncovered(["prod", "test"], by: [permission("test")]) == ["prod"])
    #expect(OperatorPermission.uncovered(["prod", "test"], by: [permission("test"), permission("prod")]).isEmpty)
    #expect(OperatorPermission.uncovered(["prod", "test"], by: [permission(nil)]).isEmpty)
  }
}
