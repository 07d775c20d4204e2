import Crypto
package import Foundation
import MerkleLog

/// One delivery of a source, checked against itself: all people the source knows. Pure.
package struct PersonFeed: Sendable, Equatable {
  package let people: [PersonAttributes]
  package let asOf: Date
  package let sequence: Int64
  /// SHA-256 of the delivered bytes.
  package let digest: [UInt8]

  /// Largest feed, in bytes.
  package static let maximumBytes = 268_435_456

  /// Throws every way in which the people cannot be true at once, each with its own reason code.
  package init(people: [PersonAttributes], asOf: Date, sequence: Int64, digest: [UInt8]) throws {
    var valid: [PersonAttributes] = []
    valid.reserveCapacity(people.count)
    for (index, person) in people.enumerated() {
      do {
        valid.append(try person.validated())
      } catch {
        throw GovernanceError(code: error.code, message: "row \(index + 1): \(error.message)", reasons: error.reasons)
      }
    }
    try Self.check(valid)
    self.people = valid
    self.asOf = asOf
    self.sequence = sequence
    self.digest = digest
  }

  /// CSV (RFC 4180, UTF-8) with a heading line; columns in any order: `id`, `name`, `email`, `state`, `manager`,
  /// `department`, `title`. `id` and `state` are mandatory.
  package init(csv bytes: [UInt8], manifest: FeedManifest) throws {
    guard bytes.count <= Self.maximumBytes else {
      throw GovernanceError(code: .invalidField, message: "the feed is larger than 256 MiB; split the source")
    }
    let digest = [UInt8](SHA256.hash(data: bytes))
    guard Hex.encode(digest) == manifest.sha256.lowercased() else {
      throw GovernanceError.refused([.feedManifestMismatch])
    }
    let table = try CSVTable(bytes)
    guard table.rows.count == manifest.rows else { throw GovernanceError.refused([.feedManifestMismatch]) }
    var people: [PersonAttributes] = []
    people.reserveCapacity(table.rows.count)
    for (index, row) in table.rows.enumerated() {
      let word = table.value("state", row)?.lowercased() ?? ""
      guard let state = Person.State(rawValue: word) else {
        throw GovernanceError(
          code: .invalidField, message: "row \(index + 1): state must be active, suspended or terminated")
      }
      people.append(
        PersonAttributes(
          externalID: table.value("id", row) ?? "", displayName: table.value("name", row),
          email: table.value("email", row), state: state, manager: table.value("manager", row),
          department: table.value("department", row), jobTitle: table.value("title", row)))
    }
    try self.init(people: people, asOf: manifest.asOf, sequence: manifest.sequence, digest: digest)
  }

  // MARK: What cannot be

  private static func check(_ people: [PersonAttributes]) throws {
    var ids: Set<String> = []
    var skeletons: [String: String] = [:]
    var emails: Set<String> = []
    for person in people {
      guard ids.insert(person.externalID).inserted else { throw GovernanceError.refused([.feedDuplicatePerson]) }
      let skeleton = ConfusableText.skeleton(person.externalID)
      if let other = skeletons.updateValue(person.externalID, forKey: skeleton), other != person.externalID {
        throw GovernanceError.refused([.feedConfusableName])
      }
      if let email = person.email?.lowercased(), person.state != .terminated {
        guard emails.insert(email).inserted else { throw GovernanceError.refused([.feedDuplicateEmail]) }
      }
    }
    if hasCircle(people) { throw GovernanceError.refused([.feedCyclicManagers]) }
  }

  private static func hasCircle(_ people: [PersonAttributes]) -> Bool {
    let managers = Dictionary(people.compactMap { person in person.manager.map { (person.externalID, $0) } }) { $1 }
    var sound: Set<String> = []
    for start in managers.keys {
      var path: Set<String> = []
      var next: String? = start
      while let id = next, !sound.contains(id) {
        guard path.insert(id).inserted else { return true }
        next = managers[id]
      }
      sound.formUnion(path)
    }
    return false
  }
}

