package import Secrets

/// Seals secrets into envelopes: AES-256-GCM under a data key of their own, which the key provider wraps. Storing them
/// is the caller's.
package struct EnvelopeVault: Sendable {
  private let keys: any KeyProvider

  package init(keys: any KeyProvider) {
    self.keys = keys
  }

  /// The key new envelopes are sealed under.
  package var currentKeyID: String { keys.currentKeyID }

  /// Two seals of the same secret differ in every field. Throws `.secretTooLong` above `Envelope.maximumSecretLength`.
  package func seal(_ secret: SecretBytes, context: SealContext) async throws(VaultError) -> Envelope {
    guard secret.count <= Envelope.maximumSecretLength else {
      throw VaultError(
        code: .secretTooLong,
        message: """
          A secret of \(secret.count) bytes does not fit an envelope, which holds \(Envelope.maximumSecretLength). \
          Keep large material elsewhere and seal its key.
          """)
    }
    let additionalData = context.canonicalBytes
    let dataKey = SecretBytes.random(count: 32)
    let box = SealedBox(sealing: secret, key: dataKey, additionalData: additionalData)
    return Envelope(wrapped: try await keys.wrap(dataKey, context: additionalData), box: box)
  }

  /// Throws what `KeyProvider.unwrap` throws, and `.notAuthentic`.
  package func open(_ envelope: Envelope, context: SealContext) async throws(VaultError) -> SecretBytes {
    try openBox(of: envelope, context: context, dataKey: try await dataKey(of: envelope, context: context))
  }

  /// The same secret with its data key wrapped under the current key; secret, nonce and tag keep their bytes. The
  /// envelope is opened first, so that damage is not carried into a new one that looks fresh. Returns an envelope that
  /// is under the current key already as it is.
  package func rewrap(_ envelope: Envelope, context: SealContext) async throws(VaultError) -> Envelope {
    let dataKey = try await dataKey(of: envelope, context: context)
    _ = try openBox(of: envelope, context: context, dataKey: dataKey)
    if envelope.keyID == keys.currentKeyID { return envelope }
    return Envelope(wrapped: try await keys.wrap(dataKey, context: context.canonicalBytes), box: envelope.box)
  }

  private func dataKey(of envelope: Envelope, context: SealContext) async throws(VaultError) -> SecretBytes {
    let wrapped = WrappedKey(keyID: envelope.keyID, bytes: envelope.wrappedKey)
    let dataKey = try await keys.unwrap(wrapped, context: context.canonicalBytes)
    guard dataKey.count == 32 else { throw .notAuthentic(keyID: envelope.keyID) }
    return dataKey
  }

  private func openBox(
    of envelope: Envelope, context: SealContext, dataKey: SecretBytes
  ) throws(VaultError) -> SecretBytes {
    guard let secret = envelope.box.open(key: dataKey, additionalData: context.canonicalBytes) else {
      throw .notAuthentic(keyID: envelope.keyID)
    }
    return secret
  }
}

extension VaultError {
  static func notAuthentic(keyID: String) -> VaultError {
    VaultError(
      code: .notAuthentic,
      message: """
        An envelope under key \(keyID) was changed, or belongs to another record, version or purpose. The key itself \
        fits. Restore the record from a backup, or rotate the credential.
        """,
      keyID: keyID)
  }
}
