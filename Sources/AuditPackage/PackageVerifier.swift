package import Foundation
package import MerkleLog

/// Checks a package without any database or network: form, signature, consistency, inclusion, order, commitments, rules.
package struct PackageVerifier: Sendable {
  /// Something in a package that must not be.
  package struct Deviation: Sendable, Equatable, CustomStringConvertible {
    /// Nil: of the package as a whole.
    package let caseID: UUID?
    /// The leaf within the case; nil: of the case as a whole.
    package let sequence: Int64?
    /// A word of a closed list.
    package let code: Code
    package let text: String

    package enum Code: String, Sendable {
      case consistency
      case inclusion
      case order
      case leaf
      case commitment
      case artefact
      case approval
      case separation
      case permit
      case effect
      case verification
      case deadline
      case sample
      case timestamp
    }

    package var description: String {
      let place = [caseID.map { "case \($0.leafText)" }, sequence.map { "leaf \($0)" }].compactMap { $0 }
      return "\(code.rawValue): " + (place.isEmpty ? "" : place.joined(separator: " ") + ": ") + text
    }
  }

  /// So many leaves existed at a time.
  package struct Stamp: Sendable, Equatable {
    package let size: UInt64
    /// Microseconds since 1970.
    package let time: Int64
    /// By the certificate that the auditor trusts.
    package let isSigned: Bool
  }

  package struct Report: Sendable {
    package var deviations: [Deviation] = []
    package var size: UInt64 = 0
    package var root = NodeHash.emptyTree
    package var signers: [NoteKey] = []
    package var cases = 0
    package var leaves = 0
    package var openings = 0
    package var artefacts = 0
    /// The earlier head that this one was shown to extend.
    package var extended: UInt64?
    package var timestamp: Stamp?

    package var isSound: Bool { deviations.isEmpty }
  }

  /// The keys the auditor trusts: the log's, and those of witnesses. The log's is the first.
  package let keys: [NoteKey]
  /// The head that the auditor kept from last time.
  package let earlier: Checkpoint?
  /// Witnesses that must have signed.
  package let requiredWitnesses: Int

  /// Of the time-stamping authority that must have stamped the log; nil: a time stamp is read and its signature not checked.
  package let authority: TimestampAuthority?

  package init(
    keys: [NoteKey], earlier: Checkpoint? = nil, requiredWitnesses: Int = 0, authority: TimestampAuthority? = nil
  ) {
    self.keys = keys
    self.earlier = earlier
    self.requiredWitnesses = requiredWitnesses
    self.authority = authority
  }

  /// Throws when it is no package, or no key of the auditor's has signed its head; everything else is a deviation.
  package func verify(_ data: Data) throws -> Report { try verify(try PackageContent(package: data)) }

  package func verify(_ content: PackageContent) throws -> Report {
    var report = Report()
    let note = try SignedNote(parsing: content.checkpoint)
    report.signers = try note.verified(by: keys)
    guard let log = keys.first, report.signers.contains(log) else {
      throw FormatError("the log's key, \(keys.first?.name ?? "none"), has not signed the package's checkpoint")
    }
    let head = try Checkpoint(text: note.text)
    guard head.origin == log.name else {
      throw FormatError("the checkpoint is of another log: \(head.origin.prefix(80))")
    }
    let witnesses = report.signers.filter { $0.kind == .cosignature }.count
    guard witnesses >= requiredWitnesses else {
      throw FormatError("\(witnesses) witnesses have signed the checkpoint; \(requiredWitnesses) are required")
    }
    (report.size, report.root) = (head.size, head.root)
    checkConsistency(content, head, &report)
    do {
      report.timestamp = try checkTimestamp(content, head, log)
    } catch {
      report.deviations.append(Deviation(caseID: nil, sequence: nil, code: .timestamp, text: "\(error)"))
    }
    let chains = content.cases.map { readChain($0, head, &report) }
    let leaves = Dictionary(uniqueKeysWithValues: zip(content.cases.map(\.id), chains))
    report.cases = content.cases.count
    checkIndexes(content, &report)
    checkOpenings(content, leaves, &report)
    checkArtefacts(content, leaves, &report)
    let authorities = Authorities(leaves)
    for each in content.cases {
      report.deviations +=
        RotationRules(caseID: each.id, leaves: leaves[each.id] ?? [], authorities: authorities)
        .deviations
      report.deviations += RequestRules(caseID: each.id, leaves: leaves[each.id] ?? []).deviations
    }
    checkDeadlines(content, leaves, &report)
    checkSample(content, leaves, &report)
    return report
  }

  private func checkConsistency(_ content: PackageContent, _ head: Checkpoint, _ report: inout Report) {
    guard let earlier else { return }
    func deviate(_ text: String) {
      report.deviations.append(Deviation(caseID: nil, sequence: nil, code: .consistency, text: text))
    }
    guard earlier.origin == head.origin else { return deviate("the earlier checkpoint is of another log") }
    guard earlier.size > 0 else { return }
    if earlier.size > head.size {
      return deviate("the log had \(earlier.size) leaves before and has \(head.size) now: leaves are gone")
    }
    if earlier.size == head.size {
      guard earlier.root == head.root else {
        return deviate("two roots for \(head.size) leaves: the log has two histories")
      }
      report.extended = earlier.size
      return
    }
    guard let proof = content.consistency, proof.oldSize == earlier.size else {
      return deviate("the package does not show that it extends \(earlier.size) leaves; ask for one made with --since")
    }
    let claim = ConsistencyProof(oldSize: earlier.size, newSize: head.size, path: proof.path)
    // The old size is not 0, so nothing is thrown.
    guard (try? claim.verifies(oldRoot: earlier.root, newRoot: head.root)) == true else {
      return deviate("the log does not extend the earlier \(earlier.size) leaves: its history was changed")
    }
    report.extended = earlier.size
  }

  /// Nil: none is there and none is asked for. Throws what is wrong with it.
  private func checkTimestamp(_ content: PackageContent, _ head: Checkpoint, _ log: NoteKey) throws -> Stamp? {
    guard let stamp = content.timestamp else {
      guard authority == nil else { throw FormatError("the package has no time stamp") }
      return nil
    }
    let note = try SignedNote(parsing: stamp.note)
    guard try note.verified(by: [log]) == [log] else { throw FormatError("the stamped head is not the log's") }
    let stamped = try Checkpoint(text: note.text)
    guard stamped.origin == head.origin, stamped.size >= 1, stamped.size <= head.size,
      stamp.consistency.oldSize == stamped.size
    else { throw FormatError("the stamped head is not an earlier one of this log") }
    let proof = ConsistencyProof(oldSize: stamped.size, newSize: head.size, path: stamp.consistency.path)
    guard try proof.verifies(oldRoot: stamped.root, newRoot: head.root) else {
      throw FormatError("the log does not extend the stamped head")
    }
    let token = try TimestampToken(response: stamp.response)
    guard token.imprint == .digest(Array(stamp.note.utf8)) else {
      throw FormatError("it is the stamp of something else")
    }
    if let authority, !token.isSigned(by: authority) {
      throw FormatError("it is not signed by the authority's certificate")
    }
    return Stamp(size: stamped.size, time: token.time, isSigned: authority != nil)
  }

  /// Every leaf in the log, in order, one after the other. What cannot be read is left out of the answer.
  private func readChain(_ each: PackageContent.Case, _ head: Checkpoint, _ report: inout Report) -> [EvidenceLeaf] {
    var leaves: [EvidenceLeaf] = []
    var previous: NodeHash?
    for (offset, (bytes, proof)) in zip(each.leaves, each.proofs).enumerated() {
      let sequence = Int64(offset + 1)
      func deviate(_ code: Deviation.Code, _ text: String) {
        report.deviations.append(Deviation(caseID: each.id, sequence: sequence, code: code, text: text))
      }
      report.leaves += 1
      let hash = NodeHash.leaf(bytes)
      let inclusion = InclusionProof(index: proof.index, size: head.size, path: proof.path)
      if !inclusion.verifies(leaf: hash, root: head.root) {
        deviate(.inclusion, "it is not leaf \(proof.index) of the log")
      }
      defer { previous = hash }
      let leaf: EvidenceLeaf
      do { leaf = try EvidenceLeaf(bytes: bytes) } catch {
        deviate(.leaf, "\(error)")
        continue
      }
      if leaf.caseID != each.id { deviate(.order, "it belongs to case \(leaf.caseID.leafText)") }
      if leaf.sequence != sequence {
        deviate(.order, "it is number \(leaf.sequence) of its case: one is missing or moved")
      }
      if leaf.previous != previous { deviate(.order, "it does not follow the leaf before it") }
      if let last = leaves.last, leaf.at < last.at { deviate(.order, "it is older than the leaf before it") }
      leaves.append(leaf)
    }
    return leaves
  }

  private func checkIndexes(_ content: PackageContent, _ report: inout Report) {
    var seen: Set<UInt64> = []
    for each in content.cases {
      for (offset, proof) in each.proofs.enumerated() where !seen.insert(proof.index).inserted {
        report.deviations.append(
          Deviation(
            caseID: each.id, sequence: Int64(offset + 1), code: .order,
            text: "leaf \(proof.index) of the log is there twice"))
      }
    }
  }

  private func checkOpenings(
    _ content: PackageContent, _ leaves: [UUID: [EvidenceLeaf]], _ report: inout Report
  ) {
    for opening in content.openings {
      report.openings += 1
      let chain = leaves[opening.caseID] ?? []
      // Where it stands in a chain that is whole; a damaged one is searched.
      let place = Int(clamping: opening.sequence) - 1
      let leaf =
        chain.indices.contains(place) && chain[place].sequence == opening.sequence
        ? chain[place] : chain.first { $0.sequence == opening.sequence }
      let commitment = Commitment.make(type: opening.field, nonce: opening.nonce, value: Array(opening.value.utf8))
      if leaf?.commitments[opening.field] != "\(commitment)" {
        report.deviations.append(
          Deviation(
            caseID: opening.caseID, sequence: opening.sequence, code: .commitment,
            text: "\(opening.field.prefix(40)) is not what the leaf commits to"))
      }
    }
  }

  private func checkArtefacts(
    _ content: PackageContent, _ leaves: [UUID: [EvidenceLeaf]], _ report: inout Report
  ) {
    let digests = Set(leaves.values.joined().compactMap { $0.detail["digest"]?.string })
    for artefact in content.artefacts {
      report.artefacts += 1
      let digest = NodeHash.digest(artefact).description
      if !digests.contains(digest) {
        report.deviations.append(
          Deviation(caseID: nil, sequence: nil, code: .artefact, text: "no leaf names the artefact \(digest)"))
      }
    }
  }

  /// The times must be those of the leaves.
  private func checkDeadlines(
    _ content: PackageContent, _ leaves: [UUID: [EvidenceLeaf]], _ report: inout Report
  ) {
    for deadline in content.deadlines {
      let timeline = CaseTimeline(leaves[deadline.caseID] ?? [])
      guard timeline.openedAt == deadline.start, timeline.finishedAt == deadline.end else {
        report.deviations.append(
          Deviation(
            caseID: deadline.caseID, sequence: nil, code: .deadline, text: "sla.json has other times than the leaves"))
        continue
      }
    }
  }

  private func checkSample(_ content: PackageContent, _ leaves: [UUID: [EvidenceLeaf]], _ report: inout Report) {
    guard let population = content.population, let draw = population.draw else { return }
    func deviate(_ text: String) {
      report.deviations.append(Deviation(caseID: nil, sequence: nil, code: .sample, text: text))
    }
    let fixed = leaves[draw.fixedIn]?.first {
      $0.type == .populationFixed && $0.detail["digest"]?.string == "\(population.digest)"
    }
    guard let fixed else { return deviate("the log does not hold the population's digest") }
    let drawn = leaves[draw.fixedIn]?.first { $0.type == .sampleDrawn && $0.detail["seed"]?.string == draw.seed }
    guard let drawn, drawn.sequence > fixed.sequence else {
      return deviate("the log does not say that the sample was drawn after the population was fixed")
    }
    guard Set(population.sample(seed: draw.seed, size: draw.size)) == Set(content.subjects) else {
      return deviate("the package's cases are not the ones that the seed draws from the population")
    }
  }
}
