import Foundation
import Postgres
import Vault

/// Reads secrets for many consumers at once: who asks while a reading is under way shares the next one, whose secrets are
/// opened once for all. Each reading is recorded, durably, before anybody gets the secret. Nothing is kept in between.
package struct SecretReader: Sendable {
  private typealias Request = (consumer: AuthenticatedConsumer, selection: Selection)

  /// Which version is wanted.
  package enum Selection: Sendable {
    case current
    /// The one before, while it still works.
    case previous
  }

  private let secrets: Coalescer<Request, ReadableVersion?>

  package init(lifecycle: CredentialLifecycle) {
    secrets = Coalescer { requests in
      let versions = try await Self.load(Set(requests.map(\.consumer.credential)), lifecycle)
      let chosen = requests.map { Self.choose($0.selection, from: versions[$0.consumer.credential] ?? []) }
      try await Self.record(
        zip(requests, chosen).compactMap { request, version in version.map { (request.consumer.id, $0.number) } },
        lifecycle)
      return chosen.map { .success($0) }
    }
  }

  /// Nil: there is no such version now.
  package func read(_ selection: Selection, by consumer: AuthenticatedConsumer) async throws -> ReadableVersion? {
    try await secrets.answer((consumer, selection))
  }

  /// Newest first.
  private static func load(
    _ credentials: Set<CredentialID>, _ lifecycle: CredentialLifecycle
  ) async throws -> [CredentialID: [ReadableVersion]] {
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

  private static func record(_ reads: [(ConsumerID, Int32)], _ lifecycle: CredentialLifecycle) async throws {
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
