import Foundation
import Testing

@testable import Governance

@Suite struct PolicyParserTests {
  private let whole = """
    policy: payments
    lifetimes:
      rotation_period: 30d
      rotation_jitter: 1d
      overlap: 2h
      settle: 5s
      retry_reserve: 12h
      on_expiry: revoke
      secret_length: 40
      identity_maximum: 365d
    approvals:
      maximum_age: 14d
      stages:
        - {name: business, role: manager}
        - name: security
          role: security
          quorum: 2
      strength: {standard: helpdesk, elevated: fresh_login, privileged: signature}
      required_fields:
        revoke: [owning_system, delegated_approver]
    attestation_maximum_age: 180d
    service_levels: {leak_contain: 10m}
    maximum_rights:
      - target: "*"
        environment: production
        rights: ["member:app_*"]
    """

  @Test func aWholeDocumentIsRead() throws {
    let document = try PolicyParser.parse(whole).get()
    #expect(document.policy == "payments")
    #expect(document.lifetimes.rotationPeriod == 2_592_000)
    #expect(document.lifetimes.onExpiry == "revoke")
    #expect(document.approvals.stages.map(\.role) == ["manager", "security"])
    #expect(document.approvals.stages.map(\.quorum) == [1, 2])
    #expect(document.approvals.strengthPrivileged == .signature)
    #expect(document.approvals.requiredFields["revoke"] == ["delegated_approver", "owning_system"])
    #expect(document.attestationMaximumAge == 15_552_000)
    #expect(document.serviceLevels.leakContain == 600)
    #expect(document.maximumRights.first?.purpose == "*")
    #expect(document.triggers == ReapprovalTrigger.allCases)
  }

  @Test func commentsAndOrderDoNotChangeTheDigest() throws {
    let first = try PolicyParser.parse("policy: p\nlifetimes: {overlap: 1h, settle: 60s}").get()
    let second = try PolicyParser.parse("# why\nlifetimes:\n  settle: 1m\n  overlap: 60m\npolicy: p\n").get()
    #expect(try first.canonicalBytes() == second.canonicalBytes())
    #expect(try PolicyDocument(canonical: first.canonicalBytes()) == first)
  }

  @Test func everyProblemIsNamedWithItsLineAndARemedy() {
    let text = """
      policy: p
      lifetimes:
        rotation_perid: 30d
        overlap: soon
        secret_length: 8
      approvals:
        stages:
          - role: Owner!
          - {role: owner, quorum: 2}
        strength: {standard: signature, privileged: helpdesk}
        required_fields: {issue: [colour]}
      triggers: [owner_changed]
      maximum_rights:
        - rights: ["a*b"]
      extra: 1
      """
    guard case .failure(let problems) = PolicyParser.parse(text) else {
      Issue.record("accepted")
      return
    }
    let found = problems.problems.map { "\($0.line) \($0.path)" }
    for expected in [
      "3 lifetimes", "4 lifetimes.overlap", "5 lifetimes.secret_length", "8 approvals.stages[0].role",
      "9 approvals.stages[1].quorum", "10 approvals.strength", "11 approvals.required_fields.issue[0]", "12 triggers",
      "14 maximum_rights[0].rights[0]", "15 ",
    ] {
      #expect(found.contains(expected), "\(expected) not in \(found)")
    }
    #expect(problems.problems.allSatisfy { !$0.remedy.isEmpty })
    #expect(problems.problems.first { $0.line == 3 }?.remedy.contains("rotation_period") == true)
  }

  @Test func whatIsNotAPolicyIsRefusedWithItsLine() {
    let cases: [(String, Int)] = [
      ("", 1), ("[]", 1), ("policy: p\n  x: : 1", 2), ("policy: p\npolicy: q", 1), ("lifetimes: {}", 1),
      ("policy: &a p\nlifetimes: *a", 1), ("policy: p\napprovals: {stages: []}", 2),
      ("policy: p\nlifetimes: {overlap: 40d}", 2), (String(repeating: "#", count: 300_000), 1),
    ]
    for (text, line) in cases {
      guard case .failure(let problems) = PolicyParser.parse(text) else {
        Issue.record("accepted: \(text.prefix(40))")
        continue
      }
      #expect(problems.problems.contains { $0.line == line }, "\(text.prefix(40)): \(problems)")
    }
  }

  @Test func everyStricterPointIsNoticed() throws {
    let old = try PolicyParser.parse(whole).get()
    func stricter(_ change: (inout PolicyDocument) -> Void) -> [String] {
      var new = old
      change(&new)
      return PolicyComparison(from: old, to: new).stricter
    }
    #expect(stricter { _ in }.isEmpty)
    #expect(stricter { $0.lifetimes.rotationPeriod = 86_400 } == ["rotation period"])
    #expect(stricter { $0.lifetimes.rotationPeriod *= 2 }.isEmpty)
    #expect(stricter { $0.approvals.maximumAge = 60 } == ["age of an approval"])
    #expect(stricter { $0.approvals.maximumAge = nil }.isEmpty)
    #expect(stricter { $0.attestationMaximumAge = 60 } == ["age of an attestation"])
    #expect(stricter { $0.approvals.stages[1].quorum = 3 } == ["approval stages"])
    #expect(stricter { $0.approvals.stages[0].role = "owner" } == ["approval stages"])
    #expect(stricter { $0.approvals.stages.removeLast() }.isEmpty)
    #expect(stricter { $0.approvals.strengthStandard = .freshLogin } == ["strength for standard"])
    #expect(stricter { $0.approvals.requiredFields["issue"] = ["beneficiary"] } == ["mandatory fields of issue"])
    #expect(stricter { $0.maximumRights[0].rights = ["member:app_readers"] } == ["maximum rights"])
    #expect(stricter { $0.maximumRights[0].rights = ["member:*"] }.isEmpty)
    #expect(stricter { $0.maximumRights = [] }.isEmpty)
    #expect(stricter { $0.lifetimes.secretLength = 64 } == ["secret length"])
  }

  @Test(arguments: [
    ("rotation_jiter", "rotation_jitter"), ("rotaton_period", "rotation_period"), ("Overlap", "overlap"),
    ("retry_reserv", "retry_reserve"),
  ])
  func aMisspelledKeyIsToldWhichWasMeant(_ written: String, _ meant: String) {
    let known = ["rotation_period", "rotation_jitter", "overlap", "settle", "retry_reserve"]
    #expect(NearestWord.of(written, among: known) == meant)
    #expect(NearestWord.of("colour", among: known) == nil)
  }
}
