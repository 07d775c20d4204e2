import Foundation
import Secrets
import Testing
import Vault

@Suite struct EnvelopeVaultTests {
  private let folder: TemporaryFolder
  private let keys: LocalKeyProvider
  private let vault: EnvelopeVault
  private let context = SealContext(record: UUID(), version: 3, purpose: "credential")
  private let secret = SecretBytes("canary-secret")

  init() throws {
    folder = try TemporaryFolder()
    keys = try LocalKeyProvider.create(path: folder.file())
    vault = EnvelopeVault(keys: keys)
  }

  @Test func opensWhatItSealed() async throws {
    for length in [0, 1, 13, 14, 15, 16, 32, 4096, Envelope.maximumSecretLength] {
      let secret = SecretBytes.random(count: length)
      let stored = try await vault.seal(secret, context: context).bytes
      #expect(try await vault.open(Envelope(bytes: stored), context: context) == secret)
    }
  }

  @Test func refusesASecretThatDoesNotFit() async {
    await expect(.secretTooLong) {
      _ = try await vault.seal(.random(count: Envelope.maximumSecretLength + 1), context: context)
    }
  }

  @Test func sealingTwiceSharesNoNonceAndNoCiphertext() async throws {
    let first = try await vault.seal(secret, context: context)
    let second = try await vault.seal(secret, context: context)
    #expect(first != second)
    #expect(first.bytes.suffix(29 + 12) != second.bytes.suffix(29 + 12))
  }

  @Test func envelopesHoldNeitherSecretNorSayMoreThanTheirKey() async throws {
    let envelope = try await vault.seal(secret, context: context)
    #expect(!String(decoding: envelope.bytes, as: UTF8.self).contains("canary"))
    var dumped = ""
    dump(envelope, to: &dumped)
    #expect(envelope.keyID == keys.currentKeyID)
    #expect("\(envelope)" == "envelope under key \(keys.currentKeyID), \(envelope.bytes.count) bytes")
    #expect(dumped.count < 100)
  }

  @Test func doesNotOpenInAnotherPlace() async throws {
    let envelope = try await vault.seal(secret, context: context)
    let others = [
      SealContext(record: UUID(), version: 3, purpose: "credential"),
      SealContext(record: context.record, version: 4, purpose: "credential"),
      SealContext(record: context.record, version: 3, purpose: "target"),
      SealContext(record: context.record, version: 3, purpose: ""),
    ]
    for other in others {
      await expect(.notAuthentic) { _ = try await vault.open(envelope, context: other) }
      await expect(.notAuthentic) { _ = try await vault.rewrap(envelope, context: other) }
    }
  }

  @Test func theFormatIsTheDocumentedOne() async throws {
    let bytes = try await vault.seal(secret, context: context).bytes
    let id = Array(keys.currentKeyID.utf8)
    #expect(Array(bytes[0..<6]) == [0x4B, 0x54, 0x45, 0x4E, 1, UInt8(id.count)])
    #expect(Array(bytes[6..<6 + id.count]) == id)
    #expect(Array(bytes[(6 + id.count)..<(8 + id.count)]) == [0, 68])
    #expect(Array(bytes[(88 + id.count)..<(92 + id.count)]) == [0, 0, 0, 13])
    #expect(bytes.count == 24 + id.count + 68 + 13 + 16)
  }

  @Test func everyTruncationIsMalformed() async throws {
    let bytes = try await vault.seal(secret, context: context).bytes
    for length in 0..<bytes.count {
      #expect(throws: VaultError(code: .malformedEnvelope, message: "")) {
        try Envelope(bytes: Array(bytes.prefix(length)))
      }
    }
    #expect(throws: VaultError(code: .malformedEnvelope, message: "")) { try Envelope(bytes: bytes + [0]) }
  }

  @Test func everyFlippedBitIsNoticed() async throws {
    let bytes = try await vault.seal(secret, context: context).bytes
    for bit in 0..<bytes.count * 8 {
      var changed = bytes
      changed[bit / 8] ^= 1 << (bit % 8)
      do {
        _ = try await vault.open(Envelope(bytes: changed), context: context)
        Issue.record("bit \(bit) was flipped and the envelope opened")
      } catch {
        #expect([.malformedEnvelope, .unknownKey, .wrongKey, .notAuthentic].contains(error.code))
        #expect(!error.description.contains("canary"))
      }
    }
  }

  @Test func rewrapReplacesOnlyTheWrappedKey() async throws {
    let old = try await vault.seal(secret, context: context)
    let rotated = try EnvelopeVault(keys: keys.addingKey())
    let new = try await rotated.rewrap(old, context: context)
    #expect(new.keyID == rotated.currentKeyID)
    #expect(new.keyID != old.keyID)
    let tail = 12 + 4 + secret.count + 16
    #expect(new.bytes.suffix(tail) == old.bytes.suffix(tail))
    #expect(try await rotated.open(new, context: context) == secret)
    #expect(try await rotated.open(old, context: context) == secret)
    #expect(try await rotated.rewrap(new, context: context) == new)
  }

  @Test func anUnknownKeyIsNamedWithTheRemedy() async throws {
    let envelope = try await EnvelopeVault(keys: keys.addingKey()).seal(secret, context: context)
    let error = await #expect(throws: VaultError.self) { try await vault.open(envelope, context: context) }
    #expect(error?.code == .unknownKey)
    #expect(error?.keyID == envelope.keyID)
    #expect(error?.message.contains(envelope.keyID) == true)
    #expect(error?.message.contains("No secret is lost") == true)
  }

  @Test func otherMaterialUnderTheSameIDIsAWrongKey() async throws {
    let envelope = try await vault.seal(secret, context: context)
    let other = Data(repeating: 7, count: 32).base64EncodedString()
    let path = try folder.write("\(envelope.keyID) \(other)\n", to: "other")
    let wrong = EnvelopeVault(keys: try LocalKeyProvider.load(path: path))
    let error = await #expect(throws: VaultError.self) { try await wrong.open(envelope, context: context) }
    #expect(error?.code == .wrongKey)
    #expect(error?.message.contains(envelope.keyID) == true)
    #expect(error?.message.contains("No secret is lost") == true)
    #expect(error?.description.contains(other) == false)
  }

  private func expect(_ code: VaultError.Code, _ body: () async throws -> Void) async {
    do {
      try await body()
      Issue.record("it succeeded instead of failing with \(code)")
    } catch {
      #expect((error as? VaultError)?.code == code)
    }
  }
}
