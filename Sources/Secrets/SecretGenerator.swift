/// Makes secrets from the system's generator.
package struct SecretGenerator: Sendable {
  package init() {}

  /// Every secret that the policy allows is equally likely.
  package func makeSecret(_ policy: SecretPolicy = .standard) -> SecretBytes {
    var generator = BlockGenerator()
    return makeSecret(policy, using: &generator)
  }

  /// For tests, which bring their own generator.
  package func makeSecret(_ policy: SecretPolicy, using generator: inout some RandomNumberGenerator) -> SecretBytes {
    let alphabet = policy.alphabet.characters
    return SecretBytes(count: policy.length) { memory in
      // A candidate without one of the groups is thrown away whole: planting the missing character would make some
      // secrets likelier than others. With the standard policy 6 of 7 candidates pass; with 16 characters, 1 of 2.
      repeat {
        for index in memory.indices { memory[index] = Self.draw(from: alphabet, using: &generator) }
      } while !policy.alphabet.groups.allSatisfy { group in memory.contains { group.contains($0) } }
    }
  }

  /// By rejection: a byte modulo the alphabet's size would favour the first characters.
  private static func draw(from alphabet: [UInt8], using generator: inout some RandomNumberGenerator) -> UInt8 {
    let limit = 256 - 256 % alphabet.count
    while true {
      let byte = Int(generator.next() as UInt8)
      if byte < limit { return alphabet[byte % alphabet.count] }
    }
  }
}

/// The system's generator, a block at a time: asking the kernel costs more than the bytes.
private struct BlockGenerator: RandomNumberGenerator {
  private static let size = 512
  private var block = SecretBytes.random(count: size)
  private var used = 0

  mutating func next() -> UInt64 {
    if used == Self.size {
      block = .random(count: Self.size)
      used = 0
    }
    defer { used += 8 }
    return block.withBytes { $0.load(fromByteOffset: used, as: UInt64.self) }
  }
}
