import Foundation

/// Bytes on a socket, for what no client library would send.
struct RawConnection: Sendable {
  let descriptor: Int32

  static func open(port: Int) async throws -> RawConnection {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      Foundation.close(descriptor)
      throw POSIXError(.ECONNREFUSED)
    }
    return RawConnection(descriptor: descriptor)
  }

  /// What comes back until the other side closes, or goes silent for a while after it has answered. Closes.
  func exchange(_ text: String) async throws -> String {
    try await onThread {
      defer { close() }
      guard send(Array(text.utf8)) == text.utf8.count else { throw POSIXError(.EPIPE) }
      return receive(silence: 300)
    }
  }

  /// Sends `head`, then `piece` again and again until the other side has closed, or `maximum` pieces have gone. What came back,
  /// and how many bytes were taken. Closes.
  func drip(
    _ head: String, _ piece: String, every pause: Duration, atMost maximum: Int
  ) async throws -> (answer: String, sent: Int) {
    try await onThread {
      defer { close() }
      var (answer, sent) = ("", send(Array(head.utf8)))
      for _ in 0..<maximum {
        usleep(UInt32(pause / .microseconds(1)))
        if isReadable {
          let more = receive(silence: 0)
          if more.isEmpty { break }
          answer += more
        }
        let count = send(Array(piece.utf8))
        guard count > 0 else { break }
        sent += count
      }
      return (answer + receive(silence: 100), sent)
    }
  }

  /// Sends and takes nothing, until nothing more can be sent for `patience` or the other side has closed. Whether it has.
  func flood(_ text: String, patience: Duration) async throws -> Bool {
    try await onThread {
      defer { close() }
      let bytes = Array(text.utf8)
      let end = ContinuousClock.now + patience
      while ContinuousClock.now < end {
        var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&poller, 1, 200) > 0 else { continue }
        if Int32(poller.revents) & (Int32(POLLERR) | Int32(POLLHUP)) != 0 { return true }
        let count = Foundation.send(
          descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        if count < 0, errno != EAGAIN { return true }
      }
      return false
    }
  }

  private var isReadable: Bool {
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&poller, 1, 0) > 0
  }

  private func send(_ bytes: [UInt8]) -> Int {
    max(0, Foundation.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)))
  }

  private func close() { Foundation.close(descriptor) }

  /// - Parameter silence: milliseconds without a byte after which the answer is taken for complete.
  private func receive(silence: Int32) -> String {
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&poller, 1, answer.isEmpty && silence > 0 ? 30_000 : silence) > 0 else { break }
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { break }
      answer += buffer[..<count]
    }
    return String(decoding: answer, as: UTF8.self)
  }

  private func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
    }
  }
}
