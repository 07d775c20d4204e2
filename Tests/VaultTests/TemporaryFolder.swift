import Foundation

/// A folder under /tmp that goes with the value.
final class TemporaryFolder: Sendable {
  let path = "/tmp/keyturn-vault-\(UUID().uuidString)"

  init() throws {
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String = "keys") -> String { "\(path)/\(name)" }

  func write(_ text: String, mode: Int = 0o600, to name: String = "keys") throws -> String {
    try text.write(toFile: file(name), atomically: false, encoding: .utf8)
    try setMode(mode, of: name)
    return file(name)
  }

  func setMode(_ mode: Int, of name: String = "keys") throws {
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file(name))
  }

  func text(_ name: String = "keys") throws -> String { try String(contentsOfFile: file(name), encoding: .utf8) }

  var names: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() } }
}
