import Secrets
import Testing

@Suite struct SecretGeneratorTests {
  private let generator = SecretGenerator()

  @Test func standardSecretsHave32CharactersOfEveryGroup() {
    for _ in 0..<200 {
      let bytes = generator.makeSecret().withBytes { Array($0) }
      #expect(bytes.count == 32)
      #expect(bytes.allSatisfy(SecretAlphabet.standard.characters.contains))
      for group in SecretAlphabet.standard.groups { #expect(bytes.contains { group.contains($0) }) }
    }
  }

  @Test func secretsDoNotRepeat() {
    let secrets = (0..<500).map { _ in generator.makeSecret().withBytes { Array($0) } }
    #expect(Set(secrets).count == secrets.count)
  }

  /// With bytes taken modulo 66, the first 58 characters would come up a third more often than the other 8.
  @Test func noCharacterIsFavoured() {
    var counts: [UInt8: Int] = [:]
    let policy = SecretPolicy(length: 128)
    for _ in 0..<2000 {
      generator.makeSecret(policy).withBytes { for byte in $0 { counts[byte, default: 0] += 1 } }
    }
    let expected = 2000.0 * 128 / 66
    #expect(counts.count == 66)
    // 3879 each, standard deviation 62: 8 % is 5 of them.
    for (_, count) in counts { #expect(abs(Double(count) - expected) < expected * 0.08) }
  }

  @Test func generatorBytesAboveTheLimitAreSkipped() {
    // 198 = 3 × 66 is the limit; then one character of each group, A a 0 -, and the last `~` over and over.
    var source = Replay(values: [255, 198, 0, 26, 52, 62, 65])
    let secret = generator.makeSecret(.standard, using: &source)
    #expect(secret == SecretBytes("Aa0-" + String(repeating: "~", count: 28)))
  }

  @Test(arguments: [15, 129, 0, -1])
  func lengthsOutsideTheRangeAreRefused(length: Int) {
    #expect(throws: SecretsError.self) { try SecretPolicy(checkedLength: length) }
    #expect(SecretPolicy.lengths.contains(SecretPolicy(length: length).length))
  }

  @Test(arguments: [
    [], [""], ["abc"], ["abcdefghijklmnopqrstuvwxyz0123456789a"], ["abcdefghijklmnopqrstuvwxyz012345é"],
  ])
  func unusableAlphabetsAreRefused(groups: [String]) {
    #expect(throws: SecretsError.self) { try SecretAlphabet(groups: groups) }
  }

  @Test func ownAlphabetsAreKept() throws {
    let alphabet = try SecretAlphabet(groups: ["abcdefghijklmnopqrstuvwxyz", "0123456789"])
    let secret = generator.makeSecret(SecretPolicy(length: 16, alphabet: alphabet))
    #expect(secret.withBytes { $0.allSatisfy(alphabet.characters.contains) })
  }
}

private struct Replay: RandomNumberGenerator {
  let values: [UInt64]
  var position = 0

  mutating func next() -> UInt64 {
    defer { position = min(position + 1, values.count - 1) }
    return values[position]
  }

  init(values: [UInt64]) { self.values = values }
}
