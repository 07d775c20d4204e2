import Hummingbird
import NIOCore

/// Reads a body within a limit and a time: a client that sends a byte now and then is not waited for.
struct BodyReader: Sendable {
  enum Failure: Error {
    case tooLarge
    case tooSlow
  }

  /// Bytes.
  let maximum: Int
  let patience: Duration

  /// Throws a `Failure`; the connection should be closed with the answer.
  func read(_ request: Request) async throws -> ByteBuffer {
    if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > maximum { throw Failure.tooLarge }
    do {
      return try await withThrowingTaskGroup(of: ByteBuffer?.self) { group in
        group.addTask { try await request.body.collect(upTo: maximum) }
        group.addTask {
          try await Task.sleep(for: patience)
          return nil
        }
        defer { group.cancelAll() }
        guard let body = try await group.next() ?? nil else { throw Failure.tooSlow }
        return body
      }
    } catch is NIOTooManyBytesError {
      throw Failure.tooLarge
    }
  }
}
