import Foundation

/// What somebody signs with their SSH key. A signature for one is none for another.
package enum SignaturePurpose: String, Sendable {
  case approval = "keyturn-approval"
  case waiver = "keyturn-waiver"

  /// Of `ssh-keygen -Y sign -n`.
  package var namespace: String { rawValue }
}

/// Somebody's SSH signature over a digest, checked. Only `SignatureCheck` makes one.
package struct VerifiedSignature: Sendable {
  package let person: PersonID
  package let digest: RequestDigest
  package let purpose: SignaturePurpose
  /// Armored, as `ssh-keygen -Y sign` writes it.
  package let text: String

  fileprivate init(person: PersonID, digest: RequestDigest, purpose: SignaturePurpose, text: String) {
    self.person = person
    self.purpose = purpose
    self.digest = digest
    self.text = text
  }
}

/// Checks signatures with OpenSSH's `ssh-keygen -Y verify`.
///
/// The signed bytes are the digest in lower-case hexadecimal and a line feed; the namespace is `keyturn-approval`, or
/// `keyturn-waiver`, so that a signature made for anything else is none:
///
///     printf '%s\n' DIGEST | ssh-keygen -Y sign -n keyturn-approval -f ~/.ssh/id_ed25519
package struct SignatureCheck: Sendable {
  private let program: String

  package init(program: String = "/usr/bin/ssh-keygen") { self.program = program }

  package static func signedBytes(_ digest: RequestDigest) -> [UInt8] { Array("\(digest)\n".utf8) }

  /// - Parameter keys: the person's registered public keys.
  /// Throws `.refused` with `signature_invalid` unless one of them made the signature over this digest.
  package func verify(
    _ signature: String, over digest: RequestDigest, by person: PersonID, keys: [String],
    for purpose: SignaturePurpose = .approval
  ) async throws -> VerifiedSignature {
    guard signature.utf8.count <= 16_384, signature.contains("-----BEGIN SSH SIGNATURE-----"), !keys.isEmpty else {
      throw GovernanceError.refused([.signatureInvalid])
    }
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("keyturn-signature-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    defer {
      // A folder that stays holds public data only.
      _ = try? FileManager.default.removeItem(at: folder)
    }
    let allowed = keys.map { "signer namespaces=\"\(purpose.namespace)\" \($0)\n" }.joined()
    let allowedFile = folder.appendingPathComponent("allowed")
    let signatureFile = folder.appendingPathComponent("signature")
    try Data(allowed.utf8).write(to: allowedFile)
    try Data(signature.utf8).write(to: signatureFile)
    let outcome = try await ExternalCommand(
      [
        program, "-Y", "verify", "-f", allowedFile.path, "-I", "signer", "-n", purpose.namespace, "-s",
        signatureFile.path,
      ]
    ).run(input: Self.signedBytes(digest))
    guard outcome.status == 0 else { throw GovernanceError.refused([.signatureInvalid]) }
    return VerifiedSignature(person: person, digest: digest, purpose: purpose, text: signature)
  }

  /// A line of an authorized_keys file, type and key only; the comment is dropped, options are refused.
  package static func normalizedKey(_ line: String) throws(GovernanceError) -> String {
    let line = try FieldRule.text(line, field: "public key", maximum: 4096)
    let parts = line.split(separator: " ", omittingEmptySubsequences: true)
    let types = [
      "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa",
      "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
    ]
    guard parts.count >= 2, types.contains(String(parts[0])), let key = Data(base64Encoded: String(parts[1])),
      key.count >= 32
    else {
      throw FieldRule.invalid("public key", "a line as in id_ed25519.pub: a type, a key and perhaps a comment")
    }
    return "\(parts[0]) \(parts[1])"
  }
}
