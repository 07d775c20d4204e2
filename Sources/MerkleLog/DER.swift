/// As much of ITU-T X.690's distinguished encoding as time stamps need: definite lengths of at most four bytes, tags of one
/// byte. What is read comes from strangers, so that every length is checked before it is believed.
struct DER: Equatable {
  static let boolean: UInt8 = 0x01
  static let integer: UInt8 = 0x02
  static let bits: UInt8 = 0x03
  static let octets: UInt8 = 0x04
  static let object: UInt8 = 0x06
  static let generalizedTime: UInt8 = 0x18
  static let sequence: UInt8 = 0x30
  static let set: UInt8 = 0x31

  let tag: UInt8
  /// Without tag and length.
  let content: ArraySlice<UInt8>
  /// With them.
  let whole: ArraySlice<UInt8>

  // MARK: Reading

  /// One value that takes all of `bytes`.
  init(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    self = try Self.next(&rest)
    guard rest.isEmpty else { throw FormatError("there is more after the DER value") }
  }

  private init(tag: UInt8, content: ArraySlice<UInt8>, whole: ArraySlice<UInt8>) {
    self.tag = tag
    self.content = content
    self.whole = whole
  }

  private static func next(_ rest: inout ArraySlice<UInt8>) throws -> DER {
    let all = rest
    guard let tag = rest.popFirst(), tag & 0x1F != 0x1F, let first = rest.popFirst() else {
      throw FormatError("a DER value ends too early, or has a long tag")
    }
    var length = Int(first)
    if first >= 0x80 {
      let count = Int(first & 0x7F)
      guard (1...4).contains(count), rest.count >= count else {
        throw FormatError("a DER value has no definite length of at most four bytes")
      }
      length = rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
      rest = rest.dropFirst(count)
    }
    guard length <= rest.count else { throw FormatError("a DER value is longer than what is there") }
    let content = rest.prefix(length)
    rest = rest.dropFirst(length)
    return DER(tag: tag, content: content, whole: all.prefix(rest.startIndex - all.startIndex))
  }

  /// The values within; at most a thousand.
  func parts() throws -> [DER] {
    var rest = content
    var parts: [DER] = []
    while !rest.isEmpty {
      guard parts.count < 1000 else { throw FormatError("a DER value has too many parts") }
      parts.append(try Self.next(&rest))
    }
    return parts
  }

  func parts(of tag: UInt8, _ what: StaticString) throws -> [DER] {
    guard self.tag == tag else { throw FormatError("\(what) is not where it must be") }
    return try parts()
  }

  func bytes(of tag: UInt8, _ what: StaticString) throws -> [UInt8] {
    guard self.tag == tag else { throw FormatError("\(what) is not where it must be") }
    return Array(content)
  }

  /// Dotted decimal. Nil for what is no object identifier.
  var objectID: String? {
    guard tag == Self.object, let first = content.first, first < 0x80 else { return nil }
    var parts = [UInt64(min(first / 40, 2)), UInt64(first) - 40 * UInt64(min(first / 40, 2))]
    var value: UInt64 = 0
    for byte in content.dropFirst() {
      guard value < 1 << 50 else { return nil }
      value = value << 7 | UInt64(byte & 0x7F)
      if byte < 0x80 {
        parts.append(value)
        value = 0
      }
    }
    return parts.map(String.init).joined(separator: ".")
  }

  // MARK: Writing

  static func encode(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
    var length = [UInt8(content.count & 255)]
    if content.count >= 0x80 {
      var rest = content.count >> 8
      while rest > 0 {
        length.insert(UInt8(rest & 255), at: 0)
        rest >>= 8
      }
      length.insert(0x80 | UInt8(length.count), at: 0)
    }
    return [tag] + length + content
  }

  static func encode(_ tag: UInt8, _ parts: [[UInt8]]) -> [UInt8] { encode(tag, parts.flatMap { $0 }) }

  /// An integer that is not negative, of big-endian bytes.
  static func encode(unsigned bytes: [UInt8]) -> [UInt8] {
    let digits = Array(bytes.drop { $0 == 0 })
    return encode(integer, (digits.first ?? 0x80) >= 0x80 ? [0] + digits : digits)
  }

  static func encode(objectID: String) -> [UInt8] {
    let numbers = objectID.split(separator: ".").compactMap { UInt64($0) }
    var content = [UInt8(numbers[0] * 40 + numbers[1])]
    for number in numbers.dropFirst(2) {
      var digits = [UInt8(number & 0x7F)]
      var rest = number >> 7
      while rest > 0 {
        digits.insert(UInt8(rest & 0x7F) | 0x80, at: 0)
        rest >>= 7
      }
      content += digits
    }
    return encode(object, content)
  }
}
