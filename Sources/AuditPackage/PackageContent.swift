package import Foundation
package import MerkleLog

/// What an evidence package holds, before it is a file and after it was read. Nothing here is believed yet.
///
///     manifest.json           what is in it: names and SHA-256 of all files, cases, checkpoint size
///     checkpoint              the log's signed head
///     consistency             optional: that this head extends an earlier one
///     timestamp.checkpoint    optional: an earlier head or this one, as an authority stamped it
///     timestamp.tsr           the authority's response (RFC 3161)
///     timestamp.consistency   that this head extends that one
///     cases/<id>.leaves       a case's leaves in order, each uint16 length and bytes
///     cases/<id>.proofs       for each leaf its index and the hashes to the root
///     openings.json           optional: what commitments stand for
///     artefacts/<sha256>      optional: texts whose digest is in a leaf
///     population.json         optional: what a sample was drawn from, and how
///     sla.json                optional: times from cause to proof
///     summary.html            for people; not evidence
package struct PackageContent: Sendable {
  package struct Case: Sendable {
    package let id: UUID
    package var leaves: [[UInt8]]
    package var proofs: [Proof]

    package init(id: UUID, leaves: [[UInt8]] = [], proofs: [Proof] = []) {
      self.id = id
      self.leaves = leaves
      self.proofs = proofs
    }
  }

  package struct Proof: Sendable, Equatable {
    package let index: UInt64
    package let path: [NodeHash]

    package init(index: UInt64, path: [NodeHash]) {
      self.index = index
      self.path = path
    }
  }

  package struct Opening: Sendable, Equatable {
    package let caseID: UUID
    package let sequence: Int64
    package let field: String
    package let nonce: [UInt8]
    package let value: String

    package init(caseID: UUID, sequence: Int64, field: String, nonce: [UInt8], value: String) {
      self.caseID = caseID
      self.sequence = sequence
      self.field = field
      self.nonce = nonce
      self.value = value
    }
  }

  package struct Consistency: Sendable, Equatable {
    package let oldSize: UInt64
    package let path: [NodeHash]

    package init(oldSize: UInt64, path: [NodeHash]) {
      self.oldSize = oldSize
      self.path = path
    }
  }

  /// An authority's word that a head existed at a time.
  package struct Timestamp: Sendable, Equatable {
    /// The signed note that was stamped.
    package var note: String
    /// A TimeStampResp.
    package var response: [UInt8]
    /// From the stamped head to the package's.
    package var consistency: Consistency

    package init(note: String, response: [UInt8], consistency: Consistency) {
      self.note = note
      self.response = response
      self.consistency = consistency
    }
  }

  /// The key that the package names; only a hint for people.
  package var vkey: String
  /// The signed note.
  package var checkpoint: String
  package var consistency: Consistency?
  package var timestamp: Timestamp?
  /// The cases that were asked for; the others explain them.
  package var subjects: [UUID]
  package var cases: [Case]
  package var openings: [Opening] = []
  package var artefacts: [[UInt8]] = []
  package var population: Population?
  package var deadlines: [Deadline] = []
  package var summary: String = ""

  package init(vkey: String, checkpoint: String, subjects: [UUID], cases: [Case]) {
    self.vkey = vkey
    self.checkpoint = checkpoint
    self.subjects = subjects
    self.cases = cases
  }
}

/// How long a case took from its cause to its proof, against what was allowed.
package struct Deadline: Sendable, Equatable {
  package let caseID: UUID
  /// Microseconds since 1970.
  package let start: Int64
  /// Nil: not proven yet.
  package let end: Int64?
  /// Seconds.
  package let limit: Int64

  package init(caseID: UUID, start: Int64, end: Int64?, limit: Int64) {
    self.caseID = caseID
    self.start = start
    self.end = end
    self.limit = limit
  }

  /// Whole seconds, rounded up; nil while it is open.
  package var seconds: Int64? { end.map { ($0 - start + 999_999) / 1_000_000 } }
  package var isMet: Bool { seconds.map { $0 <= limit } ?? false }
}
