package import Foundation
import MerkleLog

/// Content to file and back. Reading checks the form, the hashes of the manifest, and limits; not what it means.
extension PackageContent {
  package static let format = "keyturn-evidence-package/1"
  package static let maximumLeavesPerCase = 100_000
  package static let maximumLeaves = 2_000_000

  // MARK: Writing

  package func encoded() throws -> [UInt8] {
    var files: [(name: String, bytes: [UInt8])] = [("checkpoint", Array(checkpoint.utf8))]
    if let consistency {
      files.append(("consistency", Self.bytes(of: consistency)))
    }
    if let timestamp {
      files.append(("timestamp.checkpoint", Array(timestamp.note.utf8)))
      files.append(("timestamp.tsr", timestamp.response))
      files.append(("timestamp.consistency", Self.bytes(of: timestamp.consistency)))
    }
    for each in cases {
      files.append(("cases/\(each.id.leafText).leaves", try EntryBundle.encode(each.leaves)))
      files.append(("cases/\(each.id.leafText).proofs", Array(Self.text(of: each.proofs).utf8)))
    }
    if !openings.isEmpty { files.append(("openings.json", CanonicalJSON.array(openings.map(\.json)).bytes)) }
    for artefact in artefacts { files.append(("artefacts/\(NodeHash.digest(artefact))", artefact)) }
    if let population { files.append(("population.json", population.json.bytes)) }
    if !deadlines.isEmpty { files.append(("sla.json", CanonicalJSON.array(deadlines.map(\.json)).bytes)) }
    if !summary.isEmpty { files.append(("summary.html", Array(summary.utf8))) }
    let hashes = Dictionary(
      uniqueKeysWithValues: files.map { ($0.name, CanonicalJSON.string("\(NodeHash.digest($0.bytes))")) })
    let manifest = CanonicalJSON.object([
      "cases": .array(cases.map { .string($0.id.leafText) }), "files": .object(hashes), "format": .string(Self.format),
      "not_evidence": summary.isEmpty ? .array([]) : .array(["summary.html"]),
      "subjects": .array(subjects.map { .string($0.leafText) }), "vkey": .string(vkey),
    ])
    return try ZipArchive.encode([("manifest.json", manifest.bytes)] + files)
  }

  private static func bytes(of consistency: Consistency) -> [UInt8] {
    Array(("old \(consistency.oldSize)\n" + consistency.path.map { $0.base64 + "\n" }.joined()).utf8)
  }

  /// A block per leaf: `index n`, base64 hashes from leaf to root, an empty line.
  private static func text(of proofs: [Proof]) -> String {
    var text = ""
    for proof in proofs {
      text += "index \(proof.index)\n"
      for hash in proof.path { text += hash.base64 + "\n" }
      text += "\n"
    }
    return text
  }

  // MARK: Reading

  /// Throws the first reason why this is not a package.
  package init(package data: Data) throws {
    let files = try ZipArchive.decode(data)
    guard let manifest = files["manifest.json"] else { throw FormatError("the package has no manifest.json") }
    let json = try Self.json(manifest, "manifest.json")
    guard json["format"]?.string == Self.format else { throw FormatError("the package's format is not \(Self.format)") }
    try Self.checkFiles(files, against: json)
    guard let vkey = json["vkey"]?.string else { throw FormatError("manifest.json has no vkey") }
    let cases = try Self.ids(json["cases"], "cases")
    guard Set(cases).count == cases.count, !cases.isEmpty else {
      throw FormatError("manifest.json has no cases, or one twice")
    }
    let subjects = try Self.ids(json["subjects"], "subjects")
    guard Set(subjects).isSubset(of: cases), Set(subjects).count == subjects.count else {
      throw FormatError("manifest.json has a subject that is not among its cases, or one twice")
    }
    self.init(vkey: vkey, checkpoint: try Self.text(files, "checkpoint"), subjects: subjects, cases: [])
    var leaves = 0
    for id in cases {
      self.cases.append(try Self.readCase(id, files))
      leaves += self.cases[self.cases.count - 1].leaves.count
      guard leaves <= Self.maximumLeaves else {
        throw FormatError("the package has more than \(Self.maximumLeaves) leaves")
      }
    }
    try readOptional(files)
    try checkNames(files)
  }

