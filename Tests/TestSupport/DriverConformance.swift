package import Secrets
package import Targets

/// What every driver owes the engine, clause by clause; real and simulated targets pass the same. Which clauses a driver can
/// be asked for depends on its traits, and each says so.
package struct DriverConformance: Sendable {
  /// A target under test, and what an administrator could do there behind the engine's back.
  package struct Subject: Sendable {
    package let driver: any TargetDriver
    /// Nothing of this name is on the target.
    package let makeName: @Sendable () -> String
    /// A right that the driver can give, and one that it was not told to.
    package let right: String
    package let otherRight: String
    /// Opens a session and keeps it open. False when the login is refused.
    package let openSession: @Sendable (_ login: String, _ secret: SecretBytes) async throws -> Bool
    package let addForeignRole: @Sendable (_ name: String) async throws -> Void
    /// Gives `otherRight`.
    package let giveOtherRight: @Sendable (_ name: String) async throws -> Void

    package init(
      driver: any TargetDriver, right: String, otherRight: String, makeName: @escaping @Sendable () -> String,
      openSession: @escaping @Sendable (String, SecretBytes) async throws -> Bool,
      addForeignRole: @escaping @Sendable (String) async throws -> Void,
      giveOtherRight: @escaping @Sendable (String) async throws -> Void
    ) {
      self.driver = driver
      self.right = right
      self.otherRight = otherRight
      self.makeName = makeName
      self.openSession = openSession
      self.addForeignRole = addForeignRole
      self.giveOtherRight = giveOtherRight
    }
  }

  package enum Clause: String, Sendable, CaseIterable, CustomStringConvertible {
    case soundTargetHasNoProblem
    case issuesASecretThatLogsInAsTheIdentity
    case refusesARandomSecretAndAnUnknownLogin
    case repeatsAChangeHarmlessly
    case makesAnIdentityOnlyWhereItMay
    case replacesTheSecretOfASingleLogin
    case keepsBothSecretsOfAnAlternatingIdentity
    case blocksReversiblyAndRefusesTheRightSecret
    case endsSessionsAndCountsThem
    case removesNothingWithAnOpenSession
    case stripsAndDropsWithoutResidue
    case treatsWhatIsNotThereAsDone
    case leavesNamesOfOthersAlone
    case staysWithinTheIdentitysNames
    case grantsWhatIsMissingAndReportsWhatIsTooMuch
    case saysUnknownAndChangesNothingAfterTheDeadline
    case refusesALowerFence

    package var description: String { rawValue }

    /// All of these speak of a secret that we make and the target overwrites; the others have their own verbs.
    package func applies(to traits: TargetTraits) -> Bool {
      guard traits.secretClass == .overwrite else { return false }
      return self == .refusesALowerFence ? traits.fencesOnTarget : true
    }

    /// The trait it depends on.
    package var trait: String {
      self == .refusesALowerFence ? "secretClass overwrite, fencesOnTarget" : "secretClass overwrite"
    }
  }

  package struct Failure: Error, CustomStringConvertible {
    package let clause: Clause
    package let what: String
    package var description: String { "\(clause): \(what)" }
  }

  package let subject: Subject

  package init(_ subject: Subject) { self.subject = subject }

  /// Throws `Failure` saying what was seen.
  package func check(_ clause: Clause) async throws {
    try await Case(clause: clause, subject: subject).run()
  }
}

/// One clause on identities of its own.
private struct Case {
  let clause: DriverConformance.Clause
  let subject: DriverConformance.Subject

  typealias Failure = DriverConformance.Failure

  private var driver: any TargetDriver { subject.driver }
  private var deadline: ContinuousClock.Instant { .now + .seconds(60) }

