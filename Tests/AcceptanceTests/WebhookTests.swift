import Crypto
import Foundation
import Lifecycle
import NIOCore
import NIOHTTP1
import NIOPosix
import Secrets
import Synchronization
import TestSupport
import Testing

@Suite struct WebhookTests {
  @Test func aConsumerIsToldOfANewVersionAtLeastOnceAndSigned() async throws {
    let world = try await TestWorld.make()
    let receiver = try await WebhookReceiver.start(answering: [500, 503, 204])
    try await world.withWorker {
      try await world.issue("svc_hook")
      try await world.settled()
      let consumer = try await world.newConsumer(
        "web", of: "svc_hook", webhook: "http://127.0.0.1:\(receiver.port)/keyturn?x=1")
      let secret = try #require(consumer.webhookSecret)
      try await world.rotate("svc_hook")
      try await world.database.eventually { receiver.messages.count >= 3 }
      try await world.eventually("SELECT count(*)::text FROM lifecycle.delivery WHERE state = 'delivered'", is: 1)
      let messages = receiver.messages
      #expect(messages.count == 3)
      // The same message each time, so that the receiver can tell.
      #expect(Set(messages.map { $0.headers["webhook-id"] ?? "" }).count == 1)
      for message in messages {
        #expect(message.uri == "/keyturn?x=1")
        let (id, timestamp) = (message.headers["webhook-id"] ?? "", message.headers["webhook-timestamp"] ?? "")
        #expect(abs(Date().timeIntervalSince1970 - (Double(timestamp) ?? 0)) < 300)
        // As any receiver would check it, without our code.
        var code = HMAC<SHA256>(key: secret.withBytes { SymmetricKey(data: Data($0)) })
        code.update(data: Data("\(id).\(timestamp).\(message.body)".utf8))
        #expect(message.headers["webhook-signature"] == "v1," + Data(code.finalize()).base64EncodedString())
        let object = try #require(
          try JSONSerialization.jsonObject(with: Data(message.body.utf8)) as? [String: Any])
        #expect(object["credential"] as? String == "svc_hook" && object["version"] as? Int == 2)
        #expect(Set(object.keys) == ["type", "credential", "target", "version"])
      }
    }
    #expect(try await world.database.count("SELECT attempts::text FROM lifecycle.delivery") == 3)
    try await receiver.stop()
    try await world.close()
  }

  @Test func aReceiverThatIsGoneEndsWithAnAlarm() async throws {
    let world = try await TestWorld.make()
    let receiver = try await WebhookReceiver.start(answering: [410])
    try await world.withWorker {
      try await world.issue("svc_hook_gone")
      try await world.settled()
      _ = try await world.newConsumer("web", of: "svc_hook_gone", webhook: "http://127.0.0.1:\(receiver.port)/")
      try await world.rotate("svc_hook_gone")
      try await world.eventually("SELECT count(*)::text FROM keyturn.v_alarm WHERE kind = 'delivery_expired'", is: 1)
      try await world.eventually("SELECT count(*)::text FROM lifecycle.delivery WHERE state = 'expired'", is: 1)
    }
    #expect(receiver.messages.count == 1)
    try await receiver.stop()
    try await world.close()
  }

  @Test func aKilledJobTableLosesNoMessage() async throws {
    let world = try await TestWorld.make()
    let receiver = try await WebhookReceiver.start(answering: [200])
    try await world.withWorker {
      try await world.issue("svc_hook_lost")
      try await world.settled()
    }
    _ = try await world.newConsumer("web", of: "svc_hook_lost", webhook: "http://127.0.0.1:\(receiver.port)/")
    try await world.change(
      """
      INSERT INTO lifecycle.delivery (consumer_id, version) SELECT id, 7 FROM lifecycle.consumer;
      TRUNCATE jobs.job;
      """)
    try await world.withWorker {
      try await world.eventually("SELECT count(*)::text FROM lifecycle.delivery WHERE state = 'delivered'", is: 1)
    }
    try await receiver.stop()
    try await world.close()
  }

  @Test func aNotificationCarriesNoSecret() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker {
      try await world.issue("svc_listen")
      try await world.settled()
      _ = try await world.addConsumer("web", of: "svc_listen")
      let heard = Heard()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for await element in world.composition.client.listen(to: ["keyturn_version"]) {
            switch element {
            case .mayHaveMissed: try await world.rotate("svc_listen")
            case .notification(_, let payload): heard.payloads.withLock { $0.append(payload) }
            }
          }
        }
        try await world.database.eventually { heard.payloads.withLock { $0.count } == 1 }
        group.cancelAll()
      }
      let object = try #require(
        try JSONSerialization.jsonObject(with: Data(heard.payloads.withLock { $0[0] }.utf8)) as? [String: Any])
      #expect(Set(object.keys) == ["id", "credential", "target", "version"])
      #expect(object["version"] as? Int == 2)
      try await world.settled()
    }
    try await world.close()
  }
}

private final class Heard: Sendable {
  let payloads = Mutex<[String]>([])
}

/// An HTTP server that keeps what it gets and answers from a list; the last answer is repeated.
final class WebhookReceiver: Sendable {
  struct Message: Sendable {
    let uri: String
    let headers: [String: String]
    let body: String
  }

  private let received = Mutex<[Message]>([])
  private let channel: any Channel
  let port: Int

  var messages: [Message] { received.withLock { $0 } }

  private init(channel: any Channel) {
    self.channel = channel
    port = channel.localAddress?.port ?? 0
  }

  static func start(answering statuses: [Int]) async throws -> WebhookReceiver {
    let shared = Shared(statuses: statuses)
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.pipeline.configureHTTPServerPipeline().flatMap {
          channel.pipeline.addHandler(Handler(shared: shared))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let receiver = WebhookReceiver(channel: channel)
    shared.receiver.withLock { $0 = receiver }
    return receiver
  }

  func stop() async throws { try await channel.close() }

  private final class Shared: Sendable {
    let receiver = Mutex<WebhookReceiver?>(nil)
    private let statuses: [Int]
    private let next = Mutex(0)

    init(statuses: [Int]) { self.statuses = statuses }

    func answer(to message: Message) -> Int {
      receiver.withLock { $0 }?.received.withLock { $0.append(message) }
      return next.withLock { next in
        defer { next += 1 }
        return statuses[min(next, statuses.count - 1)]
      }
    }
  }

  /// Used on the event loop of its channel only, which is why NIO allows it to be no `Sendable`.
  private final class Handler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let shared: Shared
    private var head: HTTPRequestHead?
    private var body = ""

    init(shared: Shared) { self.shared = shared }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head):
        self.head = head
        body = ""
      case .body(let buffer): body += String(buffer: buffer)
      case .end:
        guard let head else { return }
        let headers = Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first }
        let status = shared.answer(to: Message(uri: head.uri, headers: headers, body: body))
        let answer = HTTPResponseHead(
          version: .http1_1, status: .init(statusCode: status), headers: ["content-length": "0"])
        context.write(wrapOutboundOut(.head(answer)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      }
    }
  }
}
