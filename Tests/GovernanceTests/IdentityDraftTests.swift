import Foundation
import Testing

@testable import Governance

@Suite struct IdentityDraftTests {
  private func draft() -> IdentityDraft {
    IdentityDraft(
      target: "db", name: "svc_app", owner: "alice", backupOwner: "carol", purpose: "reports", environment: "test",
      workload: "reporter", expiresAt: Date(timeIntervalSinceNow: 86_400))
  }

  @Test func aCompleteDraftIsAccepted() throws {
    _ = try draft().validated(now: Date())
  }

  @Test(arguments: ["target", "name", "owner", "backup", "purpose", "environment", "workload", "expires"])
  func aMissingFieldIsRefusedByItsName(field: String) {
    var draft = draft()
    switch field {
    case "target": draft.target = nil
    case "name": draft.name = nil
    case "owner": draft.owner = nil
    case "backup": draft.backupOwner = nil
    case "purpose": draft.purpose = "   "
    case "environment": draft.environment = ""
    case "workload": draft.workload = nil
    default: draft.expiresAt = nil
    }
    #expect {
      _ = try draft.validated(now: Date())
    } throws: { error in
      let error = error as? GovernanceError
      return error?.code == .missingField && error?.message.hasPrefix(field) == true
    }
  }

  @Test func wrongValuesAreRefusedByNameAndNeverQuoted() {
    func check(_ field: String, _ change: (inout IdentityDraft) -> Void) {
      var draft = draft()
      change(&draft)
      #expect {
        _ = try draft.validated(now: Date())
      } throws: { error in
        let message = "\(error)"
        return message.hasPrefix(field) && !message.contains("canary") && message.count < 200
      }
    }
    check("purpose") { $0.purpose = String(repeating: "canary", count: 2_000_000) }
    check("purpose") { $0.purpose = "canary\u{0}x" }
    check("name") { $0.name = "Canary\"; DROP" }
    check("backup") { $0.backupOwner = "alice" }
    check("expires") { $0.expiresAt = Date(timeIntervalSinceNow: -1) }
    check("mode") { $0.loginMode = "canary" }
    check("right") { $0.rights = Array(repeating: "canary", count: 201) }
  }
}

@Suite struct PolicyTests {
  @Test func theLatestStartLeavesTimeForOverlapSettlingAndRetries() {
    let policy = Policy(
      name: "p", rotationPeriod: 3600, rotationJitter: 0, overlap: 100, settle: 10, retryReserve: 50)
    let expiry = Date(timeIntervalSince1970: 10_000)
    #expect(policy.latestStart(hardExpiry: expiry) == Date(timeIntervalSince1970: 9_840))
  }

  @Test func impossibleTimesAreRefusedByName() {
    let cases: [(Policy, String)] = [
      (Policy(name: "p", rotationPeriod: 1, rotationJitter: 0, overlap: 0), "period"),
      (Policy(name: "p", rotationPeriod: 100, rotationJitter: 101, overlap: 0), "jitter"),
      (Policy(name: "p", rotationPeriod: 100, rotationJitter: 0, overlap: 100), "overlap"),
      (Policy(name: "p", rotationPeriod: 100, rotationJitter: 0, overlap: 1, secretLength: 8), "secret-length"),
      (Policy(name: "", rotationPeriod: 100, rotationJitter: 0, overlap: 1), "name"),
      (Policy(name: "p", rotationPeriod: .nan, rotationJitter: 0, overlap: 1), "period"),
    ]
    for (policy, field) in cases {
      #expect {
        try policy.validate()
      } throws: { error in
        "\(error)".hasPrefix(field)
      }
    }
  }
}
