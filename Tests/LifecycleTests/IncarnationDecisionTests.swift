import Foundation
import Testing

@testable import Lifecycle

@Suite struct IncarnationDecisionTests {
  private static let (one, two) = (UUID(), UUID())

  private func inside(_ id: UUID? = one, mark: Int64 = 5, at place: String = "here", ended: Bool = false)
    -> IncarnationState
  {
    IncarnationState(
      life: id.map { .init(id: $0, mark: mark, place: place) }, place: "here", hasEndedOutside: ended)
  }

  private func file(_ id: UUID = one, mark: Int64 = 5) -> IncarnationFile.Record { .init(incarnation: id, mark: mark) }

  @Test func aNewDatabaseBeginsAndAKnownOneHolds() {
    #expect(IncarnationDecision(outside: nil, inside: inside(nil)) == .begin)
    #expect(IncarnationDecision(outside: file(), inside: inside()) == .hold)
    #expect(IncarnationDecision(outside: file(mark: 4), inside: inside()) == .hold)
  }

  @Test func everythingElseIsOnlyObserved() {
    #expect(IncarnationDecision(outside: file(), inside: inside(nil)) == .observe(.other))
    #expect(IncarnationDecision(outside: file(Self.two), inside: inside()) == .observe(.other))
    #expect(IncarnationDecision(outside: file(mark: 6), inside: inside()) == .observe(.older))
    #expect(IncarnationDecision(outside: nil, inside: inside()) == .observe(.unknownHere))
    #expect(IncarnationDecision(outside: file(), inside: inside(at: "there")) == .observe(.otherPlace))
    #expect(IncarnationDecision(outside: nil, inside: inside(at: "there")) == .observe(.otherPlace))
  }

  @Test func confirmingARestoredDatabaseBeginsAnewAndANewHostLearns() {
    func beginsAnew(_ outside: IncarnationFile.Record?, _ inside: IncarnationState) -> Bool {
      IncarnationDecision.confirmationBeginsAnew(outside: outside, inside: inside)
    }
    #expect(beginsAnew(file(mark: 6), inside()))
    #expect(beginsAnew(file(), inside(at: "there")))
    #expect(beginsAnew(nil, inside(at: "there")))
    #expect(beginsAnew(file(), inside(nil)))
    // Set back to before the life that this host knows.
    #expect(beginsAnew(file(Self.two), inside()))
    // Another host confirmed; this one knows the life before.
    #expect(!beginsAnew(file(Self.two), inside(ended: true)))
    #expect(!beginsAnew(nil, inside()))
    #expect(!beginsAnew(file(), inside()))
  }

  @Test func theFileSurvivesAndRefusesToGuess() throws {
    let path = NSTemporaryDirectory() + "incarnation-\(UUID())"
    defer { unlink(path) }
    let file = IncarnationFile(path: path)
    #expect(try file.read() == nil)
    let record = IncarnationFile.Record(incarnation: Self.one, mark: 4711)
    try file.write(record)
    #expect(try file.read() == record)
    for nonsense in ["", "{}", #"{"incarnation":"x","mark":1}"#, #"{"incarnation":"\#(Self.one)","mark":0}"#] {
      try nonsense.write(toFile: path, atomically: true, encoding: .utf8)
      #expect(throws: LifecycleError(code: .incarnationFile, message: "")) { try file.read() }
    }
    try String(repeating: " ", count: 5000).write(toFile: path, atomically: true, encoding: .utf8)
    #expect(throws: LifecycleError(code: .incarnationFile, message: "")) { try file.read() }
  }
}
