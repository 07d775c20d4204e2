package import Foundation

/// JSON of which one value has one text: RFC 8785 with integers only (−2⁵³ + 1 … 2⁵³ − 1) and strings in Unicode's normal
/// form C. Object keys are in the order of their UTF-16 code units; for the ASCII keys that leaves use that is the order of
/// their bytes.
package enum CanonicalJSON: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int64)
  case string(String)
  case array([CanonicalJSON])
  case object([String: CanonicalJSON])

  package static let integers: ClosedRange<Int64> = -9_007_199_254_740_991...9_007_199_254_740_991
  /// Deeper nesting is refused.
  package static let maximumDepth = 32

  // MARK: Writing

  /// The canonical bytes. Strings are brought into normal form C. Integers are the caller's: within `integers`.
  package var bytes: [UInt8] {
    var bytes: [UInt8] = []
    append(to: &bytes)
    return bytes
  }

  package var text: String { String(decoding: bytes, as: UTF8.self) }

  package func append(to bytes: inout [UInt8]) {
    switch self {
    case .null: bytes.append(contentsOf: "null".utf8)
    case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
    case .integer(let value):
      precondition(Self.integers.contains(value), "an integer beyond 2^53")
      bytes.append(contentsOf: String(value).utf8)
    case .string(let value): Self.append(value, to: &bytes)
    case .array(let values):
      bytes.append(0x5B)
      for (index, value) in values.enumerated() {
        if index > 0 { bytes.append(0x2C) }
        value.append(to: &bytes)
      }
      bytes.append(0x5D)
    case .object(let values):
      bytes.append(0x7B)
      for (index, key) in values.keys.sorted(by: Self.precedes).enumerated() {
        if index > 0 { bytes.append(0x2C) }
        Self.append(key, to: &bytes)
        bytes.append(0x3A)
        (values[key] ?? .null).append(to: &bytes)
      }
      bytes.append(0x7D)
    }
  }

  static func precedes(_ left: String, _ right: String) -> Bool {
    left.utf16.lexicographicallyPrecedes(right.utf16)
  }

  /// RFC 8785, section 3.2.2.2: what must be escaped and nothing else.
  package static func append(_ string: String, to bytes: inout [UInt8]) {
    bytes.append(0x22)
    for byte in normalized(string).utf8 {
      switch byte {
      case 0x22: bytes.append(contentsOf: [0x5C, 0x22])
      case 0x5C: bytes.append(contentsOf: [0x5C, 0x5C])
      case 0x08: bytes.append(contentsOf: [0x5C, 0x62])
      case 0x09: bytes.append(contentsOf: [0x5C, 0x74])
      case 0x0A: bytes.append(contentsOf: [0x5C, 0x6E])
      case 0x0C: bytes.append(contentsOf: [0x5C, 0x66])
      case 0x0D: bytes.append(contentsOf: [0x5C, 0x72])
      case ..<0x20:
        bytes.append(contentsOf: "\\u00".utf8)
        bytes.append(contentsOf: Hex.encode([byte]).utf8)
      default: bytes.append(byte)
      }
    }
    bytes.append(0x22)
  }

  private static func normalized(_ string: String) -> String {
    string.utf8.allSatisfy { $0 < 0x80 } ? string : string.precomposedStringWithCanonicalMapping
  }

  // MARK: Reading

  /// Reads canonical text and nothing else. Throws what is wrong and where, in bytes from 0.
  package init(canonical bytes: some ContiguousBytes) throws {
    self = try bytes.withUnsafeBytes { memory in
      var parser = Parser(bytes: memory)
      let value = try parser.value(depth: 0)
      guard parser.place == memory.count else { throw parser.error("there is more after the value") }
      return value
    }
  }

  private struct Parser {
    let bytes: UnsafeRawBufferPointer
    var place = 0

    func error(_ problem: String) -> FormatError { FormatError("not canonical JSON at byte \(place): \(problem)") }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
      guard next == byte else { return false }
      place += 1
      return true
    }

    private mutating func take(word: StaticString, _ value: CanonicalJSON) throws -> CanonicalJSON {
      for index in 0..<word.utf8CodeUnitCount {
        guard take(word.utf8Start[index]) else { throw error("\(word) was expected") }
      }
      return value
    }

    mutating func value(depth: Int) throws -> CanonicalJSON {
      guard depth < CanonicalJSON.maximumDepth else { throw error("it is nested too deeply") }
      switch next {
      case 0x7B: return try object(depth: depth)
      case 0x5B: return try array(depth: depth)
      case 0x22: return .string(try string())
      case 0x74: return try take(word: "true", .bool(true))
      case 0x66: return try take(word: "false", .bool(false))
      case 0x6E: return try take(word: "null", .null)
      case .some(0x2D), .some(0x30...0x39): return .integer(try integer())
      default: throw error("a value was expected")
      }
    }

    private mutating func object(depth: Int) throws -> CanonicalJSON {
      place += 1
      var values: [String: CanonicalJSON] = [:]
      if take(0x7D) { return .object(values) }
      var last: String?
      repeat {
        let key = try string()
        if let last, !CanonicalJSON.precedes(last, key) { throw error("keys are not in order, or one is there twice") }
        guard take(0x3A) else { throw error("a colon was expected") }
        values[key] = try value(depth: depth + 1)
        last = key
      } while take(0x2C)
      guard take(0x7D) else { throw error("the object does not end") }
      return .object(values)
    }

    private mutating func array(depth: Int) throws -> CanonicalJSON {
      place += 1
      var values: [CanonicalJSON] = []
      if take(0x5D) { return .array(values) }
      repeat { values.append(try value(depth: depth + 1)) } while take(0x2C)
      guard take(0x5D) else { throw error("the array does not end") }
      return .array(values)
    }

    private mutating func integer() throws -> Int64 {
      let start = place
      _ = take(0x2D)
      while let byte = next, (0x30...0x39).contains(byte) { place += 1 }
      let text = String(decoding: bytes[start..<place], as: UTF8.self)
      guard let value = Int64(text), String(value) == text, CanonicalJSON.integers.contains(value) else {
        throw error("an integer of at most 2^53 without sign plus or leading zeros was expected")
      }
      if let byte = next, byte == 0x2E || byte | 0x20 == 0x65 { throw error("only integers are allowed") }
      return value
    }

    private mutating func string() throws -> String {
      guard take(0x22) else { throw error("a string was expected") }
      let start = place
      var decoded: [UInt8] = []
      var isAscii = true
      var hasEscapes = false
      while let byte = next {
        switch byte {
        case 0x22:
          let slice = bytes[start..<place]
          guard
            let text = hasEscapes
              ? String(validating: decoded, as: UTF8.self) : String(validating: slice, as: UTF8.self)
          else { throw error("a string is not UTF-8") }
          place += 1
          if !isAscii, !text.precomposedStringWithCanonicalMapping.utf8.elementsEqual(text.utf8) {
            throw error("a string is not in normal form C")
          }
          return text
        case 0x5C:
          if !hasEscapes { decoded = Array(bytes[start..<place]) }
          hasEscapes = true
          decoded.append(try escape())
        case ..<0x20: throw error("a control character is not escaped")
        default:
          if byte >= 0x80 { isAscii = false }
          if hasEscapes { decoded.append(byte) }
          place += 1
        }
      }
      throw error("a string does not end")
    }

    /// Only the escapes that writing makes.
    private mutating func escape() throws -> UInt8 {
      place += 1
      defer { place += 1 }
      switch next {
      case 0x22: return 0x22
      case 0x5C: return 0x5C
      case 0x62: return 0x08
      case 0x74: return 0x09
      case 0x6E: return 0x0A
      case 0x66: return 0x0C
      case 0x72: return 0x0D
      case 0x75:
        guard place + 4 < bytes.count,
          let value = Hex.decode(String(decoding: bytes[place + 1...place + 4], as: UTF8.self)), value[0] == 0,
          value[1] < 0x20, ![0x08, 0x09, 0x0A, 0x0C, 0x0D].contains(value[1])
        else { throw error("an escape that canonical text does not use") }
        place += 4
        return value[1]
      default: throw error("an escape that canonical text does not use")
      }
    }
  }

  // MARK: Access

  package var string: String? { if case .string(let value) = self { value } else { nil } }
  package var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
  package var array: [CanonicalJSON]? { if case .array(let value) = self { value } else { nil } }
  package var object: [String: CanonicalJSON]? { if case .object(let value) = self { value } else { nil } }
  package var isNull: Bool { self == .null }

  /// Nil when it is not an object, or has no such key.
  package subscript(_ key: String) -> CanonicalJSON? {
    if case .object(let values) = self { values[key] } else { nil }
  }

  /// An object without the keys whose value is nil.
  package static func fields(_ values: [String: CanonicalJSON?]) -> CanonicalJSON {
    .object(values.compactMapValues { $0 })
  }
}

extension CanonicalJSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int64) { self = .integer(value) }
}
