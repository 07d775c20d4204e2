package import Foundation
import MerkleLog

/// A ZIP file in which nothing is compressed: every tool opens it, and what it holds is exactly what it is long.
///
/// Reading is strict, because a package comes from those whom it is about: only stored entries, only plain relative names,
/// no name twice, nothing between the entries, limits on their number and size. What is not that is refused.
package enum ZipArchive {
  package static let maximumEntries = 65_000
  /// Bytes. A thousand rotations take about ten million; whoever checks a package needs no more memory than a few times this.
  package static let maximumSize = 500_000_000
  package static let maximumName = 200

  private static let localHeader: UInt32 = 0x0403_4B50
  private static let centralHeader: UInt32 = 0x0201_4B50
  private static let endHeader: UInt32 = 0x0605_4B50

  // MARK: Writing

  /// - Parameter files: by name, in the order they shall have.
  package static func encode(_ files: [(name: String, bytes: [UInt8])]) throws -> [UInt8] {
    guard files.count <= maximumEntries else { throw FormatError("a package has at most \(maximumEntries) files") }
    var archive: [UInt8] = []
    var directory: [UInt8] = []
    for file in files {
      try check(name: file.name)
      guard archive.count + file.bytes.count < maximumSize else {
        throw FormatError("the package is larger than 500 MB; take a shorter period")
      }
      let offset = UInt32(archive.count)
      let name = Array(file.name.utf8)
      // Version, flags (UTF-8 names), method stored, time and date of 1980-01-01, CRC, sizes.
      var common: [UInt8] = []
      common.append(little: UInt16(20))
      common.append(little: UInt16(0x0800))
      common.append(little: UInt16(0))
      common.append(little: UInt32(0x0021_0000))
      common.append(little: CRC32.of(file.bytes))
      common.append(little: UInt32(file.bytes.count))
      common.append(little: UInt32(file.bytes.count))
      common.append(little: UInt16(name.count))
      common.append(little: UInt16(0))
      archive.append(little: localHeader)
      archive += common
      archive += name
      archive += file.bytes
      directory.append(little: centralHeader)
      directory.append(little: UInt16(20))
      directory += common
      // Comment length, disk, attributes.
      directory += [UInt8](repeating: 0, count: 10)
      directory.append(little: offset)
      directory += name
    }
    let start = UInt32(archive.count)
    archive += directory
    archive.append(little: endHeader)
    archive.append(little: UInt32(0))
    archive.append(little: UInt16(files.count))
    archive.append(little: UInt16(files.count))
    archive.append(little: UInt32(directory.count))
    archive.append(little: start)
    archive.append(little: UInt16(0))
    return archive
  }

  /// Letters, digits, dot, dash and underline between slashes; no part is empty or begins with a dot.
  static func check(name: String) throws {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    let isPlain = parts.allSatisfy { part in
      !part.isEmpty && part.first != "."
        && part.utf8.allSatisfy { byte in
          (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || (0x30...0x39).contains(byte)
            || byte == 0x2E || byte == 0x2D || byte == 0x5F
        }
    }
    guard isPlain, (1...maximumName).contains(name.utf8.count) else {
      throw FormatError("the package has a file whose name is not a plain relative path")
    }
  }

  // MARK: Reading

  /// The files by name. Throws the first reason against it.
  package static func decode(_ data: Data) throws -> [String: Data] {
    guard data.count <= maximumSize else { throw FormatError("the package is larger than 500 MB") }
    let reader = Reader(data: data)
    guard data.count >= 22, try reader.number(at: data.count - 22, UInt32.self) == endHeader else {
      throw FormatError("this is not a package: no ZIP directory at its end")
    }
    let end = data.count - 22
    let count = Int(try reader.number(at: end + 10, UInt16.self))
    let directorySize = Int(try reader.number(at: end + 12, UInt32.self))
    let directoryStart = Int(try reader.number(at: end + 16, UInt32.self))
    guard try reader.number(at: end + 8, UInt16.self) == UInt16(count),
      try reader.number(at: end + 4, UInt32.self) == 0,
      try reader.number(at: end + 20, UInt16.self) == 0, directoryStart + directorySize == end, count <= maximumEntries
    else { throw FormatError("the package's ZIP directory does not fit the file") }
    var files: [String: Data] = [:]
    files.reserveCapacity(count)
    var (place, offset) = (directoryStart, 0)
    for _ in 0..<count {
      let entry = try reader.entry(at: &place, end: end)
      guard entry.offset == offset else { throw FormatError("there is something between two files of the package") }
      let content = try reader.content(of: entry, limit: directoryStart)
      offset = entry.offset + 30 + entry.nameLength + entry.size
      guard files.updateValue(content, forKey: entry.name) == nil else {
        throw FormatError("the package has two files of the same name")
      }
    }
    guard place == end, offset == directoryStart else {
      throw FormatError("the package has more than its directory says")
    }
    return files
  }

  private struct Entry {
    let name: String
    let nameLength: Int
    let size: Int
    let crc: UInt32
    let offset: Int
  }

  private struct Reader {
    let data: Data

    func number<Number: FixedWidthInteger & BitwiseCopyable>(at offset: Int, _: Number.Type) throws -> Number {
      let size = MemoryLayout<Number>.size
      guard offset >= 0, offset + size <= data.count else { throw FormatError("the package ends too early") }
      return data.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Number.self)) }
    }

    func text(at offset: Int, count: Int) throws -> String {
      guard offset + count <= data.count else { throw FormatError("the package ends too early") }
      let bytes = data.withUnsafeBytes { Array($0[offset..<offset + count]) }
      guard let text = String(validating: bytes, as: UTF8.self) else { throw FormatError("a file's name is not UTF-8") }
      return text
    }

    func entry(at place: inout Int, end: Int) throws -> Entry {
      guard place + 46 <= end, try number(at: place, UInt32.self) == centralHeader else {
        throw FormatError("the package's ZIP directory is damaged")
      }
      try checkKind(at: place + 6)
      let size = Int(try number(at: place + 24, UInt32.self))
      let nameLength = Int(try number(at: place + 28, UInt16.self))
      guard Int(try number(at: place + 20, UInt32.self)) == size, try number(at: place + 30, UInt16.self) == 0,
        try number(at: place + 32, UInt16.self) == 0, place + 46 + nameLength <= end
      else { throw FormatError("the package uses parts of ZIP that packages do not") }
      let name = try text(at: place + 46, count: nameLength)
      try check(name: name)
      let entry = Entry(
        name: name, nameLength: nameLength, size: size, crc: try number(at: place + 16, UInt32.self),
        offset: Int(try number(at: place + 42, UInt32.self)))
      place += 46 + nameLength
      return entry
    }

    /// Flags and method.
    private func checkKind(at place: Int) throws {
      let flags = try number(at: place + 2, UInt16.self)
      guard try number(at: place + 4, UInt16.self) == 0, flags & ~0x0800 == 0 else {
        throw FormatError("the package has a file that is compressed or encrypted; packages never are")
      }
    }

    func content(of entry: Entry, limit: Int) throws -> Data {
      guard try number(at: entry.offset, UInt32.self) == localHeader else {
        throw FormatError("\(entry.name) is not where the directory says")
      }
      try checkKind(at: entry.offset + 4)
      guard Int(try number(at: entry.offset + 18, UInt32.self)) == entry.size,
        Int(try number(at: entry.offset + 22, UInt32.self)) == entry.size,
        try number(at: entry.offset + 14, UInt32.self) == entry.crc,
        Int(try number(at: entry.offset + 26, UInt16.self)) == entry.nameLength,
        try number(at: entry.offset + 28, UInt16.self) == 0,
        try text(at: entry.offset + 30, count: entry.nameLength) == entry.name
      else { throw FormatError("the two headers of \(entry.name) differ") }
      let start = entry.offset + 30 + entry.nameLength
      guard start + entry.size <= limit else { throw FormatError("\(entry.name) is longer than the package") }
      let content = data[data.startIndex + start..<data.startIndex + start + entry.size]
      guard CRC32.of(content) == entry.crc else { throw FormatError("\(entry.name) is damaged: its CRC differs") }
      return content
    }
  }
}

/// ISO 3309, as ZIP uses it.
enum CRC32 {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
  }

  static func of(_ bytes: some ContiguousBytes) -> UInt32 {
    bytes.withUnsafeBytes { memory in
      table.withUnsafeBufferPointer { table in
        var value: UInt32 = 0xFFFF_FFFF
        for byte in memory { value = value >> 8 ^ table[Int((value ^ UInt32(byte)) & 255)] }
        return value ^ 0xFFFF_FFFF
      }
    }
  }
}

extension [UInt8] {
  mutating func append(little value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
