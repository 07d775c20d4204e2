import Secrets
import Targets
import Vault

/// Makes a new secret by the policy's rules and seals it to its credential and version.
struct CandidateFactory: Sendable {
  let vault: EnvelopeVault
  let generator = SecretGenerator()

  /// Nothing is stored yet. The number and login do not collide with any version of the saga.
  func makeCandidate(
    for saga: Saga, class secretClass: SecretClass
  ) async throws -> (version: CredentialVersion, keyID: String, secret: SecretBytes) {
    let secret =
      secretClass == .keyPair
      ? KeyPair.makePrivateKey() : generator.makeSecret(SecretPolicy(length: saga.identity.policy.secretLength))
    let (version, keyID) = try await seal(
      secret, login: saga.targetIdentity.login(besides: saga.current?.login), of: saga)
    return (version, keyID, secret)
  }

  /// A secret that a target minted.
  func seal(
    _ secret: SecretBytes, login: String, of saga: Saga
  ) async throws -> (version: CredentialVersion, keyID: String) {
    let number = saga.nextNumber
    let envelope = try await vault.seal(secret, context: .version(number, of: saga.credential))
    let version = CredentialVersion(number: number, state: .candidate, login: login, envelope: envelope.bytes)
    return (version, envelope.keyID)
  }

  /// The half of a key pair that may leave.
  func publicKey(of version: CredentialVersion, of credential: CredentialID) async throws -> [UInt8] {
    guard let key = KeyPair.publicKey(of: try await open(version, of: credential)) else {
      throw LifecycleError(code: .unreadableRow, message: "version \(version.number) holds no private key")
    }
    return key
  }

  func open(_ version: CredentialVersion, of credential: CredentialID) async throws -> SecretBytes {
    guard let bytes = version.envelope else {
      throw LifecycleError(code: .noSecret, message: "the secret of version \(version.number) was destroyed")
    }
    return try await vault.open(Envelope(bytes: bytes), context: .version(version.number, of: credential))
  }
}

extension SealContext {
  /// Binds a secret to its credential and version: it opens nowhere else.
  static func version(_ number: Int32, of credential: CredentialID) -> SealContext {
    SealContext(record: credential.rawValue, version: Int(number), purpose: "credential")
  }
}
