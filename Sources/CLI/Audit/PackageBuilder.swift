import AuditPackage
import Evidence
import Foundation
import MerkleLog

/// Takes cases out of the log and makes a package of them, with the cases that explain them: the requests behind their
/// authorizations. Reads only.
struct PackageBuilder {
  let reader: LogReader
  let head: LogHead

  /// Seconds from opening to proof, by action: what the summary and the verifier measure against.
  static let limits: [String: Int64] = ["revoke": 86_400, "rotate": 86_400, "issue": 7 * 86_400]

  init(reader: LogReader) async throws {
    guard let head = try await reader.head(), head.note != nil else {
      throw EvidenceError(
        code: .damaged, message: "nothing is sealed yet; a worker with the evidence key seals, see `keyturn worker`")
    }
    self.reader = reader
    self.head = head
  }

  /// - Parameter since: size of the head that the auditor kept; 0: none.
  func build(
    _ subjects: [UUID], also: [UUID] = [], population: Population? = nil, since: UInt64 = 0, hidesValues: Bool = false
  ) async throws -> PackageContent {
    var found = try await leaves(of: subjects + also)
    for id in subjects + also where found[id] == nil {
      throw EvidenceError(code: .unknownCase, message: "there is no evidence of case \(id.leafText)")
    }
    let requests = Set(found.values.joined().flatMap(Self.requests(in:))).subtracting(found.keys)
    for (id, leaves) in try await leaves(of: requests.sorted { $0.leafText < $1.leafText }) { found[id] = leaves }
    let order = subjects + found.keys.filter { !subjects.contains($0) }.sorted { $0.leafText < $1.leafText }
    let indexes = order.flatMap { found[$0] ?? [] }.compactMap(\.index)
    let proofs = Dictionary(
      uniqueKeysWithValues: zip(indexes, try await reader.inclusions(of: indexes, in: head)))
    let cases = order.map { id in
      PackageContent.Case(
        id: id, leaves: (found[id] ?? []).map(\.bytes),
        proofs: (found[id] ?? []).compactMap { leaf in
          leaf.index.flatMap { proofs[$0] }.map { .init(index: $0.index, path: $0.path) }
        })
    }
    var content = PackageContent(vkey: head.vkey, checkpoint: head.note ?? "", subjects: subjects, cases: cases)
    content.population = population
    if since > 0 {
      content.consistency = .init(
        oldSize: since, path: since < head.size ? try await reader.consistency(from: since, in: head).path : [])
    }
    if let stamp = try await reader.newestTimestamp(in: head) {
      let path = stamp.size < head.size ? try await reader.consistency(from: stamp.size, in: head).path : []
      content.timestamp = .init(
        note: stamp.note, response: stamp.response, consistency: .init(oldSize: stamp.size, path: path))
    }
    if !hidesValues { try await addOpenings(to: &content, of: order) }
    content.deadlines = Self.deadlines(subjects, found)
    content.summary = SummaryPage(content: content, head: head).html
    return content
  }

  /// Sealed leaves by case. What is not sealed yet, although it is committed, is an error: a package must not leave off the
  /// newest.
  private func leaves(of cases: [UUID]) async throws -> [UUID: [StoredLeaf]] {
    guard !cases.isEmpty else { return [:] }
    let leaves = try await reader.leaves(of: cases)
    let waiting = leaves.filter { ($0.index ?? .max) >= head.size }.count
    guard waiting == 0 else {
      throw EvidenceError(
        code: .damaged,
        message: "\(waiting) leaves of these cases are not sealed yet; try again in a second, or start a worker")
    }
    return Dictionary(grouping: leaves, by: \.caseID)
  }

  /// A leaf that was damaged names none; it goes into the package as it is, and verifiers name it.
  private static func requests(in leaf: StoredLeaf) -> [UUID] {
    guard let leaf = try? EvidenceLeaf(bytes: leaf.bytes) else { return [] }
    return [leaf.detail["request"]?.string.flatMap { UUID(leafText: $0) }].compactMap { $0 }
  }

  private func addOpenings(to content: inout PackageContent, of cases: [UUID]) async throws {
    let stored = try await reader.openings(of: cases)
    content.openings = stored.map {
      .init(caseID: $0.caseID, sequence: Int64($0.sequence), field: $0.field, nonce: $0.nonce, value: $0.value)
    }
    content.artefacts = Array(Set(stored.filter { $0.field == "core" }.map { Array($0.value.utf8) }))
      .sorted { $0.lexicographicallyPrecedes($1) }
  }

  private static func deadlines(_ subjects: [UUID], _ found: [UUID: [StoredLeaf]]) -> [Deadline] {
    subjects.compactMap { id in
      let timeline = CaseTimeline((found[id] ?? []).compactMap { try? EvidenceLeaf(bytes: $0.bytes) })
      guard let start = timeline.openedAt, let limit = limits[timeline.action ?? ""] else { return nil }
      return Deadline(caseID: id, start: start, end: timeline.finishedAt, limit: limit)
    }
  }
}
