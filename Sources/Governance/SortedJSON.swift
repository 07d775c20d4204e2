import Foundation

/// Keys sorted, no white space, slashes as they are: the same value has the same bytes everywhere.
package enum SortedJSON {
  /// Throws for a value that JSON cannot hold, such as a number that is none.
  package static func bytes(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(value))
  }
}
