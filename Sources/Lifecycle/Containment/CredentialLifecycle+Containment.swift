import Foundation
import Governance
import Jobs
import Postgres

extension CredentialLifecycle {
  /// What `contain` would do now. Changes nothing.
  package func previewContainment(_ selector: RotationSelector) async throws -> ContainmentPreview {
    ContainmentPreview(try await client.query(FindContainable(selector: selector)))
  }

  /// Orders that everything the selector matches is cut off, and then rotated or revoked. Refused without authority over
  /// every environment concerned, and when the matching set is not the one whose preview had `digest`.
  ///
  /// One transaction: durable on return, with an embargo on every credential, so that nothing else is done to them
  /// meanwhile; workers do the rest. Lock order: credentials by id, then their jobs.
  package func contain(
    _ selector: RotationSelector, expecting digest: String, followUp: ContainmentFollowUp,
    authority: ContainmentAuthority, by actor: String, ticket: String, reason: String
  ) async throws -> ContainmentID {
    let ticket = try GovernanceStore.validTicket(ticket)
    return try await client.withTransaction { transaction in
      let who = try await governance.activeOperator(actor, reason: reason, in: transaction)
      let preview = ContainmentPreview(try await transaction.query(FindContainable(selector: selector)))
      guard preview.digest.matches(digest) else {
        throw LifecycleError(
          code: .refused,
          message: "the selector matches another set than when it was previewed (\(preview.containing) to contain now, "
            + "digest \(preview.digest)); nothing was ordered; look at the preview again")
      }
      guard preview.containing > 0 else {
        throw LifecycleError(code: .wrongState, message: "nothing that the selector matches is left to cut off")
      }
      let (permission, emergency) = try await check(authority, of: who, over: preview.environments, in: transaction)
      let id = ContainmentID.make()
      try await transaction.execute(
        InsertContainment(
          id: id, selector: selector, digest: preview.digest, followUp: followUp, by: who.person.id, ticket: ticket,
          reason: who.reason, permission: permission, emergency: emergency))
      try await order(id, selector, by: who, ticket: ticket, in: transaction)
      return id
    }
  }

  private func check(
    _ authority: ContainmentAuthority, of who: Operator, over environments: Set<String>, in transaction: Transaction
  ) async throws -> (permission: UUID?, emergency: UUID?) {
    switch authority {
    case .permission:
      let held = try await governance.permissions(.contain, of: who.person.id, in: transaction)
      let uncovered = OperatorPermission.uncovered(environments, by: held)
      guard uncovered.isEmpty, let first = held.first else {
        throw LifecycleError(
          code: .refused,
          message:
            "\(who.person.externalID) may not contain in \(uncovered.joined(separator: ", ")); have somebody grant it "
            + "with `keyturn permission grant contain`, or break the glass with `keyturn emergency open`")
      }
      return (first.id, nil)
    case .emergency(let id):
      let emergency = try await governance.emergency(id, in: transaction)
      guard emergency.isValid else {
        throw LifecycleError(code: .refused, message: "the emergency is over; open another one if it must be")
      }
      guard [emergency.openedBy, emergency.second].contains(who.person.id) else {
        throw LifecycleError(
          code: .refused, message: "\(who.person.externalID) is none of the two who broke the glass")
      }
      return (nil, emergency.id)
    }
  }

  private func order(
    _ id: ContainmentID, _ selector: RotationSelector, by who: Operator, ticket: String, in transaction: Transaction
  ) async throws {
    let locked = try await transaction.query(LockContainableCredentials(selector: selector))
    let jobs = Dictionary(
      try await transaction.query(LockJobsOf(credentials: locked.map(\.id))), uniquingKeysWith: { max($0, $1) })
    // Above every number that a worker may hold, so that the target refuses what is still on its way.
    let fences = locked.map { max($0.fence, jobs[$0.id] ?? 0) + 1 }
    try await transaction.query(
      Batched(rows: zip(locked, fences).map { RaiseCredentialFence(credential: $0.id, fence: $1) }))
    let authorizations = try await governance.openLeakRevocations(
      of: locked.map(\.identity), requester: who.person.externalID, ticket: ticket, in: transaction)
    var entries: [TargetID: UUID] = [:]
    for credential in locked where entries[credential.target] == nil { entries[credential.target] = UUID() }
    let targets = entries.sorted { $0.value.uuidString < $1.value.uuidString }
    try await transaction.execute(
      InsertContainmentTargets(containment: id, ids: targets.map(\.value), targets: targets.map(\.key)))
    let items = zip(locked, fences).compactMap { credential, fence -> InsertContainmentItems.Item? in
      guard let entry = entries[credential.target], let authorization = authorizations[credential.identity] else {
        return nil
      }
      return .init(entry: entry, credential: credential.id, authorization: authorization, fence: fence)
    }
    guard items.count == locked.count else {
      throw LifecycleError(code: .unreadableRow, message: "an identity vanished; nothing was ordered; try again")
    }
    try await transaction.execute(InsertContainmentItems(items: items, reason: "containment \(id)"))
    try await queue.enqueue(
      targets.map { Self.containOrder($0.value, on: $0.key) }, in: transaction)
    try await queue.record(
      OperatorAction(
        actor: who.person.externalID, verb: .enqueue, jobs: locked.count, detail: "contain \(selector)",
        reason: who.reason), in: transaction)
  }

  /// - Parameter entry: the part of a containment on one target.
  static func containOrder(_ entry: UUID, on target: TargetID) -> JobQueue.Order {
    JobQueue.Order(
      kind: LifecycleJobs.contain, subject: SubjectID(entry), group: target.limitGroup, lane: .leak, fence: 0)
  }

  /// How far it is; by id or by the first digits of one.
  package func containment(_ text: String) async throws -> ContainmentStatus {
    let prefix = text.lowercased()
    guard prefix.wholeMatch(of: /[0-9a-f-]{4,36}/) != nil else {
      throw LifecycleError(code: .invalidField, message: "containment must be an id, or at least its first 4 digits")
    }
    let found = try await client.query(FindContainment(prefix: prefix))
    guard let header = found.first else {
      throw GovernanceError.unknown("containment", text)
    }
    guard found.count == 1 else {
      throw LifecycleError(code: .invalidField, message: "\(found.count) containments begin so; give more digits")
    }
    let places = try await client.query(FindContainmentPlaces(containment: header.id))
    return ContainmentStatus(
      id: header.id, selector: header.selector, followUp: header.followUp, requestedBy: header.requestedBy,
      requestedAt: header.requestedAt, now: header.now, places: places)
  }
}
