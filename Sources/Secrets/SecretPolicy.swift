/// The password rules of a target.
package struct SecretPolicy: Sendable, Equatable {
  package static let lengths = 16...128

  /// 32 characters of `SecretAlphabet.standard`: 193 bits.
  package static let standard = SecretPolicy(uncheckedLength: 32, alphabet: .standard)

  /// In characters, all of them one ASCII byte; `lengths`, default 32.
  package let length: Int
  package let alphabet: SecretAlphabet

  /// A length outside `lengths` becomes the nearest one inside: a stored length must not stop a rotation. Where a person
  /// chooses it, use `init(checkedLength:)`.
  package init(length: Int = 32, alphabet: SecretAlphabet = .standard) {
    self.init(
      uncheckedLength: min(max(length, Self.lengths.lowerBound), Self.lengths.upperBound), alphabet: alphabet)
  }

  /// Throws `.invalidPolicy` when the length is outside `lengths`.
  package init(checkedLength length: Int, alphabet: SecretAlphabet = .standard) throws(SecretsError) {
    guard Self.lengths.contains(length) else {
      throw SecretsError(
        code: .invalidPolicy,
        message: "A secret of \(length) characters is not allowed. Choose a length from 16 to 128.")
    }
    self.init(uncheckedLength: length, alphabet: alphabet)
  }

  private init(uncheckedLength length: Int, alphabet: SecretAlphabet) {
    self.length = length
    self.alphabet = alphabet
  }
}

/// The characters of a secret, in groups; a secret has at least one character of each group, since many targets refuse
/// one without a digit or a symbol.
package struct SecretAlphabet: Sendable, Equatable {
  /// A–Z, a–z, 0–9 and `-._~`: RFC 3986's unreserved characters, which need no quoting in a URL, a shell word or SQL.
  package static let standard = SecretAlphabet(unchecked: letters + ["0123456789", "-._~"])
  /// For targets that refuse symbols.
  package static let alphanumeric = SecretAlphabet(unchecked: letters + ["0123456789"])

  private static let letters = ["ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"]

  package let groups: [[UInt8]]

  /// Throws `.invalidPolicy` unless there are 1 to 8 groups, none empty, of printable ASCII without the space, no
  /// character twice, and at least 32 characters in all, so that the shortest secret has 80 bits.
  package init(groups: [String]) throws(SecretsError) {
    self.init(unchecked: groups)
    let all = characters
    guard (1...8).contains(groups.count), !groups.contains(""), all.count >= 32, Set(all).count == all.count,
      all.allSatisfy({ (0x21...0x7E).contains($0) })
    else {
      throw SecretsError(
        code: .invalidPolicy,
        message: """
          The alphabet of a secret is not usable. Give 1 to 8 groups of printable ASCII characters, without the space, \
          each character once, at least 32 in all.
          """)
    }
  }

  private init(unchecked groups: [String]) {
    self.groups = groups.map { Array($0.utf8) }
  }

  package var characters: [UInt8] { groups.flatMap(\.self) }
}
