import Foundation
package import MerkleLog
import Secrets

/// The log's signing key in a file that only its owner may read: `PRIVATE+KEY+name+key id+base64(type ‖ seed)`, one line.
package struct SigningKeyFile: Sendable {
  package let path: String

  package init(path: String) { self.path = path }

  package var exists: Bool { access(path, F_OK) == 0 }

  private var file: PrivateFile { PrivateFile(path: path, maximumSize: 4096) }

  /// Refuses a file that others may read.
  package func load() throws -> NoteSigner {
    let content: SecretBytes
    do { content = try file.read() } catch { throw failure(error) }
    let text = content.withBytes { String(decoding: $0, as: UTF8.self) }
    let parts = text.trimmingCharacters(in: .newlines)
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
    do { try file.write(SecretBytes(line), .create) } catch { throw failure(error) }
    return signer
  }

  private func failure(_ trouble: FileTrouble) -> EvidenceError {
    switch trouble {
    case .missing: failure("is missing; restore it: it alone can continue the log")
    case .permissions: failure("may be read by others; run: chmod 600 \(path)")
    case .exists, .notSmall, .owner, .notDurable, .failed: failure("\(trouble)")
    }
  }

  private func failure(_ problem: String) -> EvidenceError {
    EvidenceError(code: .key, message: "the evidence key file \(path) \(problem)")
  }
}
