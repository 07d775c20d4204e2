import CLibPQ

/// A `PGconn` on its way between threads.
///
/// Sendable without the compiler's check: it has one owner at a time. The helper thread that makes it hands it to the
/// attempt, the attempt to the connection; both are actors on a loop of theirs, and only there is it used.
struct ConnectionHandle: @unchecked Sendable {
  let pointer: OpaquePointer

  var socket: Int32 { PQsocket(pointer) }
  var errorMessage: String { PQerrorMessage(pointer).map { String(cString: $0) } ?? "" }
  func finish() { PQfinish(pointer) }
}

/// What `PQcancel` needs: a copy of address and key.
///
/// Sendable without the compiler's check: it shares nothing with the connection, and the one closure it is moved into
/// uses and frees it.
struct CancelHandle: @unchecked Sendable {
  let pointer: OpaquePointer

  /// Blocks until the server has passed the request on, or could not be reached. Errors are no news: the caller
  /// repeats, and gives the connection up after its patience.
  func cancelAndFree() {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      _ = PQcancel(pointer, buffer.baseAddress, 256)
    }
    PQfreeCancel(pointer)
  }
}
