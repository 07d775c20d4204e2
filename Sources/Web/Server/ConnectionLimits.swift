import APIModel
import Foundation
import HTTPTypes
import HummingbirdCore
import NIOCore

/// What one connection may take of the server, whoever is at its other end: time for the headers, time to take an answer, and
/// bytes of a body that nobody reads. What lasts longer is told so where it can be, and cut off.
///
/// Between the HTTP codec and the server's own handlers. Everything runs on the connection's event loop.
final class ConnectionLimits: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPConnectionStateHandler.InboundIn
  typealias InboundOut = HTTPConnectionStateHandler.InboundOut
  typealias OutboundIn = HTTPConnectionStateHandler.OutboundIn
  typealias OutboundOut = HTTPConnectionStateHandler.OutboundOut

  /// Bytes of bodies without a reader that are still taken, so that who sends them hears the answer.
  static let maximumUnread = 65_536
  /// How long that may last.
  static let linger = TimeAmount.seconds(1)

  private enum Phase {
    /// Between requests.
    case idle
    /// Bytes have come, and the headers are not complete.
    case head
    case body
    /// Answered before the body had come.
    case draining(bytes: Int)
    case closing
  }

  private let patience: TimeAmount
  private var phase = Phase.idle
  /// Requests whose headers have come, and of these those that are answered.
  private var (asked, answered) = (0, 0)
  private var timer: Scheduled<Void>?
  private var answers: [ObjectIdentifier: Scheduled<Void>] = [:]

  /// - Parameter patience: for headers to be complete after their first byte, and for an answer to be taken.
  init(patience: TimeAmount) {
    self.patience = patience
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let limits = NIOLoopBound(self, eventLoop: context.eventLoop)
    let context = NIOLoopBound(context, eventLoop: context.eventLoop)
    let watch = ByteWatch { limits.value.sawBytes(context.value) }
    // Before the codec, which says nothing until it has all headers.
    try? context.value.pipeline.syncOperations.addHandler(watch, position: .first)
  }

  func handlerRemoved(context: ChannelHandlerContext) { cancel() }

  func channelInactive(context: ChannelHandlerContext) {
    cancel()
    context.fireChannelInactive()
  }

  // MARK: Requests

  private func sawBytes(_ context: ChannelHandlerContext) {
    guard case .idle = phase else { return }
    phase = .head
    schedule(after: patience, context) { $0.refuseSlowHeaders($1) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch (unwrapInboundIn(data), phase) {
    case (_, .closing): return
    case (.head, _):
      timer?.cancel()
      asked += 1
      phase = .body
    case (.body(let bytes), .draining(let before)):
      let all = before + bytes.readableBytes
      phase = .draining(bytes: all)
      // Nobody reads it any more, and nobody is kept from hearing the answer by less.
      if all > Self.maximumUnread { close(context) }
      return
    case (.body, _): break
    case (.end, .draining):
      timer?.cancel()
      phase = .idle
    case (.end, _): phase = .idle
    }
    context.fireChannelRead(data)
  }

  private func refuseSlowHeaders(_ context: ChannelHandlerContext) {
    // In the middle of another answer nothing can be said.
    guard asked == answered else { return close(context) }
    let problem = Problem(
      status: 408, code: "too_slow", title: "Too slow", detail: "the headers did not arrive in time",
      remedy: "send them at once")
    let body = (try? JSONEncoder().encode(problem)) ?? Data()
    let head = HTTPResponse(
      status: .requestTimeout,
      headerFields: [
        .contentType: Problem.contentType, .contentLength: "\(body.count)", .connection: "close",
      ])
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(ByteBuffer(bytes: body))), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    close(context)
  }

  // MARK: Answers

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard case .end = unwrapOutboundIn(data) else { return context.write(data, promise: promise) }
    let promise = promise ?? context.eventLoop.makePromise(of: Void.self)
    awaitTaking(of: promise, context)
    context.write(data, promise: promise)
    answered += 1
    // Not when it is the answer to a request before the one that is coming.
    guard case .body = phase, asked == answered else { return }
    phase = .draining(bytes: 0)
    schedule(after: Self.linger, context) { $0.close($1) }
  }

  /// A client that takes no answers, but asks for more and more, would have us keep them for ever.
  private func awaitTaking(of promise: EventLoopPromise<Void>, _ context: ChannelHandlerContext) {
    let limits = NIOLoopBound(self, eventLoop: context.eventLoop)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    let key = Answer()
    answers[ObjectIdentifier(key)] = context.eventLoop.scheduleTask(in: patience) {
      limits.value.close(bound.value)
    }
    promise.futureResult.assumeIsolated().whenComplete { _ in
      limits.value.answers.removeValue(forKey: ObjectIdentifier(key))?.cancel()
    }
  }

  private final class Answer: Sendable {}

  // MARK: Ends

  private func schedule(
    after time: TimeAmount, _ context: ChannelHandlerContext,
    _ body: @escaping @Sendable (ConnectionLimits, ChannelHandlerContext) -> Void
  ) {
    timer?.cancel()
    let limits = NIOLoopBound(self, eventLoop: context.eventLoop)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: time) { body(limits.value, bound.value) }
  }

  private func close(_ context: ChannelHandlerContext) {
    if case .closing = phase { return }
    phase = .closing
    cancel()
    context.close(promise: nil)
  }

  private func cancel() {
    timer?.cancel()
    timer = nil
    for (_, waiting) in answers { waiting.cancel() }
    answers = [:]
  }
}

/// Says that bytes came, before anything has understood them.
private final class ByteWatch: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer

  private let saw: () -> Void

  init(_ saw: @escaping () -> Void) { self.saw = saw }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    saw()
    context.fireChannelRead(data)
  }
}
