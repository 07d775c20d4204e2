package import Foundation
package import MerkleLog

/// Something that happened, on its way to become a leaf. The database adds when, and the place in the case.
package struct EvidenceEvent: Sendable {
  package let caseID: UUID
  package let type: EventType
  /// A pseudonym, or `keyturn`.
  package let actor: String
  /// Canonical JSON, an object.
  package let detail: [UInt8]
  package let subject: [UInt8]
  package let job: UUID?
  package let worker: UUID?
  package let id: UUID

  /// - Parameter detail: canonical JSON, an object without personal data and secrets; with the rest of the leaf at most
  ///   16 KiB.
  /// - Parameter subject: the same.
  package init(
    caseID: UUID, type: EventType, actor: String = "keyturn", detail: [UInt8], subject: [UInt8] = Array("{}".utf8),
    job: UUID? = nil, worker: UUID? = nil, id: UUID = EventID.make()
  ) {
    self.caseID = caseID
    self.type = type
    self.actor = actor
    self.detail = detail
    self.subject = subject
    self.job = job
    self.worker = worker
    self.id = id
  }

  // The leaf's text around what the database fills in: head ‖ at ‖ case and cs ‖ middle ‖ prev ‖ tail.

  package var head: String { #"{"actor":"# + CanonicalJSON.string(actor).text + #","at":"# }

  package var middle: String {
    var bytes = Array(#","d":"#.utf8)
    bytes += detail
    bytes += Array(#","eid":""#.utf8)
    bytes += Array(id.leafText.utf8)
    if let job {
      bytes += Array(#"","job":""#.utf8)
      bytes += Array(job.leafText.utf8)
    }
    bytes += Array(#"","prev":""#.utf8)
    return String(decoding: bytes, as: UTF8.self)
  }

  package var tail: String {
    var bytes = Array(#"","sub":"#.utf8)
    bytes += subject
    bytes += Array(#","t":"\#(type.rawValue)","v":1"#.utf8)
    if let worker { bytes += Array(#","w":"\#(worker.leafText)""#.utf8) }
    bytes.append(0x7D)
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// Ids that sort by the millisecond in which they were made (RFC 9562, version 7).
package enum EventID {
  package static func make() -> UUID {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    let milliseconds = UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    var generator = SystemRandomNumberGenerator()
    let (first, second) = (generator.next(), generator.next())
    let high = (milliseconds << 16 | 0x7000 | first & 0x0FFF).bigEndian
    let low = (0x8000_0000_0000_0000 | second >> 2).bigEndian
    return withUnsafeBytes(of: (high, low)) { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
  }
}
