import Testing

@testable import Lifecycle

@Suite struct UnknownOutcomeTests {
  @Test func readsTheProbeTable() {
    typealias Row = (UnknownOutcome.Answer, UnknownOutcome.Answer, UnknownOutcome.Verdict)
    let table: [Row] = [
      (.accepted, .refused, .applied), (.accepted, .none, .applied), (.accepted, .accepted, .applied),
      (.refused, .accepted, .notApplied), (.refused, .none, .notApplied), (.refused, .refused, .resetOnce),
      (.cannotTell, .accepted, .cannotTell), (.accepted, .cannotTell, .cannotTell),
      (.refused, .cannotTell, .cannotTell),
    ]
    for (new, old, verdict) in table {
      #expect(UnknownOutcome.verdict(new: new, old: old, mode: .alternating, secretClass: .overwrite) == verdict)
    }
  }

  @Test func oneSlotThatAcceptsBothIsStillSettling() {
    #expect(
      UnknownOutcome.verdict(new: .accepted, old: .accepted, mode: .single, secretClass: .overwrite) == .settling)
  }

  @Test func bothRefusedIsAForeignChangeWhereWritingAgainCouldHarm() {
    #expect(
      UnknownOutcome.verdict(new: .refused, old: .refused, mode: .single, secretClass: .selfChange) == .foreignChange)
  }
}
