import Foundation

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
    // Beside it, so that the last step is a rename within one file system.
    let temporary = file + ".new-\(getpid())"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure(name) }
    var offset = 0
    while offset < bytes.count {
      let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress! + offset, bytes.count - offset) }
      guard count > 0 else {
        close(descriptor)
        unlink(temporary)
        throw failure(name)
      }
      offset += count
    }
    let isSynced = fsync(descriptor) == 0
    close(descriptor)
    guard isSynced, rename(temporary, file) == 0 else {
      unlink(temporary)
      throw failure(name)
    }
    Self.syncFolder(of: file)
  }

  /// So that a new name survives a power cut too.
  static func syncFolder(of file: String) {
    let folder = file.lastIndex(of: "/").map { String(file[..<$0]) } ?? "."
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  private func failure(_ name: String) -> EvidenceError {
    EvidenceError(code: .store, message: "\(path)/\(name) cannot be written (\(String(cString: strerror(errno))))")
  }
}
