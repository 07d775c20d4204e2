import Crypto
import Foundation
import Targets

extension PrivilegeSet {
  /// SHA-256 of the entries, each with a line feed, in lower-case hexadecimal digits. Two sets are equal when these are.
  var digest: String {
    var hash = SHA256()
    for entry in entries { hash.update(data: Data((entry + "\n").utf8)) }
    // Every proof of rights writes one: formatting byte by byte took a sixth of a worker's time.
    let digest = hash.finalize()
    return String(unsafeUninitializedCapacity: 2 * SHA256.byteCount) { text in
      var end = 0
      for byte in digest {
        for half in [byte >> 4, byte & 15] {
          text[end] = half < 10 ? UInt8(ascii: "0") + half : UInt8(ascii: "a") + half - 10
          end += 1
        }
      }
      return end
    }
  }

  /// The entries, separated by spaces; of a set that a proof has no room for, its size: the digest says the rest.
  var line: String {
    let line = entries.joined(separator: " ")
    return line.utf8.count <= 4000 ? line : "(\(entries.count) entries)"
  }
}
