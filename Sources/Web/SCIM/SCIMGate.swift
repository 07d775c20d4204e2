import Governance
import HTTPTypes
import Hummingbird
import Postgres
import Secrets
import Synchronization

/// Which source a provisioning client speaks for. An address that shows bad tokens is soon turned away before the database is
/// asked.
final class SCIMGate: Sendable {
  private let store: GovernanceStore
  private let client: PostgresClient
  private let limiter = Mutex(BadTokenLimiter())

  init(store: GovernanceStore, client: PostgresClient) {
    self.store = store
    self.client = client
  }

  func source(of request: Request, from remote: String) async throws -> String {
    guard let header = request.headers[.authorization] else {
      throw SCIMError(.unauthorized, "send Authorization: Bearer with the client's token")
    }
    if limiter.withLock({ $0.blockedFor(remote, at: .now) }) != nil {
      throw SCIMError(.tooManyRequests, "this address has shown too many bad tokens; correct the token and try later")
    }
    let parts = header.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer",
      let token = BearerToken(parts[1], prefix: SCIMClient.prefix)
    else {
      throw failed(remote, "what was shown is no token of a provisioning client")
    }
    switch try await store.scimSource(showing: token, in: client) {
    case .success(let source): return source
    case .failure(.unknown): throw failed(remote, "nobody has this token")
    case .failure(.expired): throw failed(remote, "the token has expired; have the client removed and added again")
    case .failure(.removed): throw failed(remote, "the client was removed")
    }
  }

  private func failed(_ remote: String, _ detail: String) -> SCIMError {
    limiter.withLock { $0.fail(remote, at: .now) }
    return SCIMError(.unauthorized, detail)
  }
}
