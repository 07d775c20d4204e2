import Evidence
import Foundation
import MerkleLog
import TestSupport
import Testing

/// Against an S3-compatible server that checks signatures: moto, which `deploy/heavy` starts.
@Suite struct S3StoreTests {
  static let endpoint = ProcessInfo.processInfo.environment["KEYTURN_TEST_S3"]

  private func store(prefix: String = "", secret: String? = nil) throws -> S3Store {
    let environment = ProcessInfo.processInfo.environment
    return S3Store(
      endpoint: try #require(URL(string: Self.endpoint ?? "http://127.0.0.1:1")), bucket: "keyturn-evidence",
      prefix: prefix, region: "us-east-1", accessKey: environment["AWS_ACCESS_KEY_ID"] ?? "test",
      secretKey: secret ?? environment["AWS_SECRET_ACCESS_KEY"] ?? "test")
  }

  @Test(.enabled(if: S3StoreTests.endpoint != nil, "deploy/heavy starts the server"))
  func aLogIsPublishedToABucketAndContinuedFromIt() async throws {
    let world = try await EvidenceWorld.make()
    let store = try store(prefix: "log-\(UUID().uuidString)/")
    #expect(try await store.newestCheckpoint() == nil)
    let publisher = Publisher(reader: world.reader, store: store, key: world.signer.key, logger: TestDatabase.logger)
    for name in ["one", "two"] {
      try await world.live(name)
      let head = try await world.seal(known: [store])
      #expect(try await publisher.publish() == head.size)
      #expect(try await store.newestCheckpoint() == head.note)
    }
    let head = try #require(try await world.reader.head())
    var tiles: [Tile] = []
    for id in TileID.added(from: 0, to: head.size) {
      tiles.append(try Tile(id: id, bytes: try #require(try await store.read(id.path), "\(id.path)")))
    }
    #expect(try TileCache(size: head.size, tiles: tiles).root(size: head.size) == head.root)
    #expect(try await LogCheck(reader: world.reader, store: store, key: world.signer.key).run() == nil)
    // A file is replaced whole; what is not there is nil and no error.
    try await store.write("tile/x001/x234/067.p/112", [1, 2, 3])
    try await store.write("tile/x001/x234/067.p/112", [4])
    #expect(try await store.read("tile/x001/x234/067.p/112") == [4])
    // The server checks signatures: with another secret nothing is read or written, and that is no empty log.
    let stranger = try self.store(secret: "wrong")
    await #expect(throws: EvidenceError(code: .store, message: "")) { _ = try await stranger.newestCheckpoint() }
    await #expect(throws: EvidenceError(code: .store, message: "")) { try await stranger.write("x", [1]) }
    #expect(try await store.read("never/written") == nil)
    // The database is set back: the bucket says so.
    let later = Checkpoint(origin: head.origin, size: head.size + 1, root: .digest([1]))
    let note = SignedNote(text: later.text, signatures: [try world.signer.sign(later.text)]).description
    try await store.write(S3Store.checkpointPath, Array(note.utf8))
    await #expect(throws: EvidenceError(code: .rolledBack, message: "")) {
      _ = try await world.sealer(known: [store]).takeLead()
    }
    try await world.close()
  }

  @Test func aServerThatIsAwayOrAnswersStrangelyIsAnErrorAndNoEmptyLog() async throws {
    for status in [403, 500, 301] {
      let server = try LoopbackServer { _ in .init(status: status, body: Array("<Error/>".utf8)) }
      let store = S3Store(
        endpoint: server.url, bucket: "keyturn-evidence", region: "us-east-1", accessKey: "a", secretKey: "b")
      await #expect(throws: EvidenceError(code: .store, message: "")) { _ = try await store.newestCheckpoint() }
      await #expect(throws: EvidenceError(code: .store, message: "")) { try await store.write("x", [1]) }
      server.stop()
    }
    let away = S3Store(
      endpoint: try #require(URL(string: "http://127.0.0.1:1")), bucket: "b", region: "us-east-1", accessKey: "a",
      secretKey: "canary-secret")
    await #expect { _ = try await away.read("x") } throws: { !"\($0)".contains("canary") }
    var dumped = ""
    dump(away, to: &dumped)
    #expect(!dumped.contains("canary"))
  }
}