  func run() async throws {
    switch clause {
    case .soundTargetHasNoProblem: try expect(await driver.examine(deadline: deadline), [])
    case .issuesASecretThatLogsInAsTheIdentity:
      try await bothModes { one in
        try await one.set(one.first, "first")
        try await one.expectAccepted(one.first, "first")
      }
    case .refusesARandomSecretAndAnUnknownLogin:
      try await bothModes { one in
        try await one.set(one.first, "first")
        try await one.expectRefused(one.first, "another", .wrongSecret)
        try await one.expectRefused(one.first + "x", "first", .wrongSecret)
      }
    case .repeatsAChangeHarmlessly:
      try await bothModes { one in
        for _ in 1...2 { try await one.set(one.first, "same", [subject.right]) }
        try await one.expectAccepted(one.first, "same")
        for _ in 1...2 { try await one.done(.blockLogins([one.first], of: one.identity)) }
        for _ in 1...2 { try await one.done(.endSessions([one.first], of: one.identity)) }
      }
    case .makesAnIdentityOnlyWhereItMay:
      try await bothModes { one in
        try await one.expectRefused(one.change(one.first, "first", [], mayCreate: false), [.nameConflict])
        try expect(try await one.residue(), [])
      }
    case .replacesTheSecretOfASingleLogin: try await replaceSingle()
    case .keepsBothSecretsOfAnAlternatingIdentity: try await alternate()
    case .blocksReversiblyAndRefusesTheRightSecret:
      try await bothModes { one in
        try await one.set(one.first, "first")
        try await one.done(.blockLogins([one.first], of: one.identity))
        guard case .refused = await one.probe(one.first, "first") else { throw failure("a blocked login was let in") }
        try await one.set(one.first, "first")
        try await one.expectAccepted(one.first, "first")
      }
    case .endsSessionsAndCountsThem: try await endSessions()
    case .removesNothingWithAnOpenSession:
      try await bothModes { one in
        try await one.set(one.first, "first")
        try await one.openSession(one.first, "first")
        try await one.expectRefused(.drop(names: one.identity.names, of: one.identity), [.residue])
        try await one.expectAccepted(one.first, "first")
      }
    case .stripsAndDropsWithoutResidue: try await revoke()
    case .treatsWhatIsNotThereAsDone:
      try await bothModes { one in
        for change in one.removals { try await one.done(change) }
        try expect(try await one.residue(), [])
        try expect(try await one.sessions(), 0)
      }
    case .leavesNamesOfOthersAlone: try await leaveOthers()
    case .staysWithinTheIdentitysNames:
      try await bothModes { one in
        try await one.set(one.first, "first")
        let other = Self.make(subject, .single)
        try await other.set(other.first, "other")
        for change in [
          TargetChange.blockLogins([other.first], of: one.identity), .endSessions([other.first], of: one.identity),
          .strip(names: [other.first], of: one.identity), .drop(names: [other.first], of: one.identity),
          one.change(other.first, "taken", [], mayCreate: true),
        ] {
          guard case .refused = try await one.apply(change) else { throw failure("\(change.verb) left its identity") }
        }
        try await other.expectAccepted(other.first, "other")
      }
    case .grantsWhatIsMissingAndReportsWhatIsTooMuch: try await compareRights()
    case .saysUnknownAndChangesNothingAfterTheDeadline:
      try await bothModes { one in
        try await one.set(one.first, "first")
        let late = EffectContext(
          fence: 9, deadline: .now - .seconds(1), idempotencyKey: "late", ownershipMark: one.mark)
        let outcome = try await driver.apply(one.change(one.first, "late", [], mayCreate: false), context: late)
        guard case .unknown = outcome else { throw failure("an effect after its deadline: \(outcome)") }
        try await one.expectAccepted(one.first, "first")
      }
    case .refusesALowerFence: try await fence()
    }
  }

  // MARK: Longer clauses

  private func replaceSingle() async throws {
    let one = Self.make(subject, .single)
    try await one.set(one.first, "first")
    try await one.set(one.first, "second", mayCreate: false)
    try await one.expectAccepted(one.first, "second")
    try await one.expectRefused(one.first, "first", .wrongSecret)
  }

  private func alternate() async throws {
    let one = Self.make(subject, .alternating)
    let second = one.identity.login(besides: one.first)
    try await one.set(one.first, "first")
    try await one.set(second, "second", mayCreate: false)
    try await one.expectAccepted(one.first, "first")
    try await one.expectAccepted(second, "second")
    try await one.expectRefused(second, "first", .wrongSecret)
    try await one.done(.blockLogins([one.first], of: one.identity))
    try await one.done(.endSessions([one.first], of: one.identity))
    try await one.done(.drop(names: [one.first], of: one.identity))
    try await one.expectRefused(one.first, "first", .wrongSecret)
    try await one.expectAccepted(second, "second")
    try expect(try await driver.listResidue(of: [one.first], deadline: deadline), [])
  }

  private func endSessions() async throws {
    try await bothModes { one in
      try await one.set(one.first, "first")
      try expect(try await one.sessions(), 0)
      try await one.openSession(one.first, "first")
      try await one.openSession(one.first, "first")
      try expect(try await one.sessions(), 2)
      try await one.done(.blockLogins([one.first], of: one.identity))
      try await one.done(.endSessions([one.first], of: one.identity))
      try expect(try await one.sessions(), 0)
    }
  }

  private func revoke() async throws {
    try await bothModes { one in
      try await one.set(one.first, "first", [subject.right])
      guard !(try await one.residue()).isEmpty else { throw failure("an identity that is there has no residue") }
      for change in one.removals { try await one.done(change) }
      try expect(try await one.residue(), [])
      try await one.expectRefused(one.first, "first", .wrongSecret)
    }
  }

  private func leaveOthers() async throws {
    try await bothModes { one in
      try await subject.addForeignRole(one.identity.name)
      try await one.expectRefused(one.change(one.first, "first", [], mayCreate: true), [.nameConflict])
      for change in one.removals { try await one.expectRefused(change, [.nameConflict, .foreignWriter]) }
      guard !(try await one.residue()).isEmpty else { throw failure("a role of somebody else was removed") }
    }
  }

