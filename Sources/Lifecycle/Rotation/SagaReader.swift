import Foundation
import Governance
import Jobs
import Postgres
import Targets

/// Loads sagas for all jobs of a claim together: two statements in one round trip, however many ask.
struct SagaReader: Sendable {
  private let sagas: Coalescer<SubjectID, Saga?>

  init(client: PostgresClient) {
    sagas = Coalescer { subjects in
      let found = try await Self.read(subjects, client)
      return subjects.map { found[$0] ?? .success(nil) }
    }
  }

  /// The saga to work on: a revocation before anything else. Nil when nothing is open.
  func saga(of subject: SubjectID) async throws -> Saga? { try await sagas.answer(subject) }

  /// A row that cannot be understood fails its own saga only.
  private static func read(
    _ subjects: [SubjectID], _ client: PostgresClient
  ) async throws -> [SubjectID: Result<Saga?, any Error>] {
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