  private static func checkFiles(_ files: [String: Data], against manifest: CanonicalJSON) throws {
    guard let named = manifest["files"]?.object else { throw FormatError("manifest.json names no files") }
    guard named.count == files.count - 1 else {
      throw FormatError("the package has \(files.count - 1) files, its manifest names \(named.count)")
    }
    for (name, hash) in named.sorted(by: { $0.key < $1.key }) {
      guard let content = files[name] else { throw FormatError("the package has no file \(name.prefix(80))") }
      guard hash.string == "\(NodeHash.digest(content))" else {
        throw FormatError("\(name) is not the file that the manifest names: its SHA-256 differs")
      }
    }
  }

  private static func readCase(_ id: UUID, _ files: [String: Data]) throws -> Case {
    let name = "cases/\(id.leafText)"
    guard let bundle = files[name + ".leaves"] else { throw FormatError("the package has no \(name).leaves") }
    let leaves = try EntryBundle.decode([UInt8](bundle), maximumCount: maximumLeavesPerCase)
    let proofs = try proofs(in: try text(files, name + ".proofs"), name)
    guard !leaves.isEmpty, leaves.count == proofs.count else {
      throw FormatError("\(name) has \(leaves.count) leaves and \(proofs.count) proofs")
    }
    return Case(id: id, leaves: leaves, proofs: proofs)
  }

  private static func proofs(in text: String, _ name: String) throws -> [Proof] {
    var proofs: [Proof] = []
    var index: UInt64?
    var path: [NodeHash] = []
    for line in text.utf8.split(separator: 10, omittingEmptySubsequences: false).dropLast() {
      if line.isEmpty {
        guard let at = index else { throw FormatError("\(name).proofs has a block without index") }
        proofs.append(Proof(index: at, path: path))
        (index, path) = (nil, [])
        guard proofs.count <= maximumLeavesPerCase else { throw FormatError("\(name).proofs has too many blocks") }
      } else if index == nil {
        let words = String(Substring(line)).split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2, words[0] == "index", let value = UInt64(words[1]), value <= UInt64(Int64.max),
          String(value) == words[1]
        else { throw FormatError("\(name).proofs has a block without index") }
        index = value
      } else {
        guard path.count < 63, let hash = NodeHash(base64: String(Substring(line))) else {
          throw FormatError("\(name).proofs has a line that is not a hash, or more than 63 of them")
        }
        path.append(hash)
      }
    }
    guard index == nil, text.isEmpty || text.utf8.last == 10 else {
      throw FormatError("\(name).proofs ends in the middle of a block")
    }
    return proofs
  }

  private mutating func readOptional(_ files: [String: Data]) throws {
    if files["consistency"] != nil { consistency = try Self.consistency(files, "consistency") }
    if let response = files["timestamp.tsr"] {
      guard response.count <= TimestampToken.maximumSize else { throw FormatError("timestamp.tsr is too large") }
      timestamp = Timestamp(
        note: try Self.text(files, "timestamp.checkpoint"), response: [UInt8](response),
        consistency: try Self.consistency(files, "timestamp.consistency"))
    }
    if let data = files["openings.json"] {
      guard let values = try Self.json(data, "openings.json").array else {
        throw FormatError("openings.json is no list")
      }
      openings = try values.map(Opening.init(json:))
    }
    if let data = files["population.json"] {
      population = try Population(json: try Self.json(data, "population.json"))
    }
    if let data = files["sla.json"] {
      guard let values = try Self.json(data, "sla.json").array else { throw FormatError("sla.json is no list") }
      deadlines = try values.map(Deadline.init(json:))
    }
    artefacts = try files.keys.filter { $0.hasPrefix("artefacts/") }.sorted().map { name in
      let bytes = [UInt8](files[name] ?? Data())
      guard name == "artefacts/\(NodeHash.digest(bytes))" else {
        throw FormatError("an artefact's name is not its SHA-256")
      }
      return bytes
    }
    if files["summary.html"] != nil { summary = try Self.text(files, "summary.html") }
  }

