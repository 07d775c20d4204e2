import Evidence
import Foundation
package import Governance
import Jobs
import MerkleLog
import Postgres
import Targets

/// What people decide about sagas that cannot go on by themselves, and narrower approvals.
extension CredentialLifecycle {
  /// Decides about the quarantined saga of an identity: it goes on where it was, goes back, or is given up. Refused for what its
  /// quarantine does not allow. Durable on return, with its line in the operators' record.
  ///
  /// Lock order: credential, job, saga.
  package func decideQuarantine(
    _ identity: IdentityID, _ action: QuarantineAction, by actor: String, reason: String
  ) async throws -> QuarantineDecision {
    try await client.withTransaction { transaction in
      let who = try await governance.activeOperator(actor, reason: reason, in: transaction)
      let credential = try await credential(of: identity, in: transaction)
      let job = try await transaction.queryFirst(LockLiveJob(credential: credential.id))
      guard let saga = try await transaction.queryFirst(LockQuarantinedSaga(credential: credential.id)),
        saga.state == .quarantined
      else {
        throw LifecycleError(
          code: .wrongState, message: "nothing of this identity is quarantined; `keyturn status` shows what is open")
      }
      if saga.action == .revoke, action == .abandon {
        throw LifecycleError(
          code: .refused,
          message: "a revocation ends with proof or with a signed waiver; see `keyturn rotation waive`")
      }
      guard saga.allowed.contains(action) else {
        throw LifecycleError(
          code: .refused,
          message: "a saga that stood in \((saga.resumeState ?? .claimed).rawValue) cannot be "
            + "\(action == .rollback ? "rolled back" : action.rawValue); allowed: "
            + saga.allowed.map(\.rawValue).joined(separator: ", "))
      }
      switch action {
      case .release, .rollback:
        if action == .rollback { try await transaction.execute(DirectSaga(rotation: saga.id, resume: .rollingBack)) }
        if try await !queue.retryNow(credential.id.subject, in: transaction) {
          try await queue.enqueue(
            JobQueue.Order(
              kind: LifecycleJobs.kind(for: saga.action.rawValue), subject: credential.id.subject,
              group: credential.target.limitGroup, lane: .operator, deadline: credential.hardExpiresAt,
              fence: credential.fence), in: transaction)
        }
      case .abandon:
        try await end(saga, credential, job, .init(by: nil, reason: who.reason), in: transaction)
      }
      let verb: OperatorAction.Verb =
        switch action {
        case .release: .release
        case .rollback: .rollback
        case .abandon: .abandon
        }
      let stood = (saga.resumeState ?? .claimed).rawValue
      try await record(
        verb, of: credential, by: who, detail: "\(saga.action.rawValue) that stood in \(stood)", in: transaction)
      return QuarantineDecision(action: saga.action, stood: saga.resumeState ?? .claimed)
    }
  }

  /// By whose word a saga ends that did not come to its end.
  struct Ending {
    /// A person's id, whose pseudonym is in the leaf; nil: the database role.
    let by: UUID?
    let reason: String
    /// Beside what every step's leaf has.
    var detail: [String: CanonicalJSON] = [:]
    var hidden: [EvidenceLog.Hidden] = []
  }

  static let wentOn = LifecycleError(
    code: .wrongState, message: "the saga went on meanwhile; look at `keyturn status` and try again")

  /// Gives a saga up. The candidate's sealed secret is destroyed; the old version stays what it is. A worker that has the job
  /// loses it.
  func end(
    _ saga: QuarantinedSaga, _ credential: CredentialRecord, _ job: LockLiveJob.Row?, _ ending: Ending,
    in transaction: Transaction
  ) async throws {
    let fence = max(credential.fence, (job?.fence ?? 0) + 1, saga.fence)
    try await transaction.query(Batched(rows: [RaiseCredentialFence(credential: credential.id, fence: fence)]))
    let move = MoveSaga.Move(from: saga.state, to: .abandoned, startedAt: saga.enteredAt, at: saga.now)
    let step: [String: CanonicalJSON] = [
      "action": .string(saga.action.rawValue), "fence": .integer(fence), "from": .string(move.from.rawValue),
      "moves": .array([
        .array([.string(move.to.rawValue), .integer(Int64(move.at.microsecondsSince1970))])
      ]),
    ]
    // The leaf of the move; the job's row, which is the saga's case's lock, is held.
    try await EvidenceLog().record(
      .rotationStep, of: saga.id.rawValue, by: ending.by,
      detail: .object(step.merging(ending.detail) { first, _ in first }),
      subject: .object([
        "identity": .string("\(credential.identity)"), "target": .string("\(credential.target)"),
      ]), hiding: [.init(field: "reason", value: ending.reason, person: ending.by)] + ending.hidden, in: transaction)
    let moved = try await transaction.queryFirst(
      Batched(rows: [
        MoveSaga(
          rotation: saga.id, path: [move], reason: ending.reason, fence: fence, newVersion: saga.newVersion,
          oldVersion: saga.oldVersion, candidates: saga.candidates, resumeState: saga.resumeState, waitUntil: nil)
      ]))
    guard moved == [1] else { throw Self.wentOn }
    _ = try await transaction.query(
      Batched(rows: [SupersedeEffects(rotation: saga.id, verb: nil, fence: fence)]))
    try await transaction.execute(OrphanCandidate(credential: credential.id))
    _ = try await queue.cancel(credential.id.subject, reason: ending.reason, in: transaction)
    if saga.action == .rotate, credential.state == .active {
      let identity = try await governance.identity(credential.identity, in: transaction)
      let next = RotationSchedule(policy: identity.policy, credential: credential.id)
        .nextDue(anchor: credential.dueAnchor ?? saga.now, after: saga.now, hardExpiry: credential.hardExpiresAt)
      try await transaction.execute(SetNextDue(credential: credential.id, nextDue: next))
    }
  }

