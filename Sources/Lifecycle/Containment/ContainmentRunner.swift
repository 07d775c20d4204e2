import Foundation
import Governance
import Jobs
import Logging
import Postgres
import Targets

/// The part of a containment on one target.
struct ContainmentEntry: Sendable {
  let id: UUID
  let target: TargetID
  let adminVersion: Int32
  let containment: ContainmentID
  let followUp: ContainmentFollowUp
  let requestedBy: PersonID
  let ticket: String
  let isTried: Bool
  let isEnded: Bool
}

struct ContainmentItem: Sendable {
  let credential: CredentialID
  let fence: Int64
  let name: String
  let loginMode: String

  var identity: TargetIdentity { TargetIdentity(name: name, mode: LoginMode(rawValue: loginMode) ?? .alternating) }
}

/// Cuts off everything of a containment on one target, in batches over a few connections, and then opens what follows.
///
/// Intents are committed before the target is touched and outcomes after, both guarded by the lease; a crash between the
/// two repeats a cut, which is harmless. What follows begins when every target of the containment was tried.
struct ContainmentRunner: JobHandler {
  let lifecycle: CredentialLifecycle
  let writer: StepWriter

  /// Identities per call of the driver.
  static let batch = 50
  /// Calls at once.
  static let parallel = 4
  /// Follow-ups per transaction.
  static let followUpBatch = 200

  private var client: PostgresClient { lifecycle.client }

  func handle(_ job: ClaimedJob, term: LeaseTerm) async -> JobOutcome {
    do {
      guard let entry = try await client.queryFirst(FindContainmentEntry(id: job.subject.rawValue)) else {
        return .discard(reason: "there is no such containment")
      }
      if entry.isEnded { return .done }
      if let outcome = try await cut(entry, job.lease, term) { return outcome }
      if try await client.queryFirst(FindUntriedParts(containment: entry.containment)) ?? 0 > 0 {
        return .snooze(seconds: 0.25, reason: "other targets are not contained yet")
      }
      return try await followUp(entry)
    } catch let error as JobsError where error.code == .leaseLost {
      return .abandon
    } catch let error as TargetError {
      return .retry(JobFailure(code: "target_\(error.code.rawValue)", blamesGroup: error.code == .unreachable))
    } catch  where Task.isCancelled {
      return .retry(JobFailure(code: "stopped"))
    } catch {
      lifecycle.logger.warning("containment interrupted", metadata: ["error": "\(error)"])
      return .retry(JobFailure(code: "internal"))
    }
  }

  // MARK: The cut

  /// Nil: all are cut off, or refused to be.
  private func cut(_ entry: ContainmentEntry, _ lease: Lease, _ term: LeaseTerm) async throws -> JobOutcome? {
    let items = try await client.query(FindItemsToContain(entry: entry.id))
    guard !items.isEmpty else {
      if !entry.isTried { try await write(lease) { $0.add(MarkTried(entry: entry.id)) } }
      return nil
    }
    let driver: any TargetDriver
    do {
      driver = try await lifecycle.drivers.driver(for: entry.target, adminVersion: entry.adminVersion) {
        try await lifecycle.governance.target(entry.target, in: client)
      }
    } catch {
      // A target that cannot even be spoken to does not hold up the others.
      try await write(lease) { $0.add(MarkTried(entry: entry.id)) }
      throw error
    }
    let batches = items.batches(of: Self.batch)
    let result = try await withThrowingTaskGroup(of: CutResult.self) { group in
      var (next, total) = (0, CutResult())
      while next < min(Self.parallel, batches.count) {
        let batch = batches[next]
        group.addTask { try await cut(batch, of: entry, driver, lease, term) }
        next += 1
      }
      while let result = try await group.next() {
        total.add(result)
        guard next < batches.count, !term.isLost, !Task.isCancelled, result.unknownCause == nil else { continue }
        let batch = batches[next]
        group.addTask { try await cut(batch, of: entry, driver, lease, term) }
        next += 1
      }
      total.isComplete = next == batches.count
      return total
    }
    if result.isComplete || result.unknownCause != nil {
      try await write(lease) { $0.add(MarkTried(entry: entry.id)) }
    }
    if result.isObserving { return .snooze(seconds: 3, reason: ReasonCode.observeOnly.rawValue) }
    if let cause = result.unknownCause { return .retry(JobFailure(code: cause, blamesGroup: true)) }
    if !result.isComplete { return .retry(JobFailure(code: "stopped")) }
    return result.fenced > 0 ? .snooze(seconds: 0.1, reason: "the target has seen a newer fence") : nil
  }

