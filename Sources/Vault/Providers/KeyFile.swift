// The key file: text, one key a line.
//
//   # a comment; empty lines are allowed as well
//   <key id> <base64 of 32 bytes>
//
// The last key is the current one. Key ids are unique and are never used again: an envelope names its key by id. Mode
// 0600, owned by the user who runs the program or by root. A new key is appended to a copy that replaces the file in one
// step, under a lock on the folder; a line is never removed here.

import Foundation
import Secrets

/// Reads and extends a key file. What it reads is kept in `SecretBytes` and wiped.
struct KeyFile {
  private let file: PrivateFile

  init(path: String) {
    file = PrivateFile(path: path, maximumSize: 1 << 20)
  }

  func load() throws(VaultError) -> [LocalKey] {
    try parse(read())
  }

  func create() throws(VaultError) -> [LocalKey] {
    let header = """
      # Keyturn's keys, which open every stored secret. Keep a copy elsewhere: without it the secrets are lost.
      # One key a line. The last one is in use; the others open what they sealed.

      """
    let key = newKey(number: 1)
    try write(line(of: key, after: SecretBytes(header)), .create)
    return [key]
  }

  func addKey() throws(VaultError) -> [LocalKey] {
    // A key that was lost to a concurrent replacement would take its envelopes with it.
    try file.withLockedFolder(or: error) { () throws(VaultError) in
      let content = try read()
      let keys = try parse(content)
      let key = newKey(number: keys.count + 1)
      try write(line(of: key, after: content), .replace)
      return keys + [key]
    }
  }

  private func read() throws(VaultError) -> SecretBytes {
    do { return try file.read() } catch { throw self.error(error) }
  }

  private func write(_ content: SecretBytes, _ step: DurableFile.Step) throws(VaultError) {
    do { try file.write(content, step) } catch { throw self.error(error) }
  }

  private func error(_ trouble: FileTrouble) -> VaultError {
    let path = file.path
    return switch trouble {
    case .missing:
      VaultError(
        code: .keyFileMissing,
        message: """
          There is no key file at \(path). Restore it from your copy, or correct the path. Make a new one only if no \
          secret was ever stored: it opens none of the old ones.
          """)
    case .exists:
      VaultError(
        code: .keyFileExists,
        message:
          "There is a file at \(path) already, and a key file is never overwritten. Use it, or choose another path.")
    case .notSmall:
      VaultError(
        code: .keyFileInvalid,
        message: "The key file \(path) is not a regular file of at most 1 MiB. Give the path of the key file.")
    case .permissions(let mode):
      VaultError(
        code: .keyFilePermissions,
        message:
          "The key file \(path) has mode 0\(String(mode, radix: 8)), so that others may use it. Run: chmod 600 '\(path)'"
      )
    case .owner(let owner):
      VaultError(
        code: .keyFilePermissions,
        message: """
          The key file \(path) belongs to user \(owner) and this program runs as user \(geteuid()). \
          Run: chown \(geteuid()) '\(path)'
          """)
    case .notDurable, .failed:
      VaultError(
        code: .keyFileUnusable,
        message: """
          The key file \(path) \(trouble). Check its folder, and that the user \(geteuid()) may use both.
          """)
    }
  }

  private func newKey(number: Int) -> LocalKey {
    // The random part keeps keys of two installations apart, whose files may meet in one restore.
    let suffix = String(UInt32.random(in: 0x1000_0000...UInt32.max), radix: 16)
    return LocalKey(id: "key-\(number)-\(suffix)", material: .random(count: 32))
  }

  private func line(of key: LocalKey, after content: SecretBytes) -> SecretBytes {
    content.withBytes { content in
      key.material.withBytes { material in
        var encoded = Data(material).base64EncodedData()
        defer { encoded.resetBytes(in: encoded.indices) }
        let start = (content.isEmpty || content.last == UInt8(ascii: "\n") ? "" : "\n") + key.id + " "
        let parts: [any Collection<UInt8>] = [content, Array(start.utf8), encoded, [UInt8(ascii: "\n")]]
        return SecretBytes(count: parts.reduce(0) { $0 + $1.count }) { memory in
          var offset = 0
          for part in parts {
            for byte in part {
              memory[offset] = byte
              offset += 1
            }
          }
        }
      }
    }
  }

  private func parse(_ content: SecretBytes) throws(VaultError) -> [LocalKey] {
    let (keys, problem) = content.withBytes(scan)
    if let problem {
      throw VaultError(
        code: .keyFileInvalid,
        message: """
          The key file \(file.path) cannot be used: \(problem). Restore it from your copy; do not make a new one.
          """)
    }
    return keys
  }

  private func scan(_ content: UnsafeRawBufferPointer) -> (keys: [LocalKey], problem: String?) {
    var keys: [LocalKey] = []
    for (index, line) in content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      let fields = line.split(whereSeparator: { Array(" \t\r".utf8).contains($0) })
      guard let first = fields.first, first.first != UInt8(ascii: "#") else { continue }
      guard fields.count == 2, KeyID.isValid(first) else { return (keys, "line \(index + 1) is not `key-id base64`") }
      let id = String(decoding: first, as: UTF8.self)
      // The id is not named: a key pasted in the wrong place would be shown.
      guard let material = decode(fields[1]) else { return (keys, "line \(index + 1) has no base64 of 32 bytes") }
      if keys.contains(where: { $0.id == id }) { return (keys, "the key id \(id) stands in it twice") }
      keys.append(LocalKey(id: id, material: material))
    }
    return (keys, keys.isEmpty ? "it holds no key" : nil)
  }

  private func decode(_ field: Slice<UnsafeRawBufferPointer>) -> SecretBytes? {
    var text = Data(field)
    defer { text.resetBytes(in: text.indices) }
    guard text.count == 44, var material = Data(base64Encoded: text) else { return nil }
    let key = SecretBytes(moving: &material)
    return key.count == 32 ? key : nil
  }
}