  private static func consistency(_ files: [String: Data], _ name: String) throws -> Consistency {
    let lines = try text(files, name).split(separator: "\n", maxSplits: 70)
    guard let first = lines.first, first.hasPrefix("old "), let old = UInt64(first.dropFirst(4)),
      String(old) == first.dropFirst(4),
      lines.count <= 70
    else { throw FormatError("the file \(name) does not begin with the old size, or is too long") }
    return Consistency(
      oldSize: old,
      path: try lines.dropFirst().map {
        guard let hash = NodeHash(base64: $0) else { throw FormatError("the file \(name) has a line that is no hash") }
        return hash
      })
  }

  /// No file that nobody reads.
  private func checkNames(_ files: [String: Data]) throws {
    var known: Set<String> = [
      "manifest.json", "checkpoint", "consistency", "timestamp.checkpoint", "timestamp.tsr", "timestamp.consistency",
      "openings.json", "population.json", "sla.json", "summary.html",
    ]
    for each in cases {
      known.insert("cases/\(each.id.leafText).leaves")
      known.insert("cases/\(each.id.leafText).proofs")
    }
    for name in files.keys where !known.contains(name) && !name.hasPrefix("artefacts/") {
      throw FormatError("the package has a file that does not belong in it: \(name.prefix(80))")
    }
  }

  private static func text(_ files: [String: Data], _ name: String) throws -> String {
    guard let data = files[name] else { throw FormatError("the package has no file \(name)") }
    guard let text = String(validating: data, as: UTF8.self) else { throw FormatError("\(name) is not UTF-8") }
    return text
  }

  private static func json(_ data: Data, _ name: String) throws -> CanonicalJSON {
    do {
      return try CanonicalJSON(canonical: data)
    } catch let error as FormatError {
      throw FormatError("\(name): \(error)")
    }
  }

  private static func ids(_ json: CanonicalJSON?, _ name: String) throws -> [UUID] {
    guard let values = json?.array else { throw FormatError("manifest.json has no list \(name)") }
    return try values.map {
      guard let id = $0.string.flatMap({ UUID(leafText: $0) }) else {
        throw FormatError("manifest.json has something else than ids among its \(name)")
      }
      return id
    }
  }
}

extension PackageContent.Opening {
  var json: CanonicalJSON {
    .object([
      "case": .string(caseID.leafText), "cs": .integer(sequence), "field": .string(field),
      "nonce": .string(Base64.encode(nonce)), "value": .string(value),
    ])
  }

  init(json: CanonicalJSON) throws {
    guard let id = json["case"]?.string.flatMap({ UUID(leafText: $0) }), let sequence = json["cs"]?.integer,
      let field = json["field"]?.string, let nonce = json["nonce"]?.string.flatMap({ Base64.decode($0) }),
      let value = json["value"]?.string, nonce.count == Commitment.nonceCount
    else { throw FormatError("openings.json has an opening without case, cs, field, nonce or value") }
    self.init(caseID: id, sequence: sequence, field: field, nonce: nonce, value: value)
  }
}

extension Deadline {
  var json: CanonicalJSON {
    .fields([
      "case": .string(caseID.leafText), "end": end.map { .integer($0) }, "limit": .integer(limit),
      "met": .bool(isMet), "seconds": seconds.map { .integer($0) }, "start": .integer(start),
    ])
  }

  init(json: CanonicalJSON) throws {
    guard let id = json["case"]?.string.flatMap({ UUID(leafText: $0) }), let start = json["start"]?.integer,
      let limit = json["limit"]?.integer, start >= 0, limit >= 0, (json["end"]?.integer ?? start) >= 0
    else { throw FormatError("sla.json has a line without case, start or limit") }
    self.init(caseID: id, start: start, end: json["end"]?.integer, limit: limit)
    guard json["seconds"]?.integer == seconds, json["met"] == .bool(isMet) else {
      throw FormatError("sla.json: the times of \(id.leafText) do not add up")
    }
  }
}
