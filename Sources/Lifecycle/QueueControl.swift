package import Governance
package import Jobs
import Postgres

/// What operators do to the queue of the lifecycle. Each is one transaction with its line in the operators' record; what
/// changes nothing leaves no line.
extension CredentialLifecycle {
  // MARK: Targets

  /// Nothing begins on the target until it is resumed; what runs goes on. Unchanged when it is paused already.
  package func pauseTarget(_ name: String, by actor: String, reason: String) async throws -> TargetControl {
    try await control(name, .pause, by: actor, reason: reason) { target, _, who, transaction in
      try await queue.pause(target.id.limitGroup, reason: who.reason, in: transaction)
    }
  }

  /// Also closes the breaker. Unchanged when the target was neither paused nor failing.
  package func resumeTarget(_ name: String, by actor: String, reason: String) async throws -> TargetControl {
    try await control(name, .resume, by: actor, reason: reason) { target, _, _, transaction in
      try await queue.resume(target.id.limitGroup, in: transaction)
    }
  }

  /// Takes effect with the next claim; what runs beyond a lower limit goes on.
  package func limitTarget(
    _ name: String, _ change: LimitChange, by actor: String, reason: String
  ) async throws -> TargetControl {
    try await control(name, .limit, change, by: actor, reason: reason) { target, before, _, transaction in
      let limit = change.applied(to: before.limit)
      guard limit != before.limit else { return false }
      try await queue.setLimit(target.id.limitGroup, limit, in: transaction)
      return true
    }
  }

  private func control(
    _ name: String, _ verb: OperatorAction.Verb, _ change: LimitChange? = nil, by actor: String, reason: String,
    _ body: (TargetRecord, TargetState, Operator, Transaction) async throws -> Bool
  ) async throws -> TargetControl {
    try await client.withTransaction { transaction in
      let who = try await governance.activeOperator(actor, reason: reason, in: transaction)
      let target = try await governance.target(name, in: transaction)
      let group = target.id.limitGroup
      guard let before = try await transaction.queryFirst(LockTargetState(group: group)) else {
        throw LifecycleError(
          code: .unreadableRow,
          message: "target \(target.name) has no limits row; restore jobs.limit_group from a backup")
      }
      let isChanged = try await body(target, before, who, transaction)
      if isChanged {
        try await queue.record(
          OperatorAction(
            actor: who.person.externalID, verb: verb, group: group, jobs: 0,
            detail: change?.applied(to: before.limit).summary, reason: who.reason), in: transaction)
      }
      return TargetControl(before: before, isChanged: isChanged)
    }
  }

  // MARK: Jobs

  /// Takes a quarantined, blocked or waiting job of the identity up again now. False when it has none.
  package func retryNow(_ identity: IdentityID, by actor: String, reason: String) async throws -> Bool {
    try await client.withTransaction { transaction in
      let who = try await governance.activeOperator(actor, reason: reason, in: transaction)
      let credential = try await credential(of: identity, in: transaction)
      guard try await queue.retryNow(credential.id.subject, in: transaction) else { return false }
      try await record(.retry, of: credential, by: who, in: transaction)
      return true
    }
  }

  /// Moves the identity's job to the end of another lane. False when it is there already.
  package func changeLane(
    of identity: IdentityID, to lane: Lane, by actor: String, reason: String
  ) async throws -> Bool {
    try await client.withTransaction { transaction in
      let who = try await governance.activeOperator(actor, reason: reason, in: transaction)
      let credential = try await credential(of: identity, in: transaction)
      guard let job = try await transaction.queryFirst(LockLiveJob(credential: credential.id)) else {
        throw LifecycleError(code: .wrongState, message: "the identity has no live job; `keyturn jobs` lists them")
      }
      guard !job.isLeased else {
        throw LifecycleError(
          code: .wrongState, message: "a worker has the job; only one that waits has a place in line")
      }
      guard job.lane != lane.rawValue else { return false }
      _ = try await queue.changeLane([credential.id.subject], to: lane, in: transaction)
      try await record(.lane, of: credential, by: who, detail: lane.word, in: transaction)
      return true
    }
  }

  func record(
    _ verb: OperatorAction.Verb, of credential: CredentialRecord, by who: Operator, jobs: Int = 1,
    detail: String? = nil, in transaction: Transaction
  ) async throws {
    try await queue.record(
      OperatorAction(
        actor: who.person.externalID, verb: verb, group: credential.target.limitGroup,
        subject: credential.id.subject, jobs: jobs, detail: detail, reason: who.reason), in: transaction)
  }
}

/// How much of a target's work may run now.
package struct TargetState: Sendable {
  package let limit: GroupLimit
  package let isPaused: Bool
  package let pausedReason: String?
  /// `closed`, `open` or `half_open`.
  package let breaker: String
}

/// What an order to a target did.
package struct TargetControl: Sendable {
  package let before: TargetState
  /// False: it was so already, and nothing was recorded.
  package let isChanged: Bool
}

/// New limits of a target; what is not named stays. Pure.
package struct LimitChange: Sendable, Equatable {
  package enum Rate: Sendable, Equatable {
    case kept
    case unlimited
    /// Jobs begun per minute.
    case perMinute(Int32)
  }

  package var maximumRunning: Int32?
  package var rate: Rate
  package var burst: Int32?

  package init(maximumRunning: Int32? = nil, rate: Rate = .kept, burst: Int32? = nil) {
    self.maximumRunning = maximumRunning
    self.rate = rate
    self.burst = burst
  }

  package func applied(to limit: GroupLimit) -> GroupLimit {
    let perMinute: Int32? =
      switch rate {
      case .kept: limit.perMinute
      case .unlimited: nil
      case .perMinute(let count): count
      }
    return GroupLimit(
      maximumRunning: maximumRunning ?? limit.maximumRunning, perMinute: perMinute, burst: burst ?? limit.burst)
  }
}

extension GroupLimit {
  var summary: String {
    let rate = perMinute.map { "\($0) per minute" } ?? "no rate"
    return "\(maximumRunning) at once, \(rate), burst \(burst)"
  }
}

extension Lane {
  /// What people call it.
  package var word: String {
    switch self {
    case .leak: "leak"
    case .hardExpiry: "hard-expiry"
    case .narrowing: "narrowing"
    case .operator: "operator"
    case .routine: "routine"
    }
  }
}
