package import Targets

/// A kind of simulated target with an identity on it. One is drawn for each schedule.
package struct Landscape: Sendable, CustomStringConvertible {
  package let name: String
  package let traits: TargetTraits
  package let mode: LoginMode

  package var description: String { name }

  init(
    _ name: String, _ secretClass: SecretClass, _ mode: LoginMode = .single, slots: SecretSlots = .one,
    fences: Bool = true, lockout: Int? = nil
  ) {
    self.name = name
    self.mode = mode
    traits = TargetTraits(
      secretClass: secretClass, fencesOnTarget: fences, slots: slots,
      lockout: lockout.map { LockoutRule(threshold: $0, window: 1800) })
  }

  /// Every class, with and without a fence on the target, and with a threshold of 3 where logins are locked.
  package static let all: [Landscape] = [
    Landscape("overwrite, two logins", .overwrite, .alternating),
    Landscape("overwrite, two logins, no fence", .overwrite, .alternating, fences: false),
    Landscape("overwrite, two logins, locks at 3", .overwrite, .alternating, lockout: 3),
    Landscape("overwrite, one login", .overwrite),
    Landscape("overwrite, one login, no fence, locks at 3", .overwrite, fences: false, lockout: 3),
    Landscape("self-change", .selfChange),
    Landscape("self-change, no fence", .selfChange, fences: false),
    Landscape("self-change, locks at 3", .selfChange, lockout: 3),
    Landscape("minted, two slots", .minted, slots: .two),
    Landscape("minted, many slots, no fence", .minted, slots: .many, fences: false),
    Landscape("key pair, many slots", .keyPair, slots: .many),
    Landscape("key pair, two slots, no fence", .keyPair, slots: .two, fences: false),
    Landscape("key pair, one slot", .keyPair),
  ]
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers for the same seed, on every machine.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  package mutating func chance(_ share: Double) -> Bool { Double.random(in: 0..<1, using: &self) < share }

  package mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int.random(in: 0..<elements.count, using: &self)]
  }
}
