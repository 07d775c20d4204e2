package import Foundation
package import MerkleLog

/// A class of actions, which a sample is drawn from by itself.
package enum Stratum: String, Sendable, CaseIterable {
  case expand
  case rotate
  case reduce

  package init?(action: String) {
    switch action {
    case "issue": self = .expand
    case "rotate": self = .rotate
    case "revoke": self = .reduce
    default: return nil
    }
  }
}

/// What a sample is drawn from: fixed, with its digest in the log, before anybody knows the seed.
package struct Population: Sendable, Equatable {
  package struct Member: Sendable, Equatable {
    package let id: UUID
    package let stratum: Stratum

    package init(id: UUID, stratum: Stratum) {
      self.id = id
      self.stratum = stratum
    }
  }

  /// Microseconds since 1970; cases opened in `from ..< until`.
  package let from: Int64
  package let until: Int64
  /// By id.
  package let members: [Member]
  /// Nil as long as nothing was drawn.
  package var draw: Draw?

  package struct Draw: Sendable, Equatable {
    package let seed: String
    package let size: SampleSize
    /// The case whose leaf holds the population's digest.
    package let fixedIn: UUID

    package init(seed: String, size: SampleSize, fixedIn: UUID) {
      self.seed = seed
      self.size = size
      self.fixedIn = fixedIn
    }
  }

  package init(from: Int64, until: Int64, members: [Member], draw: Draw? = nil) {
    self.from = from
    self.until = until
    self.members = members.sorted { $0.id.leafText < $1.id.leafText }
    self.draw = draw
  }

  /// SHA-256 of a line per member, `id stratum`, in the order of ids, each with a line feed.
  package var digest: NodeHash {
    var bytes: [UInt8] = []
    for member in members { bytes += Array("\(member.id.leafText) \(member.stratum.rawValue)\n".utf8) }
    return .digest(bytes)
  }

  /// The first of each stratum by `SHA-256(seed ‖ id)`.
  package func sample(seed: String, size: SampleSize) -> [UUID] {
    Stratum.allCases.flatMap { stratum in
      members.filter { $0.stratum == stratum }
        .map { (rank: NodeHash.digest(Array((seed + $0.id.leafText).utf8)).description, id: $0.id) }
        .sorted { $0.rank < $1.rank }.prefix(size.count).map(\.id)
    }
  }

  var json: CanonicalJSON {
    var fields: [String: CanonicalJSON] = [
      "digest": .string("\(digest)"), "from": .integer(from), "until": .integer(until),
      "members": .array(members.map { .array([.string($0.id.leafText), .string($0.stratum.rawValue)]) }),
    ]
    if let draw {
      fields["seed"] = .string(draw.seed)
      fields["size"] = .string(draw.size.rawValue)
      fields["fixed_in"] = .string(draw.fixedIn.leafText)
    }
    return .object(fields)
  }

  init(json: CanonicalJSON) throws {
    guard let from = json["from"]?.integer, let until = json["until"]?.integer, let list = json["members"]?.array else {
      throw FormatError("population.json has no from, until or members")
    }
    let members = try list.map { member -> Member in
      guard let parts = member.array, parts.count == 2, let id = parts[0].string.flatMap({ UUID(leafText: $0) }),
        let stratum = parts[1].string.flatMap(Stratum.init(rawValue:))
      else { throw FormatError("population.json has a member that is not an id and a class") }
      return Member(id: id, stratum: stratum)
    }
    guard zip(members, members.dropFirst()).allSatisfy({ $0.id.leafText < $1.id.leafText }) else {
      throw FormatError("population.json has a member twice, or not in order")
    }
    var draw: Draw?
    if let seed = json["seed"]?.string {
      guard let size = json["size"]?.string.flatMap(SampleSize.init(rawValue:)),
        let fixed = json["fixed_in"]?.string.flatMap({ UUID(leafText: $0) })
      else { throw FormatError("population.json has a seed, but no size or no place of its digest") }
      draw = Draw(seed: seed, size: size, fixedIn: fixed)
    }
    self.init(from: from, until: until, members: members, draw: draw)
    guard json["digest"]?.string == "\(digest)" else {
      throw FormatError("population.json: the digest is not that of its members")
    }
  }
}

/// Cases per class such that none with a deviation means: with this confidence, fewer than that share have one.
package enum SampleSize: String, Sendable, CaseIterable {
  case confidence90at10 = "90/10"
  case confidence90at9 = "90/9"
  case confidence90at5 = "90/5"
  case confidence95at5 = "95/5"

  /// ⌈ln(1 − confidence) ÷ ln(1 − share)⌉.
  package var count: Int {
    switch self {
    case .confidence90at10: 22
    case .confidence90at9: 25
    case .confidence90at5: 45
    case .confidence95at5: 59
    }
  }
}
