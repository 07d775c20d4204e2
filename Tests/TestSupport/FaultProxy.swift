import Foundation
import Synchronization

/// What happens to one connection through a `FaultProxy`.
package enum ConnectionFault: Sendable, Hashable {
  case none
  /// Accepted, then reset.
  case reset
  /// Accepted; nothing is ever read or answered. Ends when the client gives up or the proxy stops.
  case hang
  /// The request with this number, from 1, does not reach the target.
  case cutBefore(request: Int)
  /// Half of the request's bytes reach the target.
  case cutDuring(request: Int)
  /// The whole request reaches the target; its answer does not come back.
  case cutAfter(request: Int)
  /// The target has answered the first COMMIT, and the client is not told.
  case dropCommitAnswer
}

/// Forwards loopback connections to a port on loopback and breaks them as it is told. What it reads it does not keep.
///
/// A request is what one read from the client returns. It must not be encrypted where a COMMIT has to be recognized.
package final class FaultProxy: Sendable {
  /// Where clients connect.
  package let port: Int
  private let target: Int
  private let listener: Int32
  private let state: Mutex<State>

  private struct State {
    var isStopped = false
    var connections = 0
    var injected: [ConnectionFault] = []
    var choose: @Sendable (Int) -> ConnectionFault = { _ in .none }
  }

  package struct Failure: Error {
    let call: String
    let code: Int32
  }

  /// Accepts connections until `stop`.
  package init(target: Int) throws {
    self.target = target
    (listener, port) = try Self.listen()
    state = Mutex(State())
    Thread.detachNewThread { self.acceptAll() }
  }

  /// Faults that have struck, in order.
  package var injected: [ConnectionFault] { state.withLock { $0.injected } }

  /// The fault of every connection from now on, by its number from 1. Open connections keep theirs.
  package func choose(_ fault: @escaping @Sendable (Int) -> ConnectionFault) {
    state.withLock { $0.choose = fault }
  }

  /// That share of the connections get a fault that ends them; the same seed gives the same fault to the same number.
  package func choose(seed: UInt64, percent: UInt64) {
    choose { number in
      var value = seed &+ UInt64(number) &* 0x9E37_79B9_7F4A_7C15
      value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
      value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
      value ^= value >> 31
      let request = 1 + Int(value >> 32) % 24
      guard value % 100 < percent else { return .none }
      switch (value / 100) % 5 {
      case 0: return .reset
      case 1: return .cutBefore(request: request)
      case 2: return .cutDuring(request: request)
      case 3: return .cutAfter(request: request)
      default: return .dropCommitAnswer
      }
    }
  }

  /// Ends the open connections within 0.1 s; the port refuses afterwards.
  package func stop() {
    state.withLock { $0.isStopped = true }
  }

  private var isStopped: Bool { state.withLock { $0.isStopped } }

  private func acceptAll() {
    while !isStopped {
      guard Self.wait([listener])[0] else { continue }
      let client = accept(listener, nil, nil)
      guard client >= 0 else { continue }
      let fault = state.withLock { state in
        state.connections += 1
        return state.choose(state.connections)
      }
      Thread.detachNewThread {
        self.serve(client, fault)
        close(client)
      }
    }
    close(listener)
  }

  private func struck(_ fault: ConnectionFault) { state.withLock { $0.injected.append(fault) } }

  private func serve(_ client: Int32, _ fault: ConnectionFault) {
    switch fault {
    case .reset:
      var linger = linger(l_onoff: 1, l_linger: 0)
      setsockopt(client, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
      struck(fault)
    case .hang:
      struck(fault)
      // POLLRDHUP of Linux, which the module does not export: what the client sends stays unread.
      let peerClosed: Int16 = 0x2000
      var ends = [pollfd(fd: client, events: peerClosed, revents: 0)]
      while !isStopped, poll(&ends, 1, 100) == 0 {}
    default:
      guard let server = try? Self.connect(to: target) else { return }
      relay(client, server, fault)
      close(server)
    }
  }

  private func relay(_ client: Int32, _ server: Int32, _ fault: ConnectionFault) {
    var requests = 0
    var isCommitting = false
    while !isStopped {
      let readable = Self.wait([client, server])
      if readable[0] {
        guard let bytes = Self.receive(client) else { return }
        requests += 1
        switch fault {
        case .cutBefore(requests): return struck(fault)
        case .cutDuring(requests):
          _ = Self.send(bytes.prefix(bytes.count / 2), to: server)
          return struck(fault)
        case .cutAfter(requests):
          _ = Self.send(bytes[...], to: server)
          return struck(fault)
        case .dropCommitAnswer:
          // To the end of the string: BEGIN names READ COMMITTED.
          isCommitting = isCommitting || Data(bytes).range(of: Data("COMMIT\0".utf8)) != nil
        default: break
        }
        guard Self.send(bytes[...], to: server) else { return }
      }
      if readable[1] {
        guard let bytes = Self.receive(server) else { return }
        if isCommitting { return struck(fault) }
        guard Self.send(bytes[...], to: client) else { return }
      }
    }
  }

  /// Which of the descriptors can be read, after at most 0.1 s.
  private static func wait(_ descriptors: [Int32]) -> [Bool] {
    var polled = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    guard poll(&polled, nfds_t(polled.count), 100) > 0 else { return descriptors.map { _ in false } }
    return polled.map { $0.revents != 0 }
  }

  /// Nil at the end of the stream.
  private static func receive(_ descriptor: Int32) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    return count > 0 ? Array(buffer.prefix(count)) : nil
  }

  private static func send(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  private static func address(_ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    address.sin_port = UInt16(port).bigEndian
    return address
  }

  private static func listen() throws -> (descriptor: Int32, port: Int) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = address(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        bind(descriptor, pointer, length) == 0 && Foundation.listen(descriptor, 128) == 0
          ? getsockname(descriptor, pointer, &length) : -1
      }
    }
    guard status == 0 else {
      let code = errno
      close(descriptor)
      throw Failure(call: "listen", code: code)
    }
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
  }

  private static func connect(to port: Int) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = address(port)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        Foundation.connect(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else {
      let code = errno
      close(descriptor)
      throw Failure(call: "connect", code: code)
    }
    return descriptor
  }
}
