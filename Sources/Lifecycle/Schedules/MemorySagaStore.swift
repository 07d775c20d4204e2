import Foundation
package import Governance
package import Jobs
import Postgres
import Synchronization
package import Targets

/// The sagas of one credential in memory, with its job, for schedules: the same guards as the statements have, checked by other
/// means. A step is all or nothing, and what a guard refuses here it refuses there.
package final class MemorySagaStore: Sendable {
  /// How the database misbehaves at one commit.
  package enum CommitFault: Sendable {
    /// Nothing was written, and the caller cannot know.
    case lostBefore
    /// All was written, and the caller cannot know.
    case lostAfter
  }

  /// A rule that is broken on purpose, to see that the oracle finds it.
  package enum Sabotage: String, Sendable, CaseIterable {
    /// A worker that lost its lease goes on writing.
    case ignoresLeases = "ignores_leases"
    /// Effects are begun without a row that says so.
    case forgetsIntents = "forgets_intents"
    /// Failed logins are not counted.
    case forgetsTries = "forgets_tries"
    /// Candidates are stored without their secret.
    case losesSecrets = "loses_secrets"
  }

  let state: Mutex<MemorySagaState>
  private let clock: @Sendable () -> Double
  private let fault: @Sendable () -> CommitFault?
  private let sabotage: Sabotage?

  /// - Parameter clock: seconds since 1970.
  /// - Parameter fault: asked once per commit.
  package init(
    identity name: String, mode: LoginMode, rights: [String], policy: Policy, sabotage: Sabotage? = nil,
    clock: @escaping @Sendable () -> Double, fault: @escaping @Sendable () -> CommitFault?
  ) {
    let identity = SagaIdentity(id: .make(), name: name, loginMode: mode.rawValue, rights: rights, policy: policy)
    state = Mutex(MemorySagaState(identity: identity, now: Date(timeIntervalSince1970: clock())))
    self.clock = clock
    self.fault = fault
    self.sabotage = sabotage
  }

  private var now: Date { Date(timeIntervalSince1970: clock()) }

  // MARK: What operators and the queue do

  /// Opens a saga, or makes an open one that has not begun one for a leak. False when one was open.
  package func order(_ action: GovernedAction, trigger: RotationTrigger) -> Bool {
    state.withLock { $0.order(action, trigger, now: now) }
  }

  package func narrow(to rights: [String]) {
    state.withLock { state in
      state.identity = SagaIdentity(
        id: state.identity.id, name: state.identity.name, loginMode: state.identity.onTarget.mode.rawValue,
        rights: rights, policy: state.identity.policy)
    }
  }

  /// As the planner does for a leak that no open saga answers. True when a saga was opened.
  package func planLeak() -> Bool {
    state.withLock { state in
      guard state.leakedAt != nil, state.credentialState == .active, state.open == nil else { return false }
      return state.order(.rotate, .leakFollowUp, now: now)
    }
  }

  /// Nil when nothing is open. The lease before, if any, is lost.
  package func claim() -> Lease? {
    state.withLock { state in
      guard state.open != nil else { return nil }
      state.jobFence = max(state.jobFence, state.fence) + 1
      state.jobOwner = UUID()
      return Lease(
        subject: state.credential.subject, bucket: Bucket(rawValue: 0), fence: state.jobFence, owner: state.jobOwner!)
    }
  }

  /// The worker is declared dead.
  package func reap() {
    state.withLock { state in
      state.jobFence += 1
      state.jobOwner = nil
    }
  }

  package func voidAuthorization() { state.withLock { $0.isAuthorized = false } }

  /// Another authorization takes the place of the one before.
  package func renewAuthorization() {
    state.withLock { state in
      state.isAuthorized = true
      state.authorization = .make()
      for index in state.rotations.indices where state.rotations[index].finishedAt == nil {
        state.rotations[index].authorization = state.authorization
      }
    }
  }

  /// False when what is open does not allow it. The job is free afterwards.
  package func decide(_ action: QuarantineAction) -> Bool { state.withLock { $0.decide(action, now: now) } }

  // MARK: What the oracle sees

  package struct View: Sendable {
    package let credential: CredentialRecord.State
    package let isLeaked: Bool
    /// Of the open saga.
    package let openState: RotationState?
    package let openAction: GovernedAction?
    package let openIsLeak: Bool
    /// The open saga is quarantined: what may be done.
    package let allowed: [QuarantineAction]
    package let versions: [CredentialVersion]
    package let rights: [String]
    package let finished: [RotationState]

    package var current: CredentialVersion? { versions.first { $0.state == .current } }
  }

  package var view: View {
    state.withLock { state in
      let open = state.open.map { state.rotations[$0] }
      return View(
        credential: state.credentialState, isLeaked: state.leakedAt != nil, openState: open?.state,
        openAction: open?.action, openIsLeak: open?.trigger == RotationTrigger.leakWord,
        allowed: open.map { $0.state == .quarantined ? $0.allowed : [] } ?? [], versions: state.versions,
        rights: state.identity.rights.entries, finished: state.rotations.filter { $0.finishedAt != nil }.map(\.state))
    }
  }

  package var credential: CredentialID { state.withLock { $0.credential } }

  /// Whether the effect with this key has its permit, and is intended and not settled, or was taken over by a later worker.
  package func isIntended(_ key: String) -> Bool {
    state.withLock { state in
      UUID(uuidString: key).flatMap { state.effects[$0] }.map {
        ["intended", "unknown"].contains($0.state) && state.permits.contains($0.permit)
      } ?? false
    }
  }

  /// What is wrong with the rows themselves; empty is what it should be.
  package func auditRows() -> [String] { state.withLock { $0.audit() } }
}

