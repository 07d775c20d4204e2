/// What a log's signature covers, as in c2sp.org/tlog-checkpoint: origin, size, root.
package struct Checkpoint: Sendable, Equatable {
  package let origin: String
  package let size: UInt64
  package let root: NodeHash

  package init(origin: String, size: UInt64, root: NodeHash) {
    self.origin = origin
    self.size = size
    self.root = root
  }

  /// The text of a note. Further lines are extensions, which mean nothing here.
  package init(text: String) throws {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count >= 4, lines.last == "" else { throw FormatError("a checkpoint has at least three lines") }
    guard !lines[0].isEmpty else { throw FormatError("the checkpoint has no origin") }
    guard let size = parseCount(lines[1]) else { throw FormatError("the checkpoint's size is not a decimal number") }
    guard let root = NodeHash(base64: lines[2]) else {
      throw FormatError("the checkpoint's root is not the base64 of 32 bytes")
    }
    self.init(origin: String(lines[0]), size: size, root: root)
  }

  package var text: String { "\(origin)\n\(size)\n\(root.base64)\n" }
}
