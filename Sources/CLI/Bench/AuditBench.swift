import ArgumentParser
import AuditPackage
import Evidence
import Foundation
import MerkleLog
import Postgres

extension BenchCommand {
  /// What an auditor waits for: proofs out of a large log in the database, and a package of many whole cases.
  struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Prove leaves of a large log out of the database; make and verify a package of many rotations.")

    @Option(help: "Leaves of the large log, 1000 to 20000000.") var leaves = 10_000_000
    @Option(help: "Proofs to time, 10 to 10000.") var proofs = 500
    @Option(help: "Rotations in the package, 10 to 5000.") var cases = 1000
    @Option(help: "Also write the figures as JSON to this file.") var write: String?
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard (1000...20_000_000).contains(leaves) else { throw ValidationError("--leaves must be 1000 to 20000000") }
      guard (10...10_000).contains(proofs) else { throw ValidationError("--proofs must be 10 to 10000") }
      guard (10...5000).contains(cases) else { throw ValidationError("--cases must be 10 to 5000") }
    }

    mutating func run() async throws {
      do {
        let server = try await BenchServer.start(logger: global.makeLogger("keyturn.bench"))
        var report = try await server.report("audit")
        try await packages(server, &report)
        try await large(server, &report)
        try await server.stop()
        try report.finish(global.output, path: write)
      } catch {
        throw Failure.exit(for: error, json: global.json)
      }
    }

    // MARK: A package

    private func packages(_ server: BenchServer, _ report: inout BenchReport) async throws {
      let world = try await SagaWorld.make(on: server, targets: 8, latency: 0)
      let accounts = try await world.addAccounts(cases, prefix: "audit")
      _ = try await SagaBench(server: server, world: world, accounts: accounts, workers: 1, concurrency: 500).run()
      let signer = try SigningKeyFile(path: world.composition.evidence.keyFile).load()
      let sealer = Sealer(
        client: server.client, signer: signer, known: [], configuration: .init(name: "bench"), logger: server.logger)
      guard var term = try await sealer.takeLead() else { throw BenchError(description: "somebody else seals") }
      while try await sealer.sealOnce(&term) > 0 {}
      await sealer.leave(term)
      let reader = LogReader(client: server.client)
      let subjects = try await reader.opened(from: .distantPast, until: .distantFuture).map(\.caseID)
      var start = ContinuousClock.now
      let content = try await PackageBuilder(reader: reader).build(subjects)
      let bytes = try content.encoded()
      report.add("rotations in the package", "\(content.subjects.count)")
      report.add(
        "cases and leaves in it", "\(content.cases.count), \(content.cases.reduce(0) { $0 + $1.leaves.count })")
      report.add("bytes of the package", "\(bytes.count)")
      report.add("making it, seconds", (ContinuousClock.now - start).seconds, digits: 2)
      let path = server.folder + "/package.zip"
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      start = ContinuousClock.now
      let outcome = VerifyRun(package: path, keys: [signer.key.vkey], since: nil, witnesses: 0, json: false).run()
      let seconds = (ContinuousClock.now - start).seconds
      guard outcome.exitCode == 0 else { throw BenchError(description: outcome.text) }
      report.add("verifying it, seconds", seconds, digits: 2, goal: .atMost(5 * Double(max(cases, 1000)) / 1000))
      await world.composition.close()
    }

    // MARK: A large log

    /// Its tiles only, as a sealer would have left them; leaves themselves are not needed to prove one.
    private func large(_ server: BenchServer, _ report: inout BenchReport) async throws {
      var start = ContinuousClock.now
      let (tree, tail) = try await fill(server)
      report.add("making the large log, seconds", (ContinuousClock.now - start).seconds, digits: 1)
      let reader = LogReader(client: server.client)
      guard let head = try await reader.head(), head.size == UInt64(leaves) else {
        throw BenchError(description: "the log has another size")
      }
      var times: [Double] = []
      for step in 0..<proofs {
        let index = UInt64(step) &* 2_654_435_761 % head.size
        start = .now
        let proof = try await reader.inclusions(of: [index], in: head)[0]
        times.append((ContinuousClock.now - start).seconds * 1000)
        guard proof.verifies(leaf: .leaf(Self.leaf(Int(index))), root: tree.root) else {
          throw BenchError(description: "a proof is wrong")
        }
      }
      times.sort()
      report.add("leaves of the large log", "\(leaves), \(tail) of them in a tile that is not full")
      report.add("proof of a leaf out of the database p50 ms", times[times.count / 2], digits: 2)
      report.add("proof of a leaf out of the database p99 ms", times[times.count * 99 / 100], digits: 2)
      report.add(
        "proof of a leaf out of the database max ms", times[times.count - 1], digits: 2, goal: .atMost(10))
    }

    private static func leaf(_ number: Int) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

    private func fill(_ server: BenchServer) async throws -> (tree: TileTree, tail: Int) {
      try await server.run(
        "SET session_replication_role = replica",
        "ALTER TABLE evidence.sealed DISABLE TRIGGER ALL", "ALTER TABLE evidence.tile DISABLE TRIGGER ALL",
        "DELETE FROM evidence.sealed", "DELETE FROM evidence.tile")
      var (tree, tiles) = (TileTree(), [Tile]())
      for number in 0..<leaves {
        tree.append(.leaf(Self.leaf(number)), completing: &tiles)
        if tiles.count >= 500 {
          try await server.owner.execute(PutTiles(tiles: tiles))
          tiles = []
        }
      }
      if !tiles.isEmpty { try await server.owner.execute(PutTiles(tiles: tiles)) }
      let tail = leaves % Int(TileID.width)
      try await server.owner.execute(
        PutTail(
          first: Int64(leaves - tail), hashes: (leaves - tail..<leaves).flatMap { NodeHash.leaf(Self.leaf($0)).bytes },
          count: Int32(tail), size: Int64(leaves), root: tree.root.bytes))
      try await server.run("VACUUM (ANALYZE) evidence.tile", "CHECKPOINT")
      return (tree, tail)
    }
  }
}

private struct PutTiles: Statement {
  static let sql = """
    INSERT INTO evidence.tile (level, number, hashes, root)
    SELECT level, number, hashes, root
    FROM unnest($1::smallint[], $2::bigint[], $3::bytea[], $4::bytea[]) AS m (level, number, hashes, root)
    """

  let tiles: [Tile]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(tiles.map { Int16($0.id.level) })
    parameters.append(tiles.map { Int64($0.id.number) })
    parameters.append(tiles.map(\.bytes))
    parameters.append(tiles.map(\.root.bytes))
  }
}

/// The leaves that fill no tile, as one batch, and the log's head.
private struct PutTail: Statement {
  static let sql = """
    WITH batch AS (
      INSERT INTO evidence.batch (id, count, cases, sequences, hashes)
      SELECT nextval('evidence.batch_id'), $3::integer, array_fill(gen_random_uuid(), ARRAY[$3::integer]), array_fill(1, ARRAY[$3::integer]), $2
      WHERE $3::integer > 0
      RETURNING id
    ), sealed AS (
      INSERT INTO evidence.sealed (first_index, count, batch) SELECT $1, $3::integer, id FROM batch
    )
    UPDATE evidence.log SET size = $4, root = $5
    """

  let first: Int64
  let hashes: [UInt8]
  let count: Int32
  let size: Int64
  let root: [UInt8]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(first)
    parameters.append(hashes)
    parameters.append(count)
    parameters.append(size)
    parameters.append(root)
  }
}