extension MemorySagaStore: SagaStore {
  func load(_ subject: SubjectID) async throws -> Saga? {
    let reading = now
    return state.withLock { state in
      let start = clock()
      return state.saga(clock: DatabaseClock(reading: reading) { [clock] in clock() - start })
    }
  }

  func commit(_ step: SagaStep) async throws(JobsError) {
    let fault = fault()
    let unavailable = JobsError(code: .unavailable, message: "the step may not have been written")
    if fault == .lostBefore { throw unavailable }
    let now = now
    let sabotage = sabotage
    let failure = state.withLock { state -> JobsError? in
      if sabotage != .ignoresLeases, state.jobFence != step.lease.fence || state.jobOwner != step.lease.owner {
        return JobsError(code: .leaseLost, message: "the job's lease is no longer held by this worker")
      }
      var draft = state
      do throws(JobsError) {
        for write in step.writes { try draft.apply(write, sabotage: sabotage, now: now) }
      } catch {
        return error
      }
      state = draft
      return nil
    }
    if let failure { throw failure }
    if fault == .lostAfter { throw unavailable }
  }

  func reasons(
    against authorization: AuthorizationID, for action: GovernedAction, of subject: SubjectID, need: EvidenceNeed
  ) async throws -> [ReasonCode] {
    state.withLock { $0.isAuthorized && $0.authorization == authorization ? [] : [.authorizationVoided] }
  }

  /// Whether approvals count is what a schedule decides by itself.
  func tellMismatch(_ what: String, of saga: Saga) async throws {}

  /// Nobody is registered as a consumer.
  func overlap(of saga: Saga) async throws -> FindOverlap.Row? {
    FindOverlap.Row(
      isLeaked: saga.isLeakPending, onUnacknowledged: .retire, consumers: 0, acknowledged: 0, moved: 0,
      isAlarmed: false)
  }

  func loginTries(of credential: CredentialID) async throws -> [String: LoginTries] { state.withLock { $0.tries } }

  func newestOpenIntent(of rotation: RotationID) async throws -> Date? {
    state.withLock { state in
      state.effects.values.filter { $0.rotation == rotation && ["intended", "unknown"].contains($0.state) }
        .map(\.intendedAt).max()
    }
  }
}