  private struct CutResult: Sendable {
    var unknownCause: String?
    var fenced = 0
    var isObserving = false
    var isComplete = false

    mutating func add(_ other: CutResult) {
      unknownCause = unknownCause ?? other.unknownCause
      fenced += other.fenced
      isObserving = isObserving || other.isObserving
    }
  }

  private func cut(
    _ items: [ContainmentItem], of entry: ContainmentEntry, _ driver: any TargetDriver, _ lease: Lease,
    _ term: LeaseTerm
  ) async throws -> CutResult {
    var result = CutResult()
    let permits = items.map { _ in UUID.ordered() }
    let claim = await lifecycle.incarnation.claim()
    try await write(lease) { step in
      step.add(
        IntendContainment(
          entry: entry.id, credentials: items.map(\.credential), permits: permits, incarnation: claim),
        expecting: .anyRows)
    }
    let intended = Set(
      try await client.query(FindIntended(entry: entry.id, credentials: items.map(\.credential), permits: permits)))
    let granted = zip(items, permits).filter { intended.contains($0.0.credential) }
    result.isObserving = granted.count < items.count
    guard !granted.isEmpty else { return result }
    let end = min(term.deadline - .seconds(1), ContinuousClock.now + EffectExecutor.maximumTime)
    let outcomes =
      end - ContinuousClock.now < EffectExecutor.minimumTime
      ? granted.map { _ in EffectOutcome.unknown(cause: "no_time_left") }
      : await driver.contain(
        granted.map { item, permit in
          ContainmentOrder(
            identity: item.identity,
            context: EffectContext(
              fence: item.fence, deadline: end, idempotencyKey: permit.uuidString.lowercased(),
              ownershipMark: item.credential.description))
        })
    var settled: [SettleContainment.Outcome] = []
    var fenced: [CredentialID] = []
    for ((item, permit), outcome) in zip(granted, outcomes) {
      let verdict = ContainmentVerdict(outcome)
      settled.append(.init(credential: item.credential, permit: permit, state: verdict.state, code: verdict.code))
      if verdict.isFenced { fenced.append(item.credential) }
      result.unknownCause = result.unknownCause ?? verdict.unknownCause
    }
    result.fenced = fenced.count
    try await write(lease) { [settled, fenced] step in
      step.add(SettleContainment(entry: entry.id, outcomes: settled), expecting: .exactly(settled.count))
      if !fenced.isEmpty { step.add(RaiseItemFences(entry: entry.id, credentials: fenced), expecting: .anyRows) }
    }
    return result
  }

  private func write(_ lease: Lease, _ body: (inout Step) -> Void) async throws {
    var step = Step(lease)
    body(&step)
    try await writer.commit(step)
  }

  // MARK: What follows

  private func followUp(_ entry: ContainmentEntry) async throws -> JobOutcome {
    var after = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    while let last = try await followUpBatch(entry, after: after) { after = last }
    let open = try await client.queryFirst(CountOpenParts(entry: entry.id))
    if let open, open.remaining > 0 { return .retry(JobFailure(code: "not_contained")) }
    if let open, open.waiting > 0 { return .snooze(seconds: 1, reason: "waits for the end of what was under way") }
    try await client.withTransaction { transaction in
      let authorizations = try await transaction.query(EndContainmentTarget(entry: entry.id))
      guard entry.followUp == .rotate, !authorizations.isEmpty else { return }
      try await lifecycle.governance.voidAuthorizations(
        authorizations, reason: "contained; a rotation follows", in: transaction)
    }
    return .done
  }

