import Foundation
import Secrets

/// What a host remembers of the database outside of it: a small JSON file, replaced in one durable step.
///
///     {"incarnation":"1b4e28ba-2fa1-41d2-883f-0016d3cca427","mark":4711}
struct IncarnationFile: Sendable {
  static let maximumSize = 4096

  let path: String

  struct Record: Sendable, Equatable, Codable {
    let incarnation: UUID
    let mark: Int64
  }

  /// Nil when there is none. Throws `incarnationFile` for one that cannot be read: guessing would be worse than asking.
  func read() throws(LifecycleError) -> Record? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw unusable("could not be opened: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: Self.maximumSize + 1)
    let count = buffer.withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress, $0.count) }
    guard count >= 0 else { throw unusable("could not be read: \(String(cString: strerror(errno)))") }
    guard count <= Self.maximumSize,
      let record = try? JSONDecoder().decode(Record.self, from: Data(buffer.prefix(count))),
      record.mark >= 1
    else { throw unusable("is not an incarnation file") }
    return record
  }

  /// On disk when it returns.
  func write(_ record: Record) throws(LifecycleError) {
    let text = "{\"incarnation\":\"\(record.incarnation.uuidString.lowercased())\",\"mark\":\(record.mark)}\n"
    do {
      try DurableFile(path: path, mode: 0o644).write(Array(text.utf8), .replace)
    } catch {
      // A crash now brings the file of before, whose mark is lower: harmless.
      if case .notDurable = error { return }
      throw unusable("\(error)")
    }
  }

  private func unusable(_ what: String) -> LifecycleError {
    LifecycleError(
      code: .incarnationFile,
      message:
        "the incarnation file \(path) \(what); correct its permissions, or remove it and confirm the database with "
        + "`keyturn incarnation confirm`")
  }
}
