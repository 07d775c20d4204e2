import AuditPackage
import Foundation
import MerkleLog
import Testing

/// Packages come from those whom they are about.
@Suite struct HostilePackageTests {
  /// `deploy/heavy` throws the dice longer.
  static let isHeavy = ProcessInfo.processInfo.environment["KEYTURN_HEAVY"] == "1"

  struct Dice: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
  }

  /// What is different from leaf to leaf.
  struct Leaf {
    var type = "operator.action"
    var actor = "engine"
    var detail: [String: CanonicalJSON] = [:]
  }

  /// A small log of one case, with its package.
  static func make(
    _ wanted: [Leaf] = [Leaf](repeating: Leaf(), count: 5)
  ) throws -> (bytes: [UInt8], signer: NoteSigner, content: PackageContent) {
    let size = UInt64(wanted.count)
    let signer = try NoteSigner(name: "evidence.example/gov1", seed: [UInt8](repeating: 3, count: 32))
    let id = UUID()
    var (leaves, hashes, previous) = ([[UInt8]](), [NodeHash](), "")
    for (leaf, sequence) in zip(wanted, Int64(1)...) {
      let leaf = CanonicalJSON.object([
        "actor": .string(leaf.actor), "at": .integer(sequence), "case": .string(id.leafText), "cs": .integer(sequence),
        "d": .object(leaf.detail), "eid": .string(UUID().leafText), "prev": .string(previous), "sub": .object([:]),
        "t": .string(leaf.type), "v": 1,
      ]).bytes
      leaves.append(leaf)
      hashes.append(.leaf(leaf))
      previous = NodeHash.leaf(leaf).base64
    }
    let tile = Tile(id: TileID(level: 0, number: 0, width: wanted.count), hashes: hashes)
    let cache = TileCache(size: size, tiles: [tile])
    let text = Checkpoint(origin: signer.key.name, size: size, root: try cache.root(size: size)).text
    let note = SignedNote(text: text, signatures: [try signer.sign(text)]).description
    let proofs = try wanted.indices.map { index in
      let proof = try InclusionProof.make(index: UInt64(index), size: size, from: cache)
      return PackageContent.Proof(index: proof.index, path: proof.path)
    }
    let content = PackageContent(
      vkey: signer.key.vkey, checkpoint: note, subjects: [id], cases: [.init(id: id, leaves: leaves, proofs: proofs)])
    return (try content.encoded(), signer, content)
  }

  @Test func aSoundPackageIsSound() throws {
    let (bytes, signer, _) = try Self.make()
    #expect(try PackageVerifier(keys: [signer.key]).verify(Data(bytes)).isSound)
  }

  /// Whatever byte is changed, left out or doubled: refused or named, never believed, never a crash.
  @Test func noChangedByteIsBelieved() throws {
    let (bytes, signer, _) = try Self.make()
    let verifier = PackageVerifier(keys: [signer.key])
    var dice = Dice(state: 0x9E37_79B9_7F4A_7C15)
    for round in 0..<(Self.isHeavy ? 60_000 : 3000) {
      var changed = bytes
      let place = Int.random(in: 0..<bytes.count, using: &dice)
      switch round % 4 {
      case 0: changed[place] ^= UInt8(1 << Int.random(in: 0..<8, using: &dice))
      case 1: changed.remove(at: place)
      case 2: changed.insert(UInt8.random(in: 0...255, using: &dice), at: place)
      default: changed.removeLast(Int.random(in: 1..<bytes.count, using: &dice))
      }
      guard let report = try? verifier.verify(Data(changed)) else { continue }
      // A time stamp or version of the ZIP headers is not content.
      let same = (try? ZipArchive.decode(Data(changed))).map { files in files == (try? ZipArchive.decode(Data(bytes))) }
      #expect(!report.isSound || same == true, "round \(round)")
    }
  }

  @Test func pathsAndDoublesAndCompressionAreRefused() throws {
    for name in [
      "../x", "/etc/passwd", "a//b", "a/../b", ".hidden", "a\\b", "a b", "ä", "", String(repeating: "a", count: 201),
    ] {
      #expect(throws: FormatError.self, "\(name)") { _ = try ZipArchive.encode([(name, [])]) }
    }
    var twice = try ZipArchive.encode([("aa", [1]), ("ab", [2])])
    for index in twice.indices.dropLast() where twice[index] == 0x61 && twice[index + 1] == 0x62 {
      twice[index + 1] = 0x61
    }
    #expect { _ = try ZipArchive.decode(Data(twice)) } throws: { "\($0)".contains("same name") }
    var outside = try ZipArchive.encode([("aaaa", [1])])
    for index in outside.indices.dropLast(3) where outside[index..<index + 4].elementsEqual(Array("aaaa".utf8)) {
      outside.replaceSubrange(index..<index + 4, with: Array("../a".utf8))
    }
    #expect { _ = try ZipArchive.decode(Data(outside)) } throws: { "\($0)".contains("plain relative path") }
    var compressed = try ZipArchive.encode([("a", [1])])
    compressed[8] = 8
    #expect(throws: FormatError.self) { _ = try ZipArchive.decode(Data(compressed)) }
    var huge = try ZipArchive.encode([("a", [1])])
    let end = huge.count - 22
    huge.replaceSubrange(end + 8..<end + 12, with: [255, 255, 255, 255])
    #expect(throws: FormatError.self) { _ = try ZipArchive.decode(Data(huge)) }
  }

  @Test func aSignatureByAnUnknownKeyIsNoSignature() throws {
    let (bytes, _, content) = try Self.make()
    let other = try NoteSigner.generate(name: "evidence.example/gov1").signer
    #expect { _ = try PackageVerifier(keys: [other.key]).verify(Data(bytes)) } throws: {
      "\($0)".contains("none of the known keys")
    }
    // Beside the log's signature, one of an unknown key changes nothing.
    let (again, signer, _) = try Self.make()
    #expect(try PackageVerifier(keys: [signer.key]).verify(Data(again)).isSound)
    var crowded = content
    let note = try SignedNote(parsing: content.checkpoint)
    crowded.checkpoint =
      SignedNote(text: note.text, signatures: note.signatures + [try other.sign(note.text)]).description
    let log = try NoteKey(vkey: content.vkey)
    #expect(try PackageVerifier(keys: [log]).verify(Data(try crowded.encoded())).isSound)
    #expect(throws: FormatError.self) {
      _ = try PackageVerifier(keys: [log], requiredWitnesses: 1).verify(Data(try crowded.encoded()))
    }
  }

  @Test func parsersSurviveNoise() throws {
    var dice = Dice(state: 42)
    let alphabet = Array("{}[]\",:0123456789-eE.\\untrfalse \n\u{2014}+/=abcAB".utf8) + [0, 0x80, 0xC3, 0xFF]
    for _ in 0..<(Self.isHeavy ? 2_000_000 : 20_000) {
      let noise = (0..<Int.random(in: 0..<80, using: &dice)).map { _ in alphabet.randomElement(using: &dice)! }
      if let value = try? CanonicalJSON(canonical: noise) { #expect(value.bytes == noise) }
      _ = try? EvidenceLeaf(bytes: noise)
      _ = try? EntryBundle.decode(noise, maximumCount: 10)
      _ = try? ZipArchive.decode(Data(noise))
      let text = String(decoding: noise, as: UTF8.self)
      _ = try? SignedNote(parsing: text)
      _ = try? NoteKey(vkey: text)
      _ = try? Checkpoint(text: text)
      _ = try? ProofFile(parsing: text)
      _ = try? TimestampToken(response: noise)
      _ = try? TimestampAuthority(
        pem: "-----BEGIN CERTIFICATE-----\n\(Base64.encode(noise))\n-----END CERTIFICATE-----")
    }
    let deep = [UInt8](repeating: 0x5B, count: 100_000)
    #expect { _ = try CanonicalJSON(canonical: deep) } throws: { "\($0)".contains("deeply") }
  }
}