  private func compareRights() async throws {
    try await bothModes { one in
      let approved = PrivilegeSet([subject.right])
      try await one.set(one.first, "first")
      try expect(try await driver.readPrivileges(of: one.identity, deadline: deadline), .none)
      try await one.done(.grant(identity: one.identity, rights: approved))
      try expect(try await driver.readPrivileges(of: one.identity, deadline: deadline), approved)
      try await subject.giveOtherRight(one.identity.name)
      let found = try await driver.readEffectiveRights(of: one.identity, deadline: deadline)
      try expect(found.held, try await driver.readPrivileges(of: one.identity, deadline: deadline))
      try expect(found.compared(with: approved).extra, PrivilegeSet([subject.otherRight]))
      try expect(found.compared(with: approved).missing, .none)
    }
  }

  private func fence() async throws {
    try await bothModes { one in
      try await one.set(one.first, "kept", fence: 7)
      let changes =
        one.removals + [
          one.change(one.first, "late", [], mayCreate: false),
          .grant(identity: one.identity, rights: PrivilegeSet([subject.right])),
        ]
      for change in changes { try await one.expectRefused(change, [.fenced], fence: 6) }
      try await one.expectAccepted(one.first, "kept")
      try await one.set(one.first, "kept", fence: 7)
      try await one.set(one.first, "next", fence: 8)
      try await one.expectAccepted(one.first, "next")
    }
  }

  // MARK: Pieces

  private func bothModes(_ body: (Identity) async throws -> Void) async throws {
    for mode in LoginMode.allCases { try await body(Self.make(subject, mode)) }
  }

  private static func make(_ subject: DriverConformance.Subject, _ mode: LoginMode) -> Identity {
    let name = subject.makeName()
    return Identity(subject: subject, identity: TargetIdentity(name: name, mode: mode), mark: "mark-of-\(name)")
  }

  private func failure(_ what: String) -> Failure { Failure(clause: clause, what: what) }

  private func expect<Value: Equatable>(_ found: Value, _ wanted: Value) throws {
    if found != wanted { throw failure("\(found) instead of \(wanted)") }
  }
}

/// One identity on the target, and the verbs in short. Expectations throw without the clause's name; the stack tells.
private struct Identity {
  struct Unexpected: Error, CustomStringConvertible { let description: String }

  let subject: DriverConformance.Subject
  let identity: TargetIdentity
  let mark: String

  var first: String { identity.login(besides: nil) }
  private var deadline: ContinuousClock.Instant { .now + .seconds(60) }

  /// A revocation, strongest cut first.
  var removals: [TargetChange] {
    [
      .blockLogins(identity.logins, of: identity), .endSessions(identity.logins, of: identity),
      .strip(names: identity.names, of: identity), .drop(names: identity.names, of: identity),
    ]
  }

  func change(_ login: String, _ secret: String, _ rights: [String], mayCreate: Bool) -> TargetChange {
    .setSecret(
      identity: identity, login: login, secret: SecretBytes(secret), rights: PrivilegeSet(rights), mayCreate: mayCreate)
  }

  func apply(_ change: TargetChange, fence: Int64 = 1) async throws -> EffectOutcome {
    try await subject.driver.apply(
      change,
      context: EffectContext(
        fence: fence, deadline: deadline, idempotencyKey: "\(identity.name)-\(change.verb)", ownershipMark: mark))
  }

  func done(_ change: TargetChange, fence: Int64 = 1) async throws {
    let outcome = try await apply(change, fence: fence)
    if outcome != .done { throw Unexpected(description: "\(change.verb): \(outcome)") }
  }

  func set(
    _ login: String, _ secret: String, _ rights: [String] = [], mayCreate: Bool = true, fence: Int64 = 1
  ) async throws {
    try await done(change(login, secret, rights, mayCreate: mayCreate), fence: fence)
  }

  func expectRefused(_ change: TargetChange, _ reasons: Set<RefusalReason>, fence: Int64 = 1) async throws {
    let outcome = try await apply(change, fence: fence)
    if case .refused(let reason, _) = outcome, reasons.contains(reason) { return }
    throw Unexpected(description: "\(change.verb): \(outcome) instead of refused \(reasons)")
  }

  func probe(_ login: String, _ secret: String) async -> ProbeResult {
    await subject.driver.authenticate(login: login, secret: SecretBytes(secret), deadline: deadline)
  }

  func expectAccepted(_ login: String, _ secret: String) async throws {
    let result = await probe(login, secret)
    if result != .accepted(identity: identity.name, sessionUser: login) {
      throw Unexpected(description: "\(login): \(result) instead of accepted")
    }
  }

  func expectRefused(_ login: String, _ secret: String, _ refusal: ProbeRefusal) async throws {
    let result = await probe(login, secret)
    if case .refused(refusal, _) = result { return }
    throw Unexpected(description: "\(login): \(result) instead of refused")
  }

  func openSession(_ login: String, _ secret: String) async throws {
    guard try await subject.openSession(login, SecretBytes(secret)) else {
      throw Unexpected(description: "\(login): no session")
    }
  }

  func residue() async throws -> [String] {
    try await subject.driver.listResidue(of: identity.names, deadline: deadline)
  }

  func sessions() async throws -> Int {
    try await subject.driver.countSessions(of: identity.logins, deadline: deadline)
  }
}
