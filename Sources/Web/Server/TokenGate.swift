import HTTPTypes
import Hummingbird
import Lifecycle
import NIOCore
import Synchronization

/// Who asks. An address that shows bad tokens is soon turned away before the database is asked; tokens that were good a moment
/// ago pass all the same, so that one broken client does not lock out its neighbours.
final class TokenGate: Sendable {
  private struct State {
    var limiter = BadTokenLimiter()
    /// Hashes of tokens that were good; forgotten all at once when there are many.
    var good: Set<[UInt8]> = []
  }

  static let remembered = 20_000

  private let lifecycle: CredentialLifecycle
  private let state = Mutex(State())

  init(lifecycle: CredentialLifecycle) { self.lifecycle = lifecycle }

  func consumer(of request: Request, from remote: String) async throws -> AuthenticatedConsumer {
    guard let header = request.headers[.authorization] else {
      throw Self.refuse("missing_token", "no token was shown", "send Authorization: Bearer with the consumer's token")
    }
    let parts = header.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer", let token = ConsumerToken(parts[1]) else {
      throw failed(.malformed, remote)
    }
    let wait = state.withLock { state in
      state.good.contains(token.hash) ? nil : state.limiter.blockedFor(remote, at: .now)
    }
    if let wait { throw Self.tooMany(wait) }
    switch try await lifecycle.consumer(showing: token) {
    case .success(let consumer):
      state.withLock { state in
        if state.good.count >= Self.remembered { state.good = [] }
        state.good.insert(token.hash)
      }
      return consumer
    case .failure(let refusal):
      _ = state.withLock { $0.good.remove(token.hash) }
      throw failed(refusal, remote)
    }
  }

  private func failed(_ refusal: TokenRefusal, _ remote: String) -> Rejection {
    let wait = state.withLock { state in
      state.limiter.fail(remote, at: .now)
      return state.limiter.blockedFor(remote, at: .now)
    }
    if let wait { return Self.tooMany(wait) }
    return switch refusal {
    case .malformed:
      Self.refuse(
        refusal.rawValue, "what was shown is no consumer token", "send the token as `keyturn consumer add` printed it")
    case .unknown:
      Self.refuse(refusal.rawValue, "nobody has this token", "have a consumer added with `keyturn consumer add`")
    case .expired:
      Self.refuse(
        refusal.rawValue, "the token has expired", "have the consumer removed and added again, with a later --expires")
    case .removed:
      Self.refuse(refusal.rawValue, "the consumer was removed", "have it added again if it must still read")
    }
  }

  private static func refuse(_ code: String, _ detail: String, _ remedy: String) -> Rejection {
    Rejection(
      401, code, "Not authenticated", detail: detail, remedy: remedy,
      headers: [.wwwAuthenticate: #"Bearer realm="keyturn""#])
  }

  private static func tooMany(_ seconds: Int) -> Rejection {
    Rejection(
      429, "too_many_bad_tokens", "Too many bad tokens", detail: "this address has shown too many bad tokens",
      remedy: "correct the token and try again in \(seconds) s", headers: [.retryAfter: "\(seconds)"])
  }
}

/// A leaky bucket per address: 20 bad tokens at once, and one more every three seconds. Pure; bounded.
struct BadTokenLimiter {
  static let burst = 20.0
  /// Per second.
  static let rate = 1.0 / 3
  static let addresses = 10_000

  private struct Bucket {
    var level: Double
    var at: ContinuousClock.Instant
  }

  private var buckets: [String: Bucket] = [:]

  var count: Int { buckets.count }

  mutating func fail(_ address: String, at now: ContinuousClock.Instant) {
    if buckets.count >= Self.addresses && buckets[address] == nil {
      buckets = buckets.filter { Self.level($0.value, at: now) > 0 }
      // Still full: an attack from many addresses. The fullest are what matters.
      if buckets.count >= Self.addresses {
        let kept = buckets.sorted { $0.value.level > $1.value.level }.prefix(Self.addresses / 2)
        buckets = Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) })
      }
    }
    let level = buckets[address].map { Self.level($0, at: now) } ?? 0
    buckets[address] = Bucket(level: min(level + 1, Self.burst + 1), at: now)
  }

  /// Whole seconds until the next try; nil: it may try.
  func blockedFor(_ address: String, at now: ContinuousClock.Instant) -> Int? {
    guard let bucket = buckets[address] else { return nil }
    let over = Self.level(bucket, at: now) - Self.burst
    return over > 0 ? max(1, Int((over / Self.rate).rounded(.up))) : nil
  }

  private static func level(_ bucket: Bucket, at now: ContinuousClock.Instant) -> Double {
    max(0, bucket.level - (now - bucket.at) / .seconds(1) * rate)
  }
}
