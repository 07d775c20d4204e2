import Foundation
import Testing

@testable import Jobs

@Suite struct ClaimHintsTests {
  private func orders(_ count: Int, lane: Lane = .routine) -> [JobQueue.Order] {
    (0..<count).map { _ in
      JobQueue.Order(
        kind: JobKind(name: "rotate", precedence: 2), subject: SubjectID(UUID()), group: LimitGroupID(UUID()),
        lane: lane, fence: 0)
    }
  }

  @Test func aPayloadSaysWhichGroupsAndWhichLeak() {
    var hints = ClaimHints(orders(2))
    hints.formUnion(ClaimHints(orders(1, lane: .leak)))
    #expect(hints.hints?.count == 3)
    #expect(ClaimHints(payload: hints.payload) == hints)
    #expect(hints.payload.contains("!"))
  }

  @Test func manyGroupsOrNonsenseMeanAnywhere() {
    #expect(ClaimHints(orders(ClaimHints.most + 1)) == .anywhere)
    #expect(ClaimHints.anywhere.payload == "")
    for nonsense in ["", " ", "x", "!", String(repeating: "a ", count: 5000)] {
      #expect(ClaimHints(payload: nonsense) == .anywhere)
    }
    var hints = ClaimHints(orders(1))
    hints.formUnion(.anywhere)
    #expect(hints == .anywhere)
  }

  @Test func aRandomIdHasItsVersionAndVariant() {
    var generator = SystemRandomNumberGenerator()
    let ids = (0..<1000).map { _ in UUID.version4(using: &generator) }
    #expect(Set(ids).count == 1000)
    #expect(ids.allSatisfy { $0.uuid.6 >> 4 == 4 && $0.uuid.8 >> 6 == 2 })
  }
}
