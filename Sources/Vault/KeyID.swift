/// The rule for key ids, which stand in key files, envelopes and messages.
enum KeyID {
  /// 1 to 64 of A–Z a–z 0–9 `.` `_` `-`.
  static func isValid(_ bytes: some Collection<UInt8>) -> Bool {
    (1...64).contains(bytes.count) && bytes.allSatisfy(isAllowed)
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