/// Text reduced to how it looks: compatibility forms composed, letters of other scripts that look like Latin ones replaced,
/// case and invisible characters dropped. Two ids with one skeleton are one id to the eye.
package enum ConfusableText {
  /// From Unicode's confusables (UTS #39), the letters that a Latin name can be faked with.
  private static let latin: [Unicode.Scalar: Character] = [
    "а": "a", "А": "a", "е": "e", "Е": "e", "о": "o", "О": "o", "р": "p", "Р": "p", "с": "c", "С": "c", "у": "y",
    "х": "x", "Х": "x", "і": "i", "І": "i", "ј": "j", "ѕ": "s", "ԁ": "d", "һ": "h", "ԛ": "q", "ԝ": "w", "В": "b",
    "К": "k", "М": "m", "Н": "h", "Т": "t", "α": "a", "Α": "a", "ο": "o", "Ο": "o", "ρ": "p", "Ρ": "p", "ν": "v",
    "ι": "i", "Ι": "i", "κ": "k", "Κ": "k", "τ": "t", "Τ": "t", "υ": "u", "Β": "b", "Ε": "e", "Η": "h", "Μ": "m",
    "Ν": "n", "Χ": "x", "Υ": "y", "Ζ": "z", "ⅼ": "l", "ı": "i", "ł": "l", "ɑ": "a", "ɡ": "g", "Ь": "b", "ո": "n",
    "ѵ": "v", "ⅰ": "i",
  ]

  package static func skeleton(_ text: String) -> String {
    var result = ""
    for scalar in text.precomposedStringWithCompatibilityMapping.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .format, .control, .nonspacingMark, .enclosingMark: continue
      default: break
      }
      if let letter = latin[scalar] {
        result.append(letter)
      } else {
        result += String(scalar).lowercased()
      }
    }
    return result
  }
}

/// RFC 4180: quoted fields may hold commas, quotes (doubled) and line ends. A heading line names the columns.
struct CSVTable {
  let rows: [[String]]
  private let columns: [String: Int]

  init(_ bytes: [UInt8]) throws {
    var bytes = bytes[...]
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw GovernanceError(code: .invalidField, message: "the feed is not UTF-8; export it as UTF-8")
    }
    var lines = try Self.parse(bytes)
    guard !lines.isEmpty else {
      throw GovernanceError(code: .invalidField, message: "the feed is empty; its first line must name the columns")
    }
    let heading = lines.removeFirst().map { $0.lowercased() }
    columns = Dictionary(zip(heading, heading.indices)) { first, _ in first }
    for needed in ["id", "state"] where columns[needed] == nil {
      throw GovernanceError(code: .missingField, message: "the feed has no column \"\(needed)\"; add it to the heading")
    }
    for (index, line) in lines.enumerated() where line.count != heading.count {
      throw GovernanceError(
        code: .invalidField, message: "row \(index + 1) has \(line.count) fields and the heading \(heading.count)")
    }
    rows = lines
  }

  func value(_ column: String, _ row: [String]) -> String? {
    guard let index = columns[column], !row[index].isEmpty else { return nil }
    return row[index]
  }

  private static func parse(_ bytes: ArraySlice<UInt8>) throws -> [[String]] {
    var rows: [[String]] = []
    var row: [String] = []
    var field: [UInt8] = []
    var isQuoted = false
    var index = bytes.startIndex
    func endRow() {
      row.append(String(decoding: field, as: UTF8.self))
      field.removeAll(keepingCapacity: true)
      if row != [""] { rows.append(row) }
      row.removeAll(keepingCapacity: true)
    }
    while index < bytes.endIndex {
      let byte = bytes[index]
      index += 1
      if isQuoted {
        if byte != 0x22 {
          field.append(byte)
        } else if index < bytes.endIndex, bytes[index] == 0x22 {
          field.append(byte)
          index += 1
        } else {
          isQuoted = false
        }
        continue
      }
      switch byte {
      case 0x22 where field.isEmpty: isQuoted = true
      case 0x2C:
        row.append(String(decoding: field, as: UTF8.self))
        field.removeAll(keepingCapacity: true)
      case 0x0A: endRow()
      case 0x0D: break
      default: field.append(byte)
      }
    }
    guard !isQuoted else {
      throw GovernanceError(code: .invalidField, message: "row \(rows.count) begins a quoted field that does not end")
    }
    if !field.isEmpty || !row.isEmpty { endRow() }
    return rows
  }
}
