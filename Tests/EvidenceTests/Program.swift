import Foundation
import TestSupport

/// The programs as an operator or an auditor starts them.
enum Program {
  struct Ended {
    let code: Int32
    let output: String
    let errors: String

    /// The printed object.
    func object() throws -> [String: Any] {
      try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any] ?? [:]
    }

    /// The printed rows.
    func rows() throws -> [[String: Any]] {
      try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]] ?? []
    }
  }

  static let folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
  static let python = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("deploy/audit/keyturn_verify.py").path

  static func keyturn(_ arguments: [String], environment: [String: String] = [:]) async throws -> Ended {
    try await run(folder.appendingPathComponent("keyturn").path, arguments, environment: environment)
  }

  static func verify(_ arguments: [String]) async throws -> Ended {
    try await run(folder.appendingPathComponent("keyturn-verify").path, arguments)
  }

  static func secondVerifier(_ arguments: [String]) async throws -> Ended {
    try await run("/usr/bin/env", ["python3", "-B", python] + arguments)
  }

  /// - Parameter megabytes: of address space that it may have; nil: as much as there is.
  static func run(
    _ path: String, _ arguments: [String], environment: [String: String] = [:], megabytes: Int? = nil
  ) async throws -> Ended {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: megabytes == nil ? path : "/usr/bin/prlimit")
    process.arguments = (megabytes.map { ["--as=\($0 << 20)", path] } ?? []) + arguments
    process.environment = ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"]
      .merging(environment) { $1 }
    let scratch = try TestFolder.make("keyturn-program")
    defer { _ = try? FileManager.default.removeItem(atPath: scratch) }
    for name in ["out", "err"] { try Data().write(to: URL(fileURLWithPath: scratch + "/" + name)) }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle(forWritingAtPath: scratch + "/out")
    process.standardError = FileHandle(forWritingAtPath: scratch + "/err")
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      process.terminationHandler = { _ in continuation.resume() }
      do { try process.run() } catch { continuation.resume(throwing: error) }
    }
    func text(_ name: String) throws -> String { try String(contentsOfFile: scratch + "/" + name, encoding: .utf8) }
    return Ended(code: process.terminationStatus, output: try text("out"), errors: try text("err"))
  }
}
