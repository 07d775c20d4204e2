import Glibc

/// Where a handler's lines go.
package struct LogSink: Sendable {
  package let write: @Sendable (String) -> Void

  package init(write: @escaping @Sendable (String) -> Void) {
    self.write = write
  }

  /// One write per line, so that lines of several threads and processes do not mix. A failure has nowhere to be reported.
  package static let standardError = LogSink { line in
    var bytes = Array(line.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}
