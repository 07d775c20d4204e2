import Foundation
import Governance
import Jobs
import Postgres
import Synchronization
import Targets

/// Loads sagas for all jobs of a claim together: two statements in one round trip, however many ask.
///
/// A lone caller is served at once; who asks while a reading is under way shares the next one.
final class SagaReader: Sendable {
  private typealias Waiting = (subject: SubjectID, continuation: CheckedContinuation<Result<Saga?, any Error>, Never>)

  private struct State {
    var waiting: [Waiting] = []
    var isReading = false
  }

  /// Subjects per reading.
  private static let batch = 1024

  private let client: PostgresClient
  private let state = Mutex(State())

  init(client: PostgresClient) { self.client = client }

  /// The saga to work on: a revocation before anything else. Nil when nothing is open.
  func saga(of subject: SubjectID) async throws -> Saga? {
    let result = await withCheckedContinuation { continuation in
      let mustRead = state.withLock { state -> Bool in
        state.waiting.append((subject, continuation))
        defer { state.isReading = true }
        return !state.isReading
      }
      // Owned by the queue it empties: whoever finds nobody reading starts it, and it ends when nothing is left.
      if mustRead { Task { await self.drain() } }
    }
    return try result.get()
  }

  private func drain() async {
    while let waiting = take() {
      do {
        let sagas = try await read(waiting.map(\.subject))
        for one in waiting { one.continuation.resume(returning: sagas[one.subject] ?? .success(nil)) }
      } catch {
        for one in waiting { one.continuation.resume(returning: .failure(error)) }
      }
    }
  }

  private func take() -> [Waiting]? {
    state.withLock { state in
      guard !state.waiting.isEmpty else {
        state.isReading = false
        return nil
      }
      defer { state.waiting.removeFirst(min(Self.batch, state.waiting.count)) }
      return Array(state.waiting.prefix(Self.batch))
    }
  }

  /// A row that cannot be understood fails its own saga only.
  private func read(_ subjects: [SubjectID]) async throws -> [SubjectID: Result<Saga?, any Error>] {
    let ids = subjects.map(\.rawValue)
    let results = try await client.pipeline([
      AnyStatement(PreferKeys()), AnyStatement(FindOpenSagas(subjects: ids)),
      AnyStatement(FindVersions(credentials: ids)),
    ])
    let arrival = ContinuousClock.now
    var versions: [UUID: [CredentialVersion]] = [:]
    for row in try results[2].rows(of: FindVersions.self) { versions[row.credential, default: []].append(row.version) }
    var sagas: [SubjectID: Result<Saga?, any Error>] = [:]
    sagas.reserveCapacity(subjects.count)
    for row in try results[1].rows(of: FindOpenSagas.self) {
      let clock = DatabaseClock(reading: row.now, arrival: arrival)
      sagas[SubjectID(row.credential)] = Result {
        try Saga(row, versions: versions[row.credential] ?? [], clock: clock)
      }
    }
    return sagas
  }
}

extension Saga {
  fileprivate init(_ row: FindOpenSagas.Row, versions: [CredentialVersion], clock: DatabaseClock) throws {
    guard let state = RotationState(rawValue: row.state), let action = GovernedAction(rawValue: row.action) else {
      throw LifecycleError(code: .unreadableRow, message: "rotation \(row.id) holds a word this version does not know")
    }
    self.init(
      id: RotationID(row.id), credential: CredentialID(row.credential), credentialFence: row.credentialFence,
      action: action, trigger: row.trigger, state: state,
      authorization: AuthorizationID(row.authorization),
      resumeState: row.resumeState.flatMap(RotationState.init(rawValue:)), candidates: row.candidates,
      waitUntil: row.waitUntil, enteredAt: row.enteredAt, identity: row.identity, target: TargetID(row.target),
      adminVersion: row.adminVersion, dueAnchor: row.dueAnchor, hardExpiresAt: row.hardExpiresAt, versions: versions,
      newVersion: row.newVersion, oldVersion: row.oldVersion, hasGranted: row.hasGranted,
      inventory: row.inventory, isLeakPending: row.isLeakPending, clock: clock)
  }
}
