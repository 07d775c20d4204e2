import Crypto
import Foundation
import MerkleLog
import Targets

extension PrivilegeSet {
  /// SHA-256 of the entries, each with a line feed, in lower-case hexadecimal digits. Two sets are equal when these are.
  var digest: String {
    var hash = SHA256()
    for entry in entries { hash.update(data: Data((entry + "\n").utf8)) }
    return Hex.encode(hash.finalize())
  }

  /// The entries, separated by spaces; of a set that a proof has no room for, its size: the digest says the rest.
  var line: String {
    let line = entries.joined(separator: " ")
    return line.utf8.count <= 4000 ? line : "(\(entries.count) entries)"
  }
}
