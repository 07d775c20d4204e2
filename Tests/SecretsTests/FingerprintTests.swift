import Secrets
import Testing

@Suite struct FingerprintTests {
  /// RFC 4231 §4.2, test case 1.
  @Test func agreesWithTheRFC() {
    let key = SecretBytes(copying: [UInt8](repeating: 0x0B, count: 20))
    let expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    #expect(Fingerprint(of: SecretBytes("Hi There"), key: key).hex == expected)
    #expect(Fingerprint(hex: expected) == Fingerprint(of: SecretBytes("Hi There"), key: key))
  }

  @Test func differsByKeyAndSecret() {
    let key = SecretBytes.random(count: 32)
    let print = Fingerprint(of: SecretBytes("a"), key: key)
    #expect(print != Fingerprint(of: SecretBytes("b"), key: key))
    #expect(print != Fingerprint(of: SecretBytes("a"), key: .random(count: 32)))
  }

  @Test(arguments: ["", "ab", String(repeating: "G", count: 64), String(repeating: "A", count: 64)])
  func otherTextIsNoFingerprint(text: String) {
    #expect(Fingerprint(hex: text) == nil)
  }

  @Test func equalBytesAreFoundEqual() {
    #expect(ConstantTime.areEqual([1, 2], [1, 2]))
    #expect(!ConstantTime.areEqual([1, 2], [1, 3]))
    #expect(!ConstantTime.areEqual([1, 2], [1]))
    #expect(ConstantTime.areEqual([], []))
  }
}
