import Glibc

/// A password as the zero-terminated bytes libpq wants; wiped on release, reachable only through a closure, prints `***`.
///
/// libpq keeps a copy of its own for the life of each connection, which we cannot wipe.
///
/// Sendable without the compiler's check: the bytes are written in `init` only, and wiped in `deinit`, when nobody else
/// can hold the object.
package final class PostgresPassword: @unchecked Sendable, CustomStringConvertible, CustomReflectable {
  private let bytes: UnsafeMutableRawBufferPointer

  /// Nil when a NUL byte is inside, which no PostgreSQL password can contain.
  package init?(copying password: UnsafeRawBufferPointer) {
    guard !password.contains(0) else { return nil }
    bytes = .allocate(byteCount: password.count + 1, alignment: 1)
    bytes.copyMemory(from: password)
    bytes[password.count] = 0
  }

  package convenience init?(_ password: String) {
    var password = password
    let copied = password.withUTF8 { PostgresPassword(copying: UnsafeRawBufferPointer($0)) }
    guard let copied else { return nil }
    self.init(copying: UnsafeRawBufferPointer(rebasing: copied.bytes.dropLast()))
  }

  deinit {
    // Not memset, which the optimiser may drop before a deallocation.
    explicit_bzero(bytes.baseAddress!, bytes.count)
    bytes.deallocate()
  }

  /// Zero-terminated; valid during the call only.
  func withCString<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
    try body(UnsafeRawPointer(bytes.baseAddress!).assumingMemoryBound(to: CChar.self))
  }

  package var description: String { "***" }

  package var customMirror: Mirror { Mirror(self, children: []) }
}
