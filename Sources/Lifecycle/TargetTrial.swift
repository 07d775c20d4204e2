package import Foundation
package import Secrets
package import Targets

/// The whole life of an identity that is nobody's: issued, used, rotated, revoked, and nothing left. What a target does not do
/// with this one it would not do with any, so a target is taken only after it.
///
/// In both ways of laying out logins. The identity's names begin with `keyturn_trial_`; its mark says so too, and its fences
/// count from the second in which the trial began, so that a trial that died can be told from one under way, and is cleared
/// away by the next. Only targets where secrets are overwritten can be tried: the others have verbs of their own.
package struct TargetTrial: Sendable {
  package struct Failure: Sendable, Equatable {
    /// `<way of logins>: <what should have held>`.
    package let step: String
    /// What was seen instead; never a secret.
    package let reason: String
  }

  package struct Report: Sendable, Equatable {
    /// Steps that were done, the failed one included.
    package var steps = 0
    package var failure: Failure?
    package var seconds = 0.0
  }

  static let markPrefix = "trial-"
  static let namePrefix = "keyturn_trial_"
  /// Seconds after which a trial is over, whatever became of it.
  static let longest: Int64 = 600
  /// For each call.
  static let patience = Duration.seconds(15)

  private let driver: any TargetDriver
  private let generator: SecretGenerator
  /// Seconds since 1970: the lowest fence.
  private let base: Int64
  private let id: String

  /// - Parameter now: the database's clock.
  package init(driver: any TargetDriver, now: Date, generator: SecretGenerator = SecretGenerator()) {
    self.driver = driver
    self.generator = generator
    base = Int64(now.timeIntervalSince1970)
    id = String(UUID().uuidString.prefix(8)).lowercased()
  }

  /// Never throws: what went wrong is the report. Nil: targets of this class cannot be tried.
  package func run() async -> Report? {
    guard driver.traits.secretClass == .overwrite else { return nil }
    var report = Report()
    let start = ContinuousClock.now
    do {
      try await clearStale(&report)
      for mode in LoginMode.allCases { try await live(mode, &report) }
    } catch let failure as StepFailed {
      report.failure = failure.failure
    } catch {
      report.failure = Failure(step: "clearing away what older trials left", reason: "\(error)")
    }
    report.seconds = (ContinuousClock.now - start) / .seconds(1)
    return report
  }

  private func live(_ mode: LoginMode, _ report: inout Report) async throws {
    let name = "\(Self.namePrefix)\(id)\(mode == .single ? "_s" : "")"
    var life = Life(
      driver: driver, identity: TargetIdentity(name: name, mode: mode), mark: Self.markPrefix + id, fence: base,
      generator: generator)
    do {
      try await life.run(&report)
    } catch var failed as StepFailed {
      // What it leaves behind is the next thing that an administrator has to know.
      if let left = await life.clear() { failed.failure = failed.failure.adding(left) }
      throw failed
    }
  }

  /// Roles that a trial left which was killed.
  private func clearStale(_ report: inout Report) async throws {
    guard let logins = try await driver.listLogins(named: [], deadline: .now + Self.patience) else { return }
    for stale in Self.stale(in: logins, now: base) {
      report.steps += 1
      let isSingle = stale.canLogin
      var life = Life(
        driver: driver, identity: TargetIdentity(name: stale.name, mode: isSingle ? .single : .alternating),
        mark: stale.mark ?? "", fence: max(base, stale.fence ?? 0), generator: generator)
      if let left = await life.clear() {
        throw StepFailed(Failure(step: "clearing away what an older trial left", reason: left))
      }
    }
  }

  /// Own roles of trials that are over. Pure.
  static func stale(in logins: [ObservedLogin], now: Int64) -> [ObservedLogin] {
    logins.filter { login in
      guard let mark = login.mark, mark.hasPrefix(markPrefix), login.name.hasPrefix(namePrefix), let fence = login.fence
      else { return false }
      return fence + longest < now
    }
  }
}

extension TargetTrial.Failure {
  fileprivate func adding(_ left: String) -> Self {
    Self(step: step, reason: "\(reason); the trial's roles could not be cleared away: \(left)")
  }
}

struct StepFailed: Error {
  var failure: TargetTrial.Failure

  init(_ failure: TargetTrial.Failure) { self.failure = failure }
}

/// One identity from issue to nothing.
private struct Life {
  let driver: any TargetDriver
  let identity: TargetIdentity
  let mark: String
  var fence: Int64
  let generator: SecretGenerator

  private var first: String { identity.login(besides: nil) }
  private var second: String { identity.login(besides: first) }
  private var deadline: ContinuousClock.Instant { .now + TargetTrial.patience }

  mutating func run(_ report: inout TargetTrial.Report) async throws {
    let (old, new) = (generator.makeSecret(.standard), generator.makeSecret(.standard))
    try await change("a secret is issued", set(old, first, .mayCreate), &report)
    try await proveLogin(first, old, "the issued secret", &report)
    try await check("it has no right that nobody gave it", &report) {
      let rights = try await driver.readPrivileges(of: identity, deadline: deadline)
      return rights.isEmpty ? nil : "it has \(rights.entries.joined(separator: " "))"
    }
    try await change("the secret is rotated", set(new, second, .exists), &report)
    try await proveLogin(second, new, "the rotated secret", &report)
    if driver.traits.fencesOnTarget {
      let late = set(old, second, .exists)
      try await check("a worker that lost its place is refused", &report) {
        let outcome = try await driver.apply(late, context: context(fence: fence - 1))
        if case .refused(.fenced, _) = outcome { return nil }
        return "it was not: \(outcome)"
      }
    }
    if identity.mode == .alternating {
      try await check("the old secret works until it is retired", &report) {
        Self.difference(await probe(first, old), accepted: identity.name, first)
      }
      try await change("the old login is blocked", .blockLogins([first], of: identity), &report)
      try await endSessions([first], &report)
      try await proveRefused(first, old, "the old secret", &report)
      try await change("the old login is removed", .drop(names: [first], of: identity), &report)
      try await proveNothing([first], &report)
    } else {
      try await proveRefused(first, old, "the old secret", &report)
    }
    try await revoke(new, &report)
  }

