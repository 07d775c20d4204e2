import Foundation
import MerkleLog
import Testing

/// The published vectors, and this product's own.
@Suite struct VectorTests {
  /// Of the tests of RFC 6962's reference implementation.
  static let leaves = [
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
  ].map { Hex.decode($0)! }
  static let roots = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  ]
  static let words = ["alpha", "beta", "gamma", "delta", "epsilon"]

  private func hashes(_ leaves: [[UInt8]]) -> [NodeHash] { leaves.map { .leaf($0) } }

  @Test func theEmptyTreeIsTheHashOfNothing() {
    #expect(
      NodeHash.emptyTree.description == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(CompactRange().root == .emptyTree && TileTree().root == .emptyTree)
  }

  @Test func theEightLeavesHaveTheirPublishedRoots() {
    var range = CompactRange()
    var tree = TileTree()
    var tiles: [Tile] = []
    for (leaf, root) in zip(Self.leaves, Self.roots) {
      range.append(.leaf(leaf))
      tree.append(.leaf(leaf), completing: &tiles)
      #expect(range.root.description == root)
      #expect(tree.root.description == root)
    }
    #expect(tiles.isEmpty)
  }

  /// RFC 6962's tests: paths of the tree of eight.
  @Test func publishedPathsAreMadeAndVerified() throws {
    let tree = Leaves(hashes(Self.leaves))
    let first = try InclusionProof.make(index: 0, size: 8, from: tree)
    #expect(
      first.path.map(\.description) == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
      ])
    let sixth = try InclusionProof.make(index: 5, size: 8, from: tree)
    #expect(
      sixth.path.map(\.description) == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      ])
    #expect(try ConsistencyProof.make(oldSize: 1, newSize: 1, from: tree).path.isEmpty)
    #expect(
      try ConsistencyProof.make(oldSize: 6, newSize: 8, from: tree).path.map(\.description) == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      ])
  }

  @Test func theProductsOwnVectorsHold() throws {
    let signer = try NoteSigner(name: "evidence.example/gov1", seed: (0...0x1F).map { UInt8($0) })
    #expect(signer.key.vkey == "evidence.example/gov1+94a7f24e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4")
    #expect(try NoteKey(vkey: signer.key.vkey) == signer.key)
    let tree = Leaves(hashes(Self.words.map { Array($0.utf8) }))
    let root = try tree.root(size: 5)
    #expect(root.description == "4fadaf65230be6227c00da655ea088f1038a3b3443350b3e6cf7062f2e03963a")
    let inclusion = try InclusionProof.make(index: 2, size: 5, from: tree)
    #expect(
      inclusion.path.map(\.base64) == [
        "XHEX+57bDOw4cleJEQXaamYWciryRwg+LW7aZxUpzcU=", "mDy1fATN3VJjTtqzinvvhXCKl08RS72aqexdTOZla0s=",
        "vzbln4jQYj023Thg4kpE/Ma80q2I/fZySdwZU/NgW1E=",
      ])
    let consistency = try ConsistencyProof.make(oldSize: 3, newSize: 5, from: tree)
    #expect(
      consistency.path.map(\.base64) == [
        "THnQ1i989cqIdBVfLTuHXyYl2iuzq8hrvWgz8lupDlE=", "XHEX+57bDOw4cleJEQXaamYWciryRwg+LW7aZxUpzcU=",
        "mDy1fATN3VJjTtqzinvvhXCKl08RS72aqexdTOZla0s=", "vzbln4jQYj023Thg4kpE/Ma80q2I/fZySdwZU/NgW1E=",
      ])
    #expect(try consistency.verifies(oldRoot: tree.root(size: 3), newRoot: root))
    let checkpoint = Checkpoint(origin: "evidence.example/gov1", size: 5, root: root)
    // Ed25519 signatures are made with randomness here, so the published one is checked and not compared.
    let line =
      "\u{2014} evidence.example/gov1 lKfyTiPMTImuWYImSdvcplNZ0Ao3mjaWadQz08UNj/Th/wuGOra2rq5Zpp02+6KFnstAvmKDmV2VoxB/KyFYVjJQSQo="
    let note = try SignedNote(parsing: checkpoint.text + "\n" + line + "\n")
    #expect(try note.verified(by: [signer.key]) == [signer.key])
    #expect(try Checkpoint(text: note.text) == checkpoint)
    let own = SignedNote(text: checkpoint.text, signatures: [try signer.sign(checkpoint.text)])
    #expect(try own.verified(by: [signer.key]) == [signer.key])
    #expect(try SignedNote(parsing: own.description) == own)
  }

  @Test func tilesHaveTheNamesOfTheFormat() {
    #expect(TileID(level: 0, number: 1_234_067).path == "tile/0/x001/x234/067")
    #expect(TileID(level: 1, number: 0, width: 17).path == "tile/1/000.p/17")
    #expect(TileID(level: 0, number: 273, width: 112).entriesPath == "tile/entries/273.p/112")
    let tiles = TileID.added(from: 0, to: 70_000)
    #expect(tiles.filter { $0.level == 0 && $0.isFull }.count == 273)
    #expect(tiles.filter { $0.level == 0 && !$0.isFull } == [TileID(level: 0, number: 273, width: 112)])
    #expect(
      tiles.filter { $0.level == 1 } == [TileID(level: 1, number: 0), TileID(level: 1, number: 1, width: 17)])
    #expect(tiles.filter { $0.level == 2 } == [TileID(level: 2, number: 0, width: 1)])
    #expect(tiles.allSatisfy { $0.level <= 2 })
  }

  /// RFC 8785, sections 3.2.2 and 3.2.3, without the numbers that are not integers.
  @Test func canonicalTextIsThatOfRFC8785() throws {
    let strings = CanonicalJSON.string("\u{20ac}$\u{000F}\u{000A}A'\u{0042}\u{0022}\u{005c}\\\"/")
    #expect(strings.text == #""€$\u000f\nA'B\"\\\\\"/""#)
    let sorted = CanonicalJSON.object([
      "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "1": "One", "\u{1F600}": "Emoji: Grinning Face",
      "\u{0080}": "Control", "\u{00f6}": "Latin Small Letter O With Diaeresis",
    ])
    #expect(
      sorted.text
        == "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{0080}\":\"Control\","
        + "\"\u{00f6}\":\"Latin Small Letter O With Diaeresis\",\"\u{20ac}\":\"Euro Sign\",\"\u{1F600}\":\"Emoji: Grinning Face\"}"
    )
    #expect(try CanonicalJSON(canonical: sorted.bytes) == sorted)
    #expect(
      CanonicalJSON.array([.null, .bool(true), .bool(false), 0, -1, 9_007_199_254_740_991]).text
        == "[null,true,false,0,-1,9007199254740991]")
  }

  @Test func aCosignatureCoversItsTime() throws {
    let witness = try NoteSigner(name: "witness.example/w1", kind: .cosignature, seed: [UInt8](repeating: 7, count: 32))
    let text = Checkpoint(origin: "evidence.example/gov1", size: 1, root: .emptyTree).text
    let signature = try witness.sign(text, time: 1_679_315_147)
    let note = SignedNote(text: text, signatures: [signature])
    #expect(try note.verified(by: [witness.key]) == [witness.key])
    #expect(Cosignature(bytes: signature.bytes)?.time == 1_679_315_147)
    var moved = signature.bytes
    moved[7] ^= 1
    let forged = SignedNote(text: text, signatures: [.init(name: signature.name, keyID: signature.keyID, bytes: moved)])
    #expect(throws: FormatError.self) { try forged.verified(by: [witness.key]) }
  }
}

/// A small tree whose leaves are all there.
struct Leaves: NodeSource {
  let hashes: [NodeHash]

  init(_ hashes: [NodeHash]) { self.hashes = hashes }

  func hash(of node: NodeID) throws -> NodeHash {
    var range = CompactRange()
    for index in node.leaves { range.append(hashes[Int(index)]) }
    return range.root
  }
}
