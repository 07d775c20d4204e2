import Foundation
package import MerkleLog

/// The log's signing key in a file that only its owner may read: `PRIVATE+KEY+name+key id+base64(type ‖ seed)`, one line.
package struct SigningKeyFile: Sendable {
  package let path: String

  package init(path: String) { self.path = path }

  package var exists: Bool { access(path, F_OK) == 0 }

  /// Refuses a file that others may read.
  package func load() throws -> NoteSigner {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw failure(errno == ENOENT ? "is missing; restore it: it alone can continue the log" : "cannot be opened")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= 4096 else {
      throw failure("is not a small file")
    }
    guard status.st_mode & 0o077 == 0 else { throw failure("may be read by others; run: chmod 600 \(path)") }
    guard status.st_uid == geteuid() || status.st_uid == 0 else { throw failure("belongs to another user") }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    guard read(descriptor, &bytes, bytes.count) == bytes.count else { throw failure("cannot be read") }
    let parts = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .newlines)
      .split(separator: "+", maxSplits: 4, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 5, parts[0] == "PRIVATE", parts[1] == "KEY", let secret = Base64.decode(parts[4]),
      secret.count == 33, secret[0] == NoteKey.Kind.ed25519.rawValue
    else { throw failure("does not hold a signing key") }
    let signer = try NoteSigner(name: parts[2], seed: Array(secret[1...]))
    guard Hex.encode(signer.key.keyID) == parts[3] else { throw failure("holds a key whose id does not fit") }
    return signer
  }

  /// A new key. Refuses to replace a file; durable when this returns.
  ///
  /// - Parameter name: the log's origin: lasting, unique to this log, such as `evidence.example/production`.
  package func create(name: String) throws -> NoteSigner {
    let (signer, seed) = try NoteSigner.generate(name: name)
    let secret = Base64.encode([NoteKey.Kind.ed25519.rawValue] + seed)
    let line = "PRIVATE+KEY+\(name)+\(Hex.encode(signer.key.keyID))+\(secret)\n"
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure(errno == EEXIST ? "exists already" : "cannot be created") }
    defer { close(descriptor) }
    let bytes = Array(line.utf8)
    guard write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
      unlink(path)
      throw failure("cannot be written")
    }
    DirectoryStore.syncFolder(of: path)
    return signer
  }

  private func failure(_ problem: String) -> EvidenceError {
    EvidenceError(code: .key, message: "the evidence key file \(path) \(problem)")
  }
}
