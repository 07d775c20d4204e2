import Foundation
import TestSupport
import Testing

/// Pause, resume and limits of a target, at the command line.
@Suite struct TargetControlTests {
  @Test func pauseAndResumeSayWhatHappenedAndAreRecordedOnce() async throws {
    let world = try await TestWorld.make()
    let paused = try await world.operate("target", "pause", "db")
    #expect(paused.code == 0, "\(paused.errors)")
    #expect(paused.output.contains("paused"))
    let again = try await world.keyturn("target", "pause", "db", "--by", "bob", "--reason", "another")
    #expect(again.code == 0)
    #expect(again.output.contains("paused already"))
    #expect(again.output.contains("a test"))
    let listed = try await world.keyturn("target", "list", "--json").rows()
    #expect(listed[0]["paused"] is String)
    #expect(listed[0]["pause_reason"] as? String == "a test")

    #expect(try await world.operate("target", "resume", "db").output.contains("resumed"))
    let idle = try await world.operate("target", "resume", "db")
    #expect(idle.code == 0)
    #expect(idle.output.contains("neither paused nor failing"))
    #expect(try await world.actions() == "pause resume")
    let recorded = try await world.keyturn("queue", "actions", "--json").rows()
    #expect(recorded.map { $0["action"] as? String } == ["resume", "pause"])
    #expect(recorded.allSatisfy { $0["actor"] as? String == "alice" && $0["target"] as? String == "db" })
    try await world.close()
  }

  @Test func resumeClosesTheBreaker() async throws {
    let world = try await TestWorld.make()
    try await world.change(
      "UPDATE jobs.limit_group SET breaker = 'open', breaker_failures = 7, breaker_until = now() + interval '5 minutes'"
    )
    let listed = try await world.keyturn("target", "list", "--json").rows()
    #expect(listed[0]["breaker"] as? String == "open")
    #expect(listed[0]["failures"] as? String == "7")
    #expect(listed[0]["next_try"] is String)
    let resumed = try await world.operate("target", "resume", "db")
    #expect(resumed.output.contains("was not paused"))
    #expect(resumed.output.contains("closed, was open"))
    #expect(try await world.text("SELECT breaker || breaker_failures FROM jobs.limit_group") == "closed0")
    try await world.close()
  }

  @Test func limitsThatAreNotNamedStay() async throws {
    let world = try await TestWorld.make()
    let limit = "SELECT concat_ws(' ', max_running, COALESCE(rate_per_minute, 0), rate_burst) FROM jobs.limit_group"
    #expect(try await world.operate("target", "limit", "db", "--maximum-running", "3").code == 0)
    #expect(try await world.text(limit) == "3 0 1")
    #expect(try await world.operate("target", "limit", "db", "--per-minute", "60", "--burst", "5").code == 0)
    #expect(try await world.text(limit) == "3 60 5")
    let same = try await world.operate("target", "limit", "db", "--burst", "5")
    #expect(same.output.contains("it is so already"))
    #expect(try await world.operate("target", "limit", "db", "--no-rate").code == 0)
    #expect(try await world.text(limit) == "3 0 5")
    #expect(try await world.actions() == "limit limit limit")
    #expect(
      try await world.text("SELECT detail FROM jobs.operator_action ORDER BY id LIMIT 1")
        == "3 at once, no rate, burst 1")

    let none = try await world.operate("target", "limit", "db")
    #expect(none.code == 64)
    #expect(none.errors.contains("at least one of"))
    for arguments in [
      ["--maximum-running", "0"], ["--per-minute", "0"], ["--burst", "10001"], ["--no-rate", "--per-minute", "1"],
    ] {
      let refused = try await world.keyturn(
        ["target", "limit", "db"] + arguments + ["--by", "alice", "--reason", "r"])
      #expect(refused.code == 64, "\(arguments)")
    }
    try await world.close()
  }

  @Test func whoAndWhyAreChecked() async throws {
    let world = try await TestWorld.make()
    #expect(try await world.keyturn("target", "pause", "db", "--by", "alice").code == 64)
    #expect(try await world.keyturn("target", "pause", "db", "--reason", "r").code == 64)
    let unknown = try await world.keyturn("target", "pause", "db", "--by", "mallory", "--reason", "r")
    #expect(unknown.code == 4)
    #expect(unknown.errors.contains("mallory"))
    #expect(try await world.operate("target", "pause", "nowhere").code == 4)
    let blank = try await world.keyturn("target", "pause", "db", "--by", "alice", "--reason", "  ")
    #expect(blank.code == 1)
    #expect(blank.errors.contains("reason is empty"))
    let long = try await world.keyturn(
      "target", "pause", "db", "--by", "alice", "--reason", String(repeating: "e\u{301}", count: 251))
    #expect(long.code == 1)
    #expect(long.errors.contains("at most 500 characters"))
    try await world.composition.governance.setState(.suspended, of: "bob", in: world.composition.client)
    #expect(try await world.keyturn("target", "pause", "db", "--by", "bob", "--reason", "r").code == 3)
    #expect(try await world.actions() == "")
    #expect(try await world.text("SELECT paused_at::text FROM jobs.limit_group") == "")
    try await world.close()
  }
}
