import AsyncHTTPClient
package import Lifecycle
import NIOCore
import NIOHTTP1
import Synchronization

/// Sends webhooks over HTTP: no redirects, ten seconds each, the answer's body is not kept. Connections end with `close`, or
/// with the last reference.
package final class HTTPWebhookSender: WebhookSender {
  private let client: HTTPClient
  private let isClosed = Mutex(false)

  private static let timeout = TimeAmount.seconds(10)

  package init() {
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow, timeout: .init(connect: .seconds(5), read: .seconds(10)))
    configuration.connectionPool.idleTimeout = .seconds(30)
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  deinit {
    // The client keeps itself until it has ended.
    if takeEnd() { client.shutdown { _ in } }
  }

  package func send(_ message: SignedWebhook) async -> WebhookOutcome {
    var request = HTTPClientRequest(url: message.url)
    request.method = .POST
    for (name, value) in message.headers { request.headers.add(name: name, value: value) }
    request.body = .bytes(ByteBuffer(bytes: message.body))
    do {
      let response = try await client.execute(request, timeout: Self.timeout)
      // So that the connection can be used again; a longer answer is cut off.
      do { _ = try await response.body.collect(upTo: 65_536) } catch {}
      return .answered(status: Int(response.status.code))
    } catch {
      return .unreachable
    }
  }

  package func close() async {
    guard takeEnd() else { return }
    // Fails only when it has ended already.
    do { try await client.shutdown() } catch {}
  }

  /// True the first time.
  private func takeEnd() -> Bool {
    isClosed.withLock { isClosed in
      defer { isClosed = true }
      return !isClosed
    }
  }
}
