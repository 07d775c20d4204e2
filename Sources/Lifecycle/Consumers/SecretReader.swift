import Foundation
import Postgres
import Synchronization
import Vault

/// Reads secrets for many consumers at once: who asks while a reading is under way shares the next one, whose secrets are
/// opened once for all. Each reading is recorded, durably, before anybody gets the secret. Nothing is kept in between.
package final class SecretReader: Sendable {
  private typealias Answer = Result<[ReadableVersion], any Error>

  private struct Waiting {
    let consumer: AuthenticatedConsumer
    let selection: Selection
    let continuation: CheckedContinuation<Result<ReadableVersion?, any Error>, Never>
  }

  private struct State {
    var waiting: [Waiting] = []
    var isReading = false
  }

  /// Which version is wanted.
  package enum Selection: Sendable {
    case current
    /// The one before, while it still works.
    case previous
  }

  /// Consumers per reading.
  private static let batch = 1024

  private let lifecycle: CredentialLifecycle
  private let state = Mutex(State())

  package init(lifecycle: CredentialLifecycle) { self.lifecycle = lifecycle }

  /// Nil: there is no such version now.
  package func read(_ selection: Selection, by consumer: AuthenticatedConsumer) async throws -> ReadableVersion? {
    let result = await withCheckedContinuation { continuation in
      let mustRead = state.withLock { state -> Bool in
        state.waiting.append(Waiting(consumer: consumer, selection: selection, continuation: continuation))
        defer { state.isReading = true }
        return !state.isReading
      }
      // Owned by the queue it empties, as the saga reader's.
      if mustRead { Task { await self.drain() } }
    }
    return try result.get()
  }

  private func drain() async {
    while let waiting = take() {
      do {
        let versions = try await load(Set(waiting.map(\.consumer.credential)))
        let chosen = waiting.map { one in
          Self.choose(one.selection, from: versions[one.consumer.credential] ?? [])
        }
        try await record(
          zip(waiting, chosen).compactMap { one, version in
            version.map { (one.consumer.id, $0.number) }
          })
        for (one, version) in zip(waiting, chosen) { one.continuation.resume(returning: .success(version)) }
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

  /// Newest first.
  private func load(_ credentials: Set<CredentialID>) async throws -> [CredentialID: [ReadableVersion]] {
    var found: [CredentialID: [ReadableVersion]] = [:]
    let candidates = CandidateFactory(vault: lifecycle.vault)
    for row in try await lifecycle.client.query(FindReadableVersions(credentials: Array(credentials))) {
      let secret = try await candidates.open(row.version, of: row.credential)
      found[row.credential, default: []].append(
        ReadableVersion(
          number: row.version.number, state: row.version.state, login: row.version.login, secret: secret,
          settings: try row.settings.decodedStrings()))
    }
    return found
  }

  private static func choose(_ selection: Selection, from versions: [ReadableVersion]) -> ReadableVersion? {
    switch selection {
    case .current: versions.first { $0.state == .current }
    case .previous: versions.first { $0.state == .retiring }
    }
  }

  private func record(_ reads: [(ConsumerID, Int32)]) async throws {
    struct Key: Hashable {
      let consumer: ConsumerID
      let version: Int32
    }
    guard !reads.isEmpty else { return }
    let counts = Dictionary(reads.map { (Key(consumer: $0, version: $1), Int64(1)) }, uniquingKeysWith: +)
    try await lifecycle.client.execute(
      RecordReads(rows: counts.map { .init(consumer: $0.key.consumer, version: $0.key.version, reads: $0.value) }))
  }
}
