import Foundation

/// A person's key, and signatures as they make them on their own machine.
package struct SSHKey: Sendable {
  package let folder: String
  /// A line as in id_ed25519.pub.
  package let publicKey: String

  package var publicKeyFile: String { folder + "/key.pub" }

  package static func make() throws -> SSHKey {
    let folder = try TestFolder.make("keyturn-ssh")
    try run(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", folder + "/key"])
    return SSHKey(folder: folder, publicKey: try String(contentsOfFile: folder + "/key.pub", encoding: .utf8))
  }

  /// Armored.
  package func sign(_ bytes: [UInt8], namespace: String = "keyturn-approval") throws -> String {
    let file = folder + "/message-\(UUID().uuidString)"
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    try Self.run(["-q", "-Y", "sign", "-n", namespace, "-f", folder + "/key", file])
    return try String(contentsOfFile: file + ".sig", encoding: .utf8)
  }

  package func remove() { _ = try? FileManager.default.removeItem(atPath: folder) }

  private static func run(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/ssh-keygen")
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw CocoaError(.fileWriteUnknown) }
  }
}