  /// The last credential looked at; nil: none was left.
  private func followUpBatch(_ entry: ContainmentEntry, after: UUID) async throws -> UUID? {
    try await client.withTransaction { transaction in
      let items = try await transaction.query(
        LockItemsToFollowUp(entry: entry.id, after: after, limit: Int64(Self.followUpBatch)))
      guard let last = items.last else { return nil }
      let ids = items.map(\.credential)
      let credentials = try await transaction.query(LockCredentialsByID(credentials: ids))
      try await transaction.execute(LiftEmbargoes(credentials: ids))
      let plan = try await plan(
        entry, credentials, Dictionary(uniqueKeysWithValues: items.map { ($0.credential, $0.authorization) }),
        in: transaction)
      _ = try await lifecycle.open(plan.orders, in: transaction)
      if !plan.underWay.isEmpty {
        try await lifecycle.queue.enqueue(
          plan.underWay.map {
            JobQueue.Order(
              kind: LifecycleJobs.rotate, subject: $0.id.subject, group: $0.target.limitGroup, lane: .leak,
              deadline: $0.hardExpiresAt, fence: $0.fence)
          }, in: transaction)
      }
      if !plan.followUps.isEmpty {
        try await transaction.execute(
          SettleFollowUps(
            entry: entry.id, followUps: plan.followUps, isRevocation: entry.followUp == .revoke))
      }
      return last.credential.rawValue
    }
  }

  private func plan(
    _ entry: ContainmentEntry, _ credentials: [(credential: CredentialRecord, isUnderWay: Bool)],
    _ authorizations: [CredentialID: AuthorizationID], in transaction: Transaction
  ) async throws -> FollowUpPlan {
    var reasons: [AuthorizationID: [ReasonCode]] = [:]
    if entry.followUp == .rotate {
      let asked = credentials.map(\.credential.authorization)
      for row in try await transaction.query(ExplainPermits(authorizations: asked, action: .rotate)) {
        reasons[row.authorization] = row.reasons
      }
    }
    return FollowUpPlan(
      entry, credentials, authorizations: authorizations, reasons: reasons)
  }
}

/// What an outcome means for an item of a containment. Pure.
struct ContainmentVerdict: Equatable {
  /// `contained`, `refused`, or `intended`: to be repeated.
  let state: String
  let code: String?
  let isFenced: Bool
  let unknownCause: String?

  init(_ outcome: EffectOutcome) {
    switch outcome {
    case .done: (state, code, isFenced, unknownCause) = ("contained", nil, false, nil)
    case .refused(.fenced, let number):
      (state, code, isFenced, unknownCause) = ("intended", "fenced \(number)", true, nil)
    case .refused(let reason, let number):
      (state, code, isFenced, unknownCause) = ("refused", "\(reason.rawValue) \(number)", false, nil)
    case .unknown(let cause): (state, code, isFenced, unknownCause) = ("intended", cause, false, cause)
    }
  }
}

/// What follows for each credential that was cut off. Pure.
struct FollowUpPlan {
  var orders: [SagaOrder] = []
  /// Something was under way; it comes to its end first.
  var underWay: [CredentialRecord] = []
  var followUps: [SettleFollowUps.FollowUp] = []

  /// - Parameter reasons: why the standing authorization does not allow a rotation; one that is missing is unknown.
  init(
    _ entry: ContainmentEntry, _ credentials: [(credential: CredentialRecord, isUnderWay: Bool)],
    authorizations: [CredentialID: AuthorizationID], reasons: [AuthorizationID: [ReasonCode]]
  ) {
    let trigger = RotationTrigger.leak(by: entry.requestedBy, ticket: entry.ticket)
    for (credential, isUnderWay) in credentials {
      func settle(_ word: String, _ detail: String? = nil) {
        followUps.append(.init(credential: credential.id, word: word, detail: detail))
      }
      switch (entry.followUp, credential.state) {
      case (_, .revoked): settle("none", "revoked meanwhile")
      case (.rotate, .revoking), (.rotate, .waived): settle("none", "it is being revoked")
      case (.revoke, _):
        guard let authorization = authorizations[credential.id] else { continue }
        orders.append(
          SagaOrder(action: .revoke, credential: credential, trigger: trigger, authorization: authorization))
        settle("opened")
      case (.rotate, _) where isUnderWay:
        underWay.append(credential)
      case (.rotate, .pending): settle("none", "nothing was issued")
      case (.rotate, .active):
        let why = reasons[credential.authorization] ?? [.authorizationUnknown]
        guard why.isEmpty else {
          settle("not_allowed", why.map(\.rawValue).joined(separator: ", "))
          continue
        }
        orders.append(
          SagaOrder(
            action: .rotate, credential: credential, trigger: trigger, authorization: credential.authorization))
        settle("opened")
      }
    }
  }
}