  private mutating func revoke(_ secret: SecretBytes, _ report: inout TargetTrial.Report) async throws {
    try await change("every login is blocked", .blockLogins(identity.logins, of: identity), &report)
    try await endSessions(identity.logins, &report)
    try await proveRefused(second, secret, "the blocked secret", &report)
    try await change("everything is taken from it", .strip(names: identity.names, of: identity), &report)
    try await change("it is removed", .drop(names: identity.names, of: identity), &report)
    try await proveRefused(second, secret, "the revoked secret", &report)
    try await proveNothing(identity.names, &report)
  }

  /// As far as it goes; nil when nothing is left.
  mutating func clear() async -> String? {
    let changes: [TargetChange] = [
      .blockLogins(identity.logins, of: identity), .endSessions(identity.logins, of: identity),
      .strip(names: identity.names, of: identity), .drop(names: identity.names, of: identity),
    ]
    for change in changes {
      fence += 1
      do {
        let outcome = try await driver.apply(change, context: context(fence: fence))
        if outcome != .done { return "\(change.verb.rawValue) of \(identity.name): \(outcome)" }
      } catch {
        return "\(change.verb.rawValue) of \(identity.name): no answer"
      }
    }
    return nil
  }

  // MARK: Steps

  private enum Existence { case mayCreate, exists }

  private func set(_ secret: SecretBytes, _ login: String, _ existence: Existence) -> TargetChange {
    .setSecret(
      identity: identity, login: login, secret: secret, rights: .none, mayCreate: existence == .mayCreate)
  }

  private func context(fence: Int64) -> EffectContext {
    EffectContext(fence: fence, deadline: deadline, idempotencyKey: UUID().uuidString.lowercased(), ownershipMark: mark)
  }

  private func check(
    _ step: String, _ report: inout TargetTrial.Report, _ body: () async throws -> String?
  ) async throws {
    report.steps += 1
    let problem: String?
    do {
      problem = try await body()
    } catch let error as TargetError {
      problem = error.message
    } catch {
      problem = "no answer"
    }
    guard let problem else { return }
    throw StepFailed(TargetTrial.Failure(step: "\(identity.mode.rawValue) logins: \(step)", reason: problem))
  }

  private mutating func change(
    _ step: String, _ change: TargetChange, _ report: inout TargetTrial.Report
  ) async throws {
    fence += 1
    let context = context(fence: fence)
    try await check(step, &report) {
      switch try await driver.apply(change, context: context) {
      case .done: nil
      case .refused(let reason, let code): "refused: \(reason.rawValue) (\(code))"
      case .unknown(let cause): cause
      }
    }
  }

  private mutating func endSessions(_ logins: [String], _ report: inout TargetTrial.Report) async throws {
    try await change("sessions are ended", .endSessions(logins, of: identity), &report)
    try await check("no session is left", &report) {
      let count = try await driver.countSessions(of: logins, deadline: deadline)
      return count == 0 ? nil : "\(count) are open"
    }
  }

  private func proveLogin(
    _ login: String, _ secret: SecretBytes, _ what: String, _ report: inout TargetTrial.Report
  ) async throws {
    try await check("a random secret is refused", &report) {
      Self.difference(ofRefusal: await probe(login, generator.makeSecret(.standard)))
    }
    try await check("\(what) logs in as the identity", &report) {
      Self.difference(await probe(login, secret), accepted: identity.name, login)
    }
  }

  private func proveRefused(
    _ login: String, _ secret: SecretBytes, _ what: String, _ report: inout TargetTrial.Report
  ) async throws {
    try await check("\(what) is refused", &report) { Self.difference(ofRefusal: await probe(login, secret)) }
  }

  private func proveNothing(_ names: [String], _ report: inout TargetTrial.Report) async throws {
    try await check("nothing is left", &report) {
      let residue = try await driver.listResidue(of: names, deadline: deadline)
      return residue.isEmpty ? nil : residue.prefix(3).joined(separator: " ")
    }
  }

  private func probe(_ login: String, _ secret: SecretBytes) async -> ProbeResult {
    await driver.authenticate(login: login, secret: secret, deadline: deadline)
  }

  private static func difference(_ result: ProbeResult, accepted name: String, _ login: String) -> String? {
    switch result {
    case .accepted(identity: name, sessionUser: login): nil
    case .accepted(let identity, let session): "logged in as \(identity) (\(session))"
    case .refused(let why, let code): "refused: \(why.rawValue) (\(code))"
    case .cannotTell(let cause): cause
    }
  }

  private static func difference(ofRefusal result: ProbeResult) -> String? {
    switch result {
    case .refused: nil
    case .accepted: "it was accepted"
    case .cannotTell(let cause): "cannot tell: \(cause)"
    }
  }
}
