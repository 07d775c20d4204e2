package import Foundation
package import MerkleLog

/// Asks a witness to sign a checkpoint, as in c2sp.org/tlog-witness: it signs only what extends what it has signed before, so
/// that a log cannot show two histories.
package struct WitnessClient: Sendable {
  package let url: URL
  /// Of type cosignature.
  package let key: NoteKey

  package init(url: URL, key: NoteKey) {
    self.url = url
    self.key = key
  }

  /// The witness's signature over the note's text, checked.
  func cosign(_ note: String, in head: LogHead, reader: LogReader) async throws -> SignedNote.Signature {
    var answer = try await add(note, oldSize: 0, in: head, reader: reader)
    // 409: the witness says in plain text which size it has signed last.
    if answer.status == 409 {
      let text = String(decoding: answer.body, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
      guard let known = UInt64(text), known >= 1, known <= head.size else {
        throw EvidenceError(code: .store, message: "\(key.name) has seen a log of \(text.prefix(20)) leaves")
      }
      answer = try await add(note, oldSize: known, in: head, reader: reader)
    }
    guard answer.status == 200 else {
      throw EvidenceError(code: .store, message: "\(key.name) answered \(answer.status)")
    }
    let line = String(decoding: answer.body, as: UTF8.self).trimmingCharacters(in: .newlines)
    let signature = try SignedNote.signature(in: line)
    let signed = SignedNote(text: try SignedNote(parsing: note).text, signatures: [signature])
    _ = try signed.verified(by: [key])
    return signature
  }

  private func add(
    _ note: String, oldSize: UInt64, in head: LogHead, reader: LogReader
  ) async throws -> HTTPExchange.Answer {
    var body = "old \(oldSize)\n"
    if oldSize > 0 {
      let proof = try await reader.consistency(from: oldSize, in: head)
      body += proof.path.map { $0.base64 + "\n" }.joined()
    }
    body += "\n" + note
    return try await HTTPExchange.send("POST", url.appending(path: "add-checkpoint"), body: Array(body.utf8))
  }
}
