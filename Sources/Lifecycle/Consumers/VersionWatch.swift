import Foundation
import Logging
import Postgres
import Synchronization

/// Wakes those who wait for the next version of a credential. Notifications shorten the wait; looking every two seconds is
/// the truth, so it works behind a pooler and when notifications are lost.
package final class VersionWatch: Sendable {
  package enum Wakening: Sendable, Equatable {
    /// There is a version after the one that was named.
    case changed
    case timedOut
    /// The process stops.
    case draining
  }

  private struct Waiter {
    let after: Int32
    let continuation: CheckedContinuation<Wakening, Never>
  }

  private struct Watched {
    var watchers = 0
    /// The highest number heard of since somebody began to watch.
    var latest: Int32 = 0
    var waiters: [UUID: Waiter] = [:]
  }

  private struct State {
    var credentials: [CredentialID: Watched] = [:]
    var isDraining = false
  }

  static let period = Duration.seconds(2)

  private let client: PostgresClient
  private let listens: Bool
  private let logger: Logger
  private let state = Mutex(State())

  package init(lifecycle: CredentialLifecycle, listens: Bool = true) {
    client = lifecycle.client
    logger = lifecycle.logger
    self.listens = listens
  }

  /// Requests that wait now.
  package var waiting: Int {
    state.withLock { $0.credentials.values.reduce(0) { $0 + $1.waiters.count } }
  }

  /// Suspends until the credential has a version after `number`. `current` says which it has now, and is asked after the
  /// watch has begun, so that nothing is missed in between.
  package func wait(
    for credential: CredentialID, after number: Int32, atMost limit: Duration, current: () async throws -> Int32?
  ) async throws -> Wakening {
    let isDraining = state.withLock { state in
      state.credentials[credential, default: Watched()].watchers += 1
      return state.isDraining
    }
    defer { leave(credential) }
    if let now = try await current(), now > number { return .changed }
    if isDraining { return .draining }
    let id = UUID()
    return await withTaskGroup(of: Wakening?.self) { group in
      group.addTask { await self.suspend(id, credential, after: number) }
      group.addTask {
        do { try await Task.sleep(for: limit) } catch {}
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first ?? .timedOut
    }
  }

  private func suspend(_ id: UUID, _ credential: CredentialID, after number: Int32) async -> Wakening {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer = state.withLock { state -> Wakening? in
          if state.isDraining { return .draining }
          if Task.isCancelled { return .timedOut }
          if state.credentials[credential, default: Watched()].latest > number { return .changed }
          state.credentials[credential]?.waiters[id] = Waiter(after: number, continuation: continuation)
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      let waiter = state.withLock { $0.credentials[credential]?.waiters.removeValue(forKey: id) }
      waiter?.continuation.resume(returning: .timedOut)
    }
  }

  private func leave(_ credential: CredentialID) {
    state.withLock { state in
      state.credentials[credential]?.watchers -= 1
      if state.credentials[credential]?.watchers == 0 { state.credentials[credential] = nil }
    }
  }

  /// Everybody who waits, and who comes later, is told to come again elsewhere.
  package func drain() {
    let waiters = state.withLock { state in
      state.isDraining = true
      let all = state.credentials.values.flatMap { Array($0.waiters.values) }
      for credential in state.credentials.keys { state.credentials[credential]?.waiters = [:] }
      return all
    }
    for waiter in waiters { waiter.continuation.resume(returning: .draining) }
  }

  /// Until cancelled.
  package func run() async {
    await withDiscardingTaskGroup { group in
      if listens { group.addTask { await self.listen() } }
      group.addTask {
        while !Task.isCancelled {
          do { try await Task.sleep(for: Self.period) } catch { return }
          await self.look()
        }
      }
    }
  }

  private func listen() async {
    for await element in client.listen(to: [TellConsumers.channel]) {
      switch element {
      case .mayHaveMissed: await look()
      case .notification(_, let payload):
        guard let event = try? JSONDecoder().decode(Event.self, from: Data(payload.utf8)) else { continue }
        note(CredentialID(event.id), event.version)
      }
    }
  }

  private struct Event: Decodable {
    let id: UUID
    let version: Int32
  }

  private func look() async {
    let credentials = state.withLock { state in state.credentials.filter { !$0.value.waiters.isEmpty }.map(\.key) }
    guard !credentials.isEmpty else { return }
    do {
      for row in try await client.query(FindCurrentNumbers(credentials: credentials)) {
        note(row.credential, row.number)
      }
    } catch {
      if !Task.isCancelled { logger.debug("versions not looked at", metadata: ["error": "\(error)"]) }
    }
  }

  private func note(_ credential: CredentialID, _ number: Int32) {
    let woken = state.withLock { state -> [Waiter] in
      guard var watched = state.credentials[credential] else { return [] }
      watched.latest = max(watched.latest, number)
      let woken = watched.waiters.filter { $0.value.after < number }
      for id in woken.keys { watched.waiters[id] = nil }
      state.credentials[credential] = watched
      return Array(woken.values)
    }
    for waiter in woken { waiter.continuation.resume(returning: .changed) }
  }
}
