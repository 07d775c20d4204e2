/// One leaf's proof as a text, `c2sp.org/tlog-proof@v1`: index, hashes from leaf to root, empty line, checkpoint.
package struct ProofFile: Sendable, Equatable {
  static let header = "c2sp.org/tlog-proof@v1"
  /// A log of 2⁶³ leaves has no longer path.
  static let maximumPath = 63

  package let index: UInt64
  package let path: [NodeHash]
  package let checkpoint: SignedNote

  package init(index: UInt64, path: [NodeHash], checkpoint: SignedNote) {
    self.index = index
    self.path = path
    self.checkpoint = checkpoint
  }

  package init(parsing text: String) throws {
    guard let gap = text.range(of: "\n\n") else { throw FormatError("the proof has no checkpoint") }
    let lines = text[..<gap.lowerBound].split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count >= 2, lines[0] == Self.header else {
      throw FormatError("the proof does not begin \(Self.header)")
    }
    guard lines[1].hasPrefix("index "), let index = parseCount(lines[1].dropFirst(6)) else {
      throw FormatError("the proof has no index")
    }
    guard lines.count - 2 <= Self.maximumPath else { throw FormatError("the proof has too many hashes") }
    self.index = index
    path = try lines.dropFirst(2).map {
      guard let hash = NodeHash(base64: $0) else { throw FormatError("a hash of the proof is not base64 of 32 bytes") }
      return hash
    }
    checkpoint = try SignedNote(parsing: String(text[gap.upperBound...]))
  }

  package var text: String {
    "\(Self.header)\nindex \(index)\n" + path.map { $0.base64 + "\n" }.joined() + "\n" + checkpoint.description
  }

  /// Throws the first reason why the leaf is not proven.
  package func verify(leaf: [UInt8], keys: [NoteKey]) throws {
    _ = try checkpoint.verified(by: keys)
    let head = try Checkpoint(text: checkpoint.text)
    let proof = InclusionProof(index: index, size: head.size, path: path)
    guard proof.verifies(leaf: .leaf(leaf), root: head.root) else {
      throw FormatError("leaf \(index) is not in the log of \(head.size)")
    }
  }
}
