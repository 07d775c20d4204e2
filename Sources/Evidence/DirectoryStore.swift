import Foundation
import Secrets

/// Where a log is published: files by path. A file is there whole or not at all.
package protocol LogStore: CheckpointSource {
  /// Nil when there is none.
  func read(_ path: String) async throws -> [UInt8]?
  /// Durable when it returns. Replaces what is there.
  func write(_ path: String, _ bytes: [UInt8]) async throws
}

extension LogStore {
  package static var checkpointPath: String { "checkpoint" }

  package func newestCheckpoint() async throws -> String? {
    guard let bytes = try await read(Self.checkpointPath) else { return nil }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw EvidenceError(code: .store, message: "the checkpoint in \(description) is not text")
    }
    return text
  }
}

/// A folder, which any web server can serve as it is.
package struct DirectoryStore: LogStore {
  package let path: String

  package init(path: String) { self.path = path }

  package var description: String { "the folder \(path)" }

  package func read(_ name: String) async throws -> [UInt8]? {
    do {
      return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path + "/" + name)))
    } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
      return nil
    } catch {
      throw EvidenceError(code: .store, message: "\(path)/\(name) cannot be read: \(error)")
    }
  }

  package func write(_ name: String, _ bytes: [UInt8]) async throws {
    let file = path + "/" + name
    let folder = String(file[..<file.lastIndex(of: "/")!])
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw EvidenceError(code: .store, message: "the folder \(folder) cannot be made: \(error)")
    }
    do {
      try DurableFile(path: file, mode: 0o644).write(bytes, .replace)
    } catch {
      throw EvidenceError(code: .store, message: "\(path)/\(name) cannot be written (\(error))")
    }
  }
}
