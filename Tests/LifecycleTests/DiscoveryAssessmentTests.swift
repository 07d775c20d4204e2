import Foundation
import Governance
import Lifecycle
import Targets
import Testing

/// What a look at a target means.
@Suite struct DiscoveryAssessmentTests {
  typealias Case = DiscoveryAssessment.Case
  typealias Kind = DiscoveryAssessment.Finding.Kind

  private static let now = Date(timeIntervalSince1970: 1_800_000_000)

  private static func issued(
    _ name: String = "svc", mark: String? = "m", state: Case.State = .active, isMoving: Bool = false,
    current: String? = "svc_a", live: Set<String> = ["svc_a"]
  ) -> Case {
    Case(
      identity: IdentityID(UUID(uuidString: "00000000-0000-4000-8000-000000000001")!),
      onTarget: TargetIdentity(name: name, mode: .alternating), mark: mark, state: state, isMoving: isMoving,
      currentLogin: current, liveLogins: live)
  }

  private static let owner = ObservedLogin(name: "svc", canLogin: false, mark: "m", fence: 3)
  private static let login = ObservedLogin(name: "svc_a", canLogin: true, mark: "m")

  private func look(
    _ observed: [ObservedLogin], before: [Case]? = nil, after: [Case] = [issued()], admins: Set<String> = ["admin"]
  ) -> DiscoveryAssessment {
    DiscoveryAssessment(observed: observed, before: before ?? after, after: after, admins: admins, now: Self.now)
  }

  private func kinds(_ assessment: DiscoveryAssessment) -> [String] {
    assessment.findings.map { "\($0.kind.rawValue) \($0.name)" }
  }

  @Test func findsNothingWhereEverythingIsExplained() {
    let found = look([Self.owner, Self.login, ObservedLogin(name: "admin", canLogin: true, mark: nil)])
    #expect(found.findings == [])
    #expect(found.logins == 1)
    #expect(found.governed == 1)
  }

  @Test func findsALoginThatNobodyKnows() {
    let found = look([Self.owner, Self.login, ObservedLogin(name: "someone", canLogin: true, mark: nil, sessions: 2)])
    #expect(kinds(found) == ["unexplained_login someone"])
    #expect(found.findings[0].detail.contains("2 sessions"))
    #expect(found.logins == 2)
  }

  @Test func aRoleThatCannotLogInIsNobodysBusiness() {
    #expect(look([Self.owner, Self.login, ObservedLogin(name: "group", canLogin: false, mark: nil)]).findings == [])
  }

  @Test func findsWhatIsMissing() {
    #expect(kinds(look([])) == ["vanished svc", "vanished svc_a"])
    #expect(kinds(look([Self.owner])) == ["vanished svc_a"])
  }

  @Test func aCaseThatMovesIsMissedNowhere() {
    #expect(look([], after: [Self.issued(isMoving: true)]).findings == [])
    #expect(look([], before: [Self.issued(isMoving: true)], after: [Self.issued()]).findings == [])
    // Rotated in between: what was seen is of another time.
    #expect(
      look(
        [Self.owner, Self.login], before: [Self.issued()],
        after: [Self.issued(current: "svc_b", live: ["svc_b", "svc_a"])]
      ).findings == [])
  }

  @Test func aLoginIsExplainedByWhatWasWrittenAfterItWasSeen() {
    #expect(look([Self.owner, Self.login], before: [], after: [Self.issued()]).findings == [])
  }

  @Test func findsARoleUnderAnotherName() {
    let renamed = ObservedLogin(name: "moved", canLogin: true, mark: "m")
    #expect(kinds(look([Self.owner, renamed])) == ["renamed moved", "vanished svc_a"])
  }

  @Test func findsARoleThatSomebodyMadeTheirs() {
    let taken = ObservedLogin(name: "svc_a", canLogin: true, mark: nil)
    #expect(kinds(look([Self.owner, taken])) == ["mark_lost svc_a"])
    let other = ObservedLogin(name: "svc_a", canLogin: true, mark: "theirs")
    let found = look([Self.owner, other])
    #expect(kinds(found) == ["mark_lost svc_a"])
    #expect(found.findings[0].detail.contains("theirs"))
  }

  @Test func findsAMarkThatNoCaseHas() {
    let stranger = ObservedLogin(name: "else", canLogin: true, mark: "of-another-engine")
    #expect(kinds(look([Self.owner, Self.login, stranger])) == ["unknown_mark else"])
  }

  @Test func findsWhatWasTurnedOff() {
    let blocked = ObservedLogin(name: "svc_a", canLogin: false, mark: "m")
    #expect(kinds(look([Self.owner, blocked])) == ["disabled svc_a"])
    let ended = ObservedLogin(name: "svc_a", canLogin: true, mark: "m", validUntil: Self.now - 1)
    #expect(kinds(look([Self.owner, ended])) == ["disabled svc_a"])
    let later = ObservedLogin(name: "svc_a", canLogin: true, mark: "m", validUntil: Self.now + 1)
    #expect(look([Self.owner, later]).findings == [])
  }

  @Test func findsWhatShouldBeGone() {
    let revoked = Self.issued(state: .revoked, current: nil, live: [])
    #expect(kinds(look([Self.owner, Self.login], after: [revoked])) == ["left_behind svc", "left_behind svc_a"])
    let old = ObservedLogin(name: "svc_b", canLogin: true, mark: "m")
    #expect(kinds(look([Self.owner, Self.login, old])) == ["left_behind svc_b"])
    #expect(look([Self.owner, Self.login, old], after: [Self.issued(isMoving: true)]).findings == [])
  }

  @Test func findsWhoCanActAsAnIdentity() {
    let other = ObservedLogin(name: "someone", canLogin: true, mark: nil, notes: ["member:readers", "member:svc"])
    #expect(kinds(look([Self.owner, Self.login, other])) == ["shared someone", "unexplained_login someone"])
    let ours = ObservedLogin(name: "svc_a", canLogin: true, mark: "m", notes: ["member:svc"])
    #expect(look([Self.owner, ours]).findings == [])
    let admin = ObservedLogin(name: "admin", canLogin: true, mark: nil, notes: ["member:svc"])
    #expect(look([Self.owner, Self.login, admin]).findings == [])
  }

  @Test func aNameThatIsKeptForNobodyYetIsUnexplained() {
    let early = ObservedLogin(name: "svc_a", canLogin: true, mark: nil)
    let none = Self.issued(mark: nil, state: .none, current: nil, live: [])
    #expect(kinds(look([early], after: [none])) == ["unexplained_login svc_a"])
  }

  @Test func aTrialUnderWayIsExplainedAndOneThatDiedIsNot() {
    let second = Int64(Self.now.timeIntervalSince1970)
    func trial(_ fence: Int64) -> [ObservedLogin] {
      [
        ObservedLogin(name: "keyturn_trial_1", canLogin: false, mark: "trial-1", fence: fence),
        ObservedLogin(name: "keyturn_trial_1_a", canLogin: true, mark: "trial-1"),
      ]
    }
    #expect(look(trial(second - 5), after: []).findings == [])
    #expect(
      kinds(look(trial(second - 601), after: [])) == ["stale_trial keyturn_trial_1", "stale_trial keyturn_trial_1_a"])
  }
}
