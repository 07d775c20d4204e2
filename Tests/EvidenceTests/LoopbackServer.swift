import Foundation
import Glibc

/// A real HTTP/1.1 server on loopback whose answers the test gives. One request per connection, on threads of its own.
final class LoopbackServer: Sendable {
  struct Request: Sendable {
    let method: String
    let path: String
    let body: [UInt8]
  }

  struct Answer: Sendable {
    var status = 200
    var type = "text/plain"
    var body: [UInt8] = []
  }

  struct Failure: Error {}

  private let descriptor: Int32
  let port: UInt16

  var url: URL { URL(string: "http://127.0.0.1:\(port)/")! }

  init(_ answer: @escaping @Sendable (Request) -> Answer) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let (descriptor, size) = (descriptor, length)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && listen(descriptor, 16) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard bound else { throw Failure() }
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread {
      while true {
        let connection = accept(descriptor, nil, nil)
        guard connection >= 0 else { return }
        Thread.detachNewThread {
          Self.serve(connection, answer)
          close(connection)
        }
      }
    }
  }

  func stop() {
    shutdown(descriptor, Int32(SHUT_RDWR))
    close(descriptor)
  }

  private static func serve(_ connection: Int32, _ answer: (Request) -> Answer) {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var head: (end: Int, text: String)?
    while true {
      let got = read(connection, &buffer, buffer.count)
      guard got > 0 else { return }
      bytes += buffer[..<got]
      if head == nil, let end = Data(bytes).range(of: Data("\r\n\r\n".utf8)) {
        head = (end.upperBound, String(decoding: bytes[..<end.lowerBound], as: UTF8.self))
      }
      guard let head else { continue }
      let lines = head.text.components(separatedBy: "\r\n")
      let length =
        lines.first { $0.lowercased().hasPrefix("content-length:") }
        .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0
      guard bytes.count >= head.end + length else { continue }
      let words = lines[0].split(separator: " ").map(String.init)
      let made = answer(Request(method: words[0], path: words[1], body: Array(bytes[head.end...])))
      let start =
        "HTTP/1.1 \(made.status) X\r\nContent-Type: \(made.type)\r\nContent-Length: \(made.body.count)\r\n"
        + "Connection: close\r\n\r\n"
      let all = Array(start.utf8) + made.body
      _ = all.withUnsafeBytes { write(connection, $0.baseAddress, $0.count) }
      return
    }
  }
}
