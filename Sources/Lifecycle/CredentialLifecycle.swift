import Foundation
package import Governance
package import Jobs
package import Logging
package import Postgres
package import Secrets
import Targets
package import Vault

/// The face of the product's verbs: issue, rotate, revoke, read. Each is one committed transaction that records what is
/// wanted and enqueues the work; nothing here touches a target, except `addTarget`, which only looks.
package struct CredentialLifecycle: Sendable {
  package let client: PostgresClient
  package let governance: GovernanceStore
  let queue: JobQueue
  let vault: EnvelopeVault
  let drivers: DriverPool
  package let incarnation: IncarnationKeeper
  let webhooks: (any WebhookSender)?
  let logger: Logger

  /// - Parameter webhooks: nil: consumers are not told over HTTP by this process.
  package init(
    client: PostgresClient, governance: GovernanceStore, queue: JobQueue, vault: EnvelopeVault, drivers: DriverPool,
    incarnation: IncarnationKeeper, webhooks: (any WebhookSender)?, logger: Logger
  ) {
    self.client = client
    self.governance = governance
    self.queue = queue
    self.vault = vault
    self.drivers = drivers
    self.incarnation = incarnation
    self.webhooks = webhooks
    self.logger = logger
  }

  /// The handlers a worker runs; their durable steps go through `writer`.
  /// - Parameters:
  ///   - observer: for tests, which end runs at crash points.
  ///   - gate: who grants permits to sagas; another one than the product's is for benchmarks.
  package func handlers(
    writer: StepWriter, observer: CrashPointObserver? = nil, gate: any PermitGate = AuthorityGate()
  ) -> [(JobKind, any JobHandler)] {
    let store = RotationStore(
      client: client, writer: writer, governance: governance, incarnation: incarnation, gate: gate)
    let runner = RotationRunner(
      store: store, effects: EffectExecutor(store: store, logger: logger), candidates: CandidateFactory(vault: vault),
      driver: { [drivers] saga in
        try await drivers.driver(for: saga.target, adminVersion: saga.adminVersion) {
          try await store.target(saga.target)
        }
      }, logger: logger, observer: observer)
    let saga = SagaJobHandler(runner: runner)
    let verify = VerifyJobHandler(
      store: store, drivers: drivers, candidates: CandidateFactory(vault: vault), logger: logger)
    let admins = AdminRotationRunner(
      client: client, writer: writer, vault: vault, drivers: drivers, incarnation: incarnation, logger: logger)
    return [
      (LifecycleJobs.rotate, saga), (LifecycleJobs.revoke, saga), (LifecycleJobs.verify, verify),
      (LifecycleJobs.discover, DiscoveryJobHandler(lifecycle: self)), (LifecycleJobs.rotateAdmin, admins),
      (LifecycleJobs.contain, ContainmentRunner(lifecycle: self, writer: writer)),
      (LifecycleJobs.notify, DeliveryRunner(lifecycle: self, writer: writer)),
    ]
  }

  /// Seconds; a worker's lease must hold for at least one effect.
  package static let longestEffect = 15.0

  /// The periodic work of this module.
  package func duties(planEvery period: Double) -> [MaintenanceDuty] {
    let planner = DuePlanner(lifecycle: self)
    return [
      planner.duty(period: period), DiscoveryPlanner(lifecycle: self).duty(period: max(period, 60)),
      AdminPlanner(lifecycle: self).duty(period: period),
      deliveryDuty(period: min(period, 0.5)), consumerUpkeepDuty, LostAuthority(lifecycle: self).duty,
    ] + TicketDuties(lifecycle: self).all
  }

  // MARK: Targets

  /// Examines the target first, tries it with an identity of its own, and refuses one that does not hold.
  package func addTarget(
    name: String, kind: String, environment: String, settings: [String: String], adminSecret: SecretBytes,
    limit: GroupLimit
  ) async throws -> TargetID {
    try limit.validate()
    let driver = try drivers.makeDriver(kind: kind, settings: settings, adminSecret: adminSecret)
    do {
      try await requireSound(driver, name: name)
    } catch {
      await driver.close()
      throw error
    }
    await driver.close()
    let id = TargetID.make()
    let envelope = try await vault.seal(adminSecret, context: .admin(1, of: id))
    let record = TargetRecord(
      id: id, name: name, kind: kind, environment: environment, settings: settings, adminEnvelope: envelope.bytes)
    try await client.withTransaction { transaction in
      try await governance.addTarget(record, in: transaction)
      try await queue.setLimit(id.limitGroup, limit, in: transaction)
    }
    return id
  }

  /// Looks at a target again; empty means sound.
  package func examineTarget(_ name: String) async throws -> [String] {
    let target = try await governance.target(name, in: client)
    return try await drivers.driver(for: target).examine(deadline: ContinuousClock.now + .seconds(20))
  }

  // MARK: Verbs

  /// Records the decision; an approval starts what it grants in the same transaction. Returns the credential that will be
  /// worked on; nil after a denial.
  package func decide(
    _ request: RequestID, approve: Bool, by approver: String, sawDigest digest: RequestDigest
  ) async throws -> CredentialID? {
    try await decide(
      request, ApprovalInput(verdict: approve ? .approve : .deny, approver: approver, digest: digest)
    ).credential
  }

  /// As above, with all that a decision may carry; also says what is missing when more people must approve.
  package func decide(
    _ request: RequestID, _ input: ApprovalInput
  ) async throws -> (result: ApprovalResult, credential: CredentialID?) {
    try await client.withTransaction { transaction in
      let result = try await governance.decide(request, input, in: transaction)
      guard let authorization = result.authorization else { return (result, nil) }
      let record = try await governance.request(request, in: transaction)
      return (result, try await start(authorization, for: record, in: transaction))
    }
  }

  /// Starts what an authorization grants, in the transaction that granted it.
  package func start(
    _ authorization: Authorization, for request: Request, in transaction: Transaction
  ) async throws -> CredentialID {
    if ActionClass(authorization.actions) == .rotate {
      return try await startNarrowing(authorization, for: request, in: transaction)
    }
    return try await start(
      authorization,
      trigger: authorization.actions.contains(.issue)
        ? .issue : .revocation(by: request.requester, ticket: request.ticket), in: transaction)
  }

  private func start(
    _ authorization: Authorization, trigger: RotationTrigger, in transaction: Transaction
  ) async throws -> CredentialID {
    if authorization.actions.contains(.issue) {
      try await transaction.execute(
        InsertCredential(id: .make(), identity: authorization.identity, authorization: authorization.id))
    }
    let credential = try await credential(of: authorization.identity, in: transaction)
    if authorization.actions.contains(.issue) {
      // Renewed after voiding: what was blocked goes on under the new authorization.
      try await transaction.execute(AdoptAuthorization(credential: credential.id, authorization: authorization.id))
      _ = try await queue.retryNow(credential.id.subject, in: transaction)
      if credential.state == .active { return credential.id }
    }
    guard credential.state != .revoked else {
      throw LifecycleError(code: .wrongState, message: "the credential is revoked; names are not reused")
    }
    let action: GovernedAction = authorization.actions.contains(.issue) ? .issue : .revoke
    _ = try await open(
      [SagaOrder(action: action, credential: credential, trigger: trigger, authorization: authorization.id)],
      in: transaction)
    return credential.id
  }

  /// Asks for a rotation now, under the credential's standing authorization. False when one is under way already.
  package func requestRotation(_ identity: IdentityID, trigger: RotationTrigger) async throws -> Bool {
    try await client.withTransaction { transaction in
      let credential = try await credential(of: identity, in: transaction)
      guard credential.state == .active else {
        throw LifecycleError(
          code: .wrongState,
          message: "the credential is \(credential.state.rawValue); only an active one can be rotated")
      }
      let reasons = try await transaction.queryFirst(
        ExplainPermit(authorization: credential.authorization, action: .rotate))
      guard let reasons, reasons.isEmpty else {
        throw GovernanceError.refused(reasons ?? [.authorizationUnknown])
      }
      let order = SagaOrder(
        action: .rotate, credential: credential, trigger: trigger, authorization: credential.authorization)
      return try await open([order], in: transaction) == 1
    }
  }

  /// Voids what was granted to the identity: waiting jobs leave the queue, running ones meet the permit.
  package func voidAuthorizations(of identity: IdentityID, reason: String) async throws -> Int {
    try await client.withTransaction { transaction in
      let count = try await governance.voidAuthorizations(of: identity, reason: reason, in: transaction)
      if count > 0 { try await HeldJobs(queue: queue).voided([identity], in: transaction) }
      return count
    }
  }

  /// As above for many at once, in one transaction. Those that are not active, and those whose authorization does not hold
  /// now, are left out. Returns how many rotations are new.
  package func requestRotations(_ identities: [IdentityID], trigger: RotationTrigger) async throws -> Int {
    try await client.withTransaction { transaction in
      let active = try await transaction.query(FindCredentials(identities: identities)).filter { $0.state == .active }
      let answers = try await transaction.query(
        ExplainPermits(authorizations: active.map(\.authorization), action: .rotate))
      let holding = Set(answers.filter(\.reasons.isEmpty).map(\.authorization))
      let orders = active.filter { holding.contains($0.authorization) }
        .map { SagaOrder(action: .rotate, credential: $0, trigger: trigger, authorization: $0.authorization) }
      return try await open(orders, in: transaction)
    }
  }

  /// Makes sagas and their jobs. Returns how many are new: where one of the same kind is open, the order is for that one.
  func open(_ orders: [SagaOrder], in transaction: Transaction) async throws -> Int {
    guard !orders.isEmpty else { return 0 }
    // Kept until it is replaced: a rotation that is too far to become one for a leak is followed by one.
    let leaked = orders.filter { $0.trigger.word == RotationTrigger.leakWord }.map(\.credential.id)
    if !leaked.isEmpty { try await transaction.execute(MarkLeaked(credentials: leaked)) }
    var inserted = 0
    for start in stride(from: 0, to: orders.count, by: JobQueue.batch) {
      let batch = Array(orders[start..<min(start + JobQueue.batch, orders.count)])
      inserted += try await transaction.queryFirst(InsertSagas(orders: batch)) ?? 0
    }
    try await queue.enqueue(orders.map(\.job), in: transaction)
    return inserted
  }

  func credential(of identity: IdentityID, in transaction: Transaction) async throws -> CredentialRecord {
    guard let credential = try await transaction.queryFirst(FindCredential(identity: identity)) else {
      throw LifecycleError(
        code: .unknownCredential,
        message: "this identity has no credential yet; request one with `keyturn request issue`")
    }
    return credential
  }

  // MARK: Reading

  /// The secret that works now.
  package func currentSecret(of identity: IdentityID) async throws -> CurrentSecret {
    guard let row = try await client.queryFirst(FindCurrentVersion(identity: identity)) else {
      throw LifecycleError(code: .noSecret, message: "there is no current secret: not issued yet, or revoked")
    }
    let secret = try await CandidateFactory(vault: vault).open(row.version, of: row.credential)
    return CurrentSecret(
      version: row.version.number, login: row.version.login, secret: secret,
      settings: try row.settings.decodedStrings())
  }
}

/// A saga to be, with the job that will carry it.
struct SagaOrder: Sendable {
  let action: GovernedAction
  let credential: CredentialRecord
  let trigger: RotationTrigger
  let authorization: AuthorizationID

  var job: JobQueue.Order {
    JobQueue.Order(
      kind: LifecycleJobs.kind(for: action.rawValue), subject: credential.id.subject,
      group: credential.target.limitGroup, lane: trigger.lane, deadline: credential.hardExpiresAt,
      fence: credential.fence)
  }
}

/// What an application needs to log in.
package struct CurrentSecret: Sendable {
  package let version: Int32
  package let login: String
  package let secret: SecretBytes
  /// Where the target is; no secrets.
  package let settings: [String: String]

  package init(version: Int32, login: String, secret: SecretBytes, settings: [String: String]) {
    self.version = version
    self.login = login
    self.secret = secret
    self.settings = settings
  }
}
