import Foundation
import Jobs
import Secrets
import Targets

/// What one run of a saga carries along: the lease, the driver, and what it has done since its last commit.
struct SagaRun: Sendable {
  let lease: Lease
  let term: LeaseTerm
  let driver: any TargetDriver
  var changes = SagaChanges()
  /// The candidate this run made: sealed with the step that names it, so that it need not be opened again to be applied.
  var madeSecret: SecretBytes?
  /// An earlier run may have left intents without outcome, of verbs that are not in `repeated`.
  let mayHaveLeftIntents: Bool
  var repeated: Set<TargetVerb> = []
  /// The version that this run saw refused before it ended its sessions; it is not asked again.
  var refusedVersion: Int32?
  /// Of this credential, read when first needed; nil: not yet.
  var tries: [String: LoginTries]?
  private let observer: CrashPointObserver?

  init(lease: Lease, term: LeaseTerm, driver: any TargetDriver, saga: Saga, observer: CrashPointObserver? = nil) {
    self.lease = lease
    self.term = term
    self.driver = driver
    self.observer = observer
    // Nothing has happened in a saga that nobody has taken up.
    mayHaveLeftIntents = saga.state != .planned
  }

  /// Does nothing in a worker.
  func reach(_ moment: CrashPoint.Moment, _ saga: Saga) async throws {
    if let observer { try await observer(CrashPoint(moment: moment, state: saga.state)) }
  }

  mutating func addProof(
    _ kind: ProofKind, _ result: ProofResult, of saga: Saga, version: Int32?, detail: [String: String] = [:]
  ) {
    changes.add(InsertProofs.Proof(version: version, kind: kind, result: result, detail: detail, observedAt: saga.now))
  }

  mutating func note(_ counted: LoginTries, of login: String, _ saga: Saga) {
    tries?[login] = counted
    changes.add(CountLoginTry(credential: saga.credential, login: login, tries: counted))
  }

  /// A probe ends within the lease and within ten seconds.
  var probeDeadline: ContinuousClock.Instant { min(term.deadline, ContinuousClock.now + .seconds(10)) }

  static func missing(_ what: String) -> LifecycleError {
    LifecycleError(code: .unreadableRow, message: "the saga has no \(what)")
  }
}

/// What a run has done since its last commit: moves, what came of effects, what was observed, and changes of rows.
///
/// Moves that no effect separates share a commit. A crash before it repeats them: they only read the target.
struct SagaChanges: Sendable {
  private(set) var moves: [MoveSaga.Move] = []
  private(set) var reason: String?
  private var statements: [any BatchStatement] = []
  private(set) var outcomes: [SettleEffect] = []
  private(set) var proofs: [InsertProofs.Proof] = []
  private var note: NoteQuarantine?

  var isEmpty: Bool { moves.isEmpty && statements.isEmpty && outcomes.isEmpty && proofs.isEmpty && note == nil }

  mutating func add(_ statement: some BatchStatement) { statements.append(statement) }

  mutating func add(_ outcome: SettleEffect) { outcomes.append(outcome) }

  /// Written last, so that it finds the proofs of the same step.
  mutating func add(_ note: NoteQuarantine) { self.note = note }

  mutating func add(_ proof: InsertProofs.Proof) { proofs.append(proof) }

  /// Moves the saga in memory too; a run whose commit fails ends.
  mutating func enter(_ state: RotationState, reason: String? = nil, _ saga: inout Saga) {
    moves.append(saga.enter(state))
    self.reason = reason
  }

  /// All of it; the whole step fails when the saga is not where we think it is.
  func step(of saga: Saga, lease: Lease) -> SagaStep {
    var step = SagaStep(lease)
    if !moves.isEmpty {
      step.add(
        MoveSaga(
          rotation: saga.id, path: moves, reason: reason, fence: lease.fence, newVersion: saga.newVersion,
          oldVersion: saga.oldVersion, candidates: saga.candidates, resumeState: saga.resumeState,
          waitUntil: saga.waitUntil, proofs: proofs))
    } else if !proofs.isEmpty {
      step.add(InsertProofs(rotation: saga.id, credential: saga.credential, fence: lease.fence, proofs: proofs))
    }
    for statement in statements { step.add(statement) }
    for outcome in outcomes { step.add(outcome) }
    if let note { step.add(note) }
    return step
  }
}