  /// Asks for fewer rights than the identity has. Nothing changes until it is approved; the approval starts it.
  package func requestNarrowing(
    of identity: IdentityID, to rights: [String], by requester: String, ticket: String,
    details: RequestDetails = RequestDetails()
  ) async throws -> Request {
    try await client.withTransaction { transaction in
      try requireActive(try await credential(of: identity, in: transaction), for: "narrowed")
      return try await governance.submitNarrowing(
        of: try await governance.identity(identity, in: transaction), to: rights, requester: requester, ticket: ticket,
        details: details, in: transaction)
    }
  }

  /// What an approved rotation grants, in the transaction that granted it. For fewer rights: the identity has only these from now
  /// on, what was granted for more is void, and one saga takes the others away on the target, replaces the secret and ends the
  /// sessions of the old one. For the same: the authorization takes the place of the one before.
  ///
  /// Throws `.wrongState` while another saga is open, and then nothing of the approval is written.
  func startNarrowing(
    _ authorization: Authorization, for request: Request, in transaction: Transaction
  ) async throws -> CredentialID {
    let credential = try await credential(of: authorization.identity, in: transaction)
    try requireActive(credential, for: "rotated")
    let rights = PrivilegeSet(try request.rights)
    let before = PrivilegeSet(try await governance.identity(authorization.identity, in: transaction).rights)
    let isNarrower =
      try await transaction.execute(NarrowIdentity(identity: authorization.identity, rights: rights.entries)) == 1
    guard isNarrower || rights == before else {
      throw LifecycleError(
        code: .refused, message: "the identity's rights are others than when this was asked for; ask again")
    }
    if isNarrower {
      let order = SagaOrder(
        action: .rotate, credential: credential, trigger: .narrowing(by: request.requester, ticket: request.ticket),
        authorization: authorization.id)
      guard try await open([order], in: transaction) == 1 else {
        throw LifecycleError(
          code: .wrongState,
          message: "another rotation of this identity is open; wait for its end, or cancel it, and approve again")
      }
    }
    try await transaction.execute(AdoptAuthorization(credential: credential.id, authorization: authorization.id))
    try await governance.replaceAuthorizations(
      by: authorization, reason: "request \(request.id) was approved in its place", in: transaction)
    if !isNarrower { _ = try await queue.retryNow(credential.id.subject, in: transaction) }
    return credential.id
  }

  private func requireActive(_ credential: CredentialRecord, for what: String) throws(LifecycleError) {
    guard credential.state == .active else {
      throw LifecycleError(
        code: .wrongState,
        message: "the credential is \(credential.state.rawValue); only an active one can be \(what)")
    }
  }
}

/// What was decided about.
package struct QuarantineDecision: Sendable {
  package let action: GovernedAction
  /// Before it was quarantined.
  package let stood: RotationState
}

extension CredentialLifecycle {
  /// Has the identity's credential looked at now: its login, its rights, and who else has written there. False when something
  /// else is under way, which looks itself.
  package func verifyNow(_ identity: IdentityID) async throws -> Bool {
    try await client.withTransaction { transaction in
      let credential = try await credential(of: identity, in: transaction)
      guard credential.state == .active else {
        throw LifecycleError(
          code: .wrongState,
          message: "the credential is \(credential.state.rawValue); only an active one can be verified")
      }
      try await transaction.execute(VerifyNow(credential: credential.id))
      let order = JobQueue.Order(
        kind: LifecycleJobs.verify, subject: credential.id.subject, group: credential.target.limitGroup,
        lane: .operator, deadline: credential.hardExpiresAt, fence: credential.fence)
      return try await queue.enqueue(order, in: transaction) == .inserted
    }
  }
}
