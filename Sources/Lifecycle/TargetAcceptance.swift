import Governance
import Targets

/// What a target has to show before anything is entrusted to it.
extension CredentialLifecycle {
  /// Looks at an accepted target again, and tries it with an identity of its own. Empty problems and no failure means sound;
  /// then the record says when. The trial is kept either way. Throws `.refused` while this process only observes: a trial
  /// changes the target.
  package func testTarget(_ name: String) async throws -> TargetTest {
    let target = try await governance.target(name, in: client)
    try await requireIncarnation(to: "try \(target.name)")
    let driver = try await drivers.driver(for: target)
    let problems = await driver.examine(deadline: ContinuousClock.now + .seconds(20))
    guard problems.isEmpty else { return TargetTest(problems: problems, trial: nil) }
    let trial = try await tryOut(driver, name: target.name, id: target.id)
    if trial?.failure == nil { try await client.execute(MarkTargetExamined(target: target.id)) }
    return TargetTest(problems: [], trial: trial)
  }

  /// Throws `.refused` with the remedy while nothing may be changed on any target.
  func requireIncarnation(to what: String) async throws {
    // Asked anew: a command may be all that ran since the database was restored.
    await incarnation.refresh()
    guard let doubt = await incarnation.doubt() else { return }
    throw LifecycleError(
      code: .refused,
      message: "this host only observes and does not \(what): \(doubt.explanation); if it is the one to work on, say "
        + "`keyturn incarnation confirm`")
  }

  /// Throws `.unsoundTarget` naming what does not hold, `.refused` while this process only observes.
  func requireSound(_ driver: any TargetDriver, name: String) async throws {
    try await requireIncarnation(to: "try \(name)")
    let problems = await driver.examine(deadline: ContinuousClock.now + .seconds(20))
    guard problems.isEmpty else {
      throw LifecycleError(code: .unsoundTarget, message: "target not added: " + problems.joined(separator: "; "))
    }
    let trial = try await tryOut(driver, name: name, id: nil)
    guard let failure = trial?.failure else { return }
    throw LifecycleError(
      code: .unsoundTarget,
      message: "target not added: a trial identity failed at \"\(failure.step)\": \(failure.reason)")
  }

  private func tryOut(_ driver: any TargetDriver, name: String, id: TargetID?) async throws -> TargetTrial.Report? {
    guard let now = try await client.queryFirst(ReadDatabaseTime()) else {
      throw LifecycleError(code: .unreadableRow, message: "the database did not tell its time")
    }
    guard let report = await TargetTrial(driver: driver, now: now).run() else { return nil }
    try await client.execute(InsertTargetTrial(target: id, name: name, report: report))
    return report
  }
}

/// What testing a target showed.
package struct TargetTest: Sendable {
  /// Each with its remedy. When there are any, nothing was tried.
  package let problems: [String]
  /// Nil also for targets that cannot be tried, because they make secrets themselves or need the old one.
  package let trial: TargetTrial.Report?

  package var isSound: Bool { problems.isEmpty && trial?.failure == nil }
}
