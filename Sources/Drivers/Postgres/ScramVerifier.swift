import Crypto
import CryptoExtras
import Foundation
import Postgres
import Secrets

/// What the server stores of a secret, from which it cannot be read: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`
/// (RFC 5803, keys of RFC 5802 §3).
///
/// Computed here for ASCII and not by libpq, which takes five times as long for the same (it looks up the digest anew for each
/// of the iterations), and before 16 does not know how many the server wants. Other secrets are libpq's: they have to be
/// normalised first (SASLprep, RFC 4013).
struct ScramVerifier {
  let iterations: Int
  let salt: [UInt8]

  /// Of the salt, in bytes (SCRAM_DEFAULT_SALT_LEN, common/scram-common.h).
  private static let saltLength = 16

  init(iterations: Int, salt: [UInt8]? = nil) {
    self.iterations = iterations
    self.salt = salt ?? SecretBytes.random(count: Self.saltLength).withBytes(Array.init)
  }

  /// Nil: a secret that is empty, holds NUL, or is not ASCII.
  func text(of secret: SecretBytes) -> String? {
    secret.withBytes { bytes in
      guard !bytes.isEmpty, bytes.allSatisfy({ (1...127).contains($0) }),
        let salted = try? KDF.Insecure.PBKDF2.deriveKey(
          from: bytes, salt: salt, using: .sha256, outputByteCount: SHA256.byteCount, unsafeUncheckedRounds: iterations)
      else { return nil }
      let storedKey = SHA256.hash(data: Data(Self.key("Client Key", salted)))
      let serverKey = Self.key("Server Key", salted)
      return "SCRAM-SHA-256$\(iterations):\(Self.base64(salt))$\(Self.base64(storedKey)):\(Self.base64(serverKey))"
    }
  }

  private static func key(_ name: String, _ salted: SymmetricKey) -> HMAC<SHA256>.MAC {
    HMAC<SHA256>.authenticationCode(for: Data(name.utf8), using: salted)
  }

  private static func base64(_ bytes: some Sequence<UInt8>) -> String { Data(bytes).base64EncodedString() }
}

extension PostgresConnection {
  /// As many iterations as the server asks of new secrets.
  nonisolated func verifier(of secret: SecretBytes, for login: String) async throws -> String {
    if let text = ScramVerifier(iterations: await scramIterations).text(of: secret) { return text }
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: secret.count, alignment: 1)
    defer {
      SecretBytes.wipe(copy)
      copy.deallocate()
    }
    secret.withBytes { copy.copyMemory(from: $0) }
    return try await scramVerifier(user: login, password: UnsafeRawBufferPointer(copy))
  }
}
