import ArgumentParser
import Evidence
import Foundation
import MerkleLog

extension BenchCommand {
  /// The evidence log without a database: hashing, integrating, proving.
  struct Seal: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Hash and integrate leaves on one core, then prove leaves of that log from its tiles.")

    @Option(help: "Leaves, 1000 to 20000000.") var leaves = 10_000_000
    @Option(help: "Bytes of a leaf, 1 to 16384.") var bytes = 700
    @Option(help: "Proofs to time, 10 to 100000.") var proofs = 1000
    @Option(help: "Also write the figures as JSON to this file.") var write: String?
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard (1000...20_000_000).contains(leaves) else { throw ValidationError("--leaves must be 1000 to 20000000") }
      guard (1...16_384).contains(bytes) else { throw ValidationError("--bytes must be 1 to 16384") }
      guard (10...100_000).contains(proofs) else { throw ValidationError("--proofs must be 10 to 100000") }
    }

    mutating func run() async throws {
      do {
        let (seconds, tree, tiles) = integrate()
        let cache = TileCache(size: tree.size, tiles: tiles + tree.partialTiles)
        guard try cache.root(size: tree.size) == tree.root else {
          throw BenchError(description: "the tiles have another root")
        }
        let times = try prove(cache, root: tree.root)
        var report = BenchReport(name: "seal", fields: Machine.facts)
        #if DEBUG
          report.add("build", "debug: figures of no worth; use the release build")
        #endif
        report.add("leaves", "\(leaves)")
        report.add("bytes per leaf", "\(bytes)")
        report.add(
          "leaves hashed and integrated per second", Double(leaves) / seconds, goal: .atLeast(100_000))
        report.add("proof of a leaf from tiles p50 ms", times[times.count / 2], digits: 3)
        report.add("proof of a leaf from tiles p99 ms", times[times.count * 99 / 100], digits: 3)
        report.add("proof of a leaf from tiles max ms", times[times.count - 1], digits: 3, goal: .atMost(10))
        try report.finish(global.output, path: write)
      } catch {
        throw Failure.exit(for: error, json: global.json)
      }
    }

    private func integrate() -> (seconds: Double, tree: TileTree, tiles: [Tile]) {
      var (tree, tiles) = (TileTree(), [Tile]())
      var leaf = [UInt8](repeating: 0x61, count: bytes)
      let start = ContinuousClock.now
      for number in 0..<leaves {
        withUnsafeBytes(of: number) { for index in 0..<min(8, bytes) { leaf[index] = $0[index] } }
        tree.append(.leaf(leaf), completing: &tiles)
      }
      return ((ContinuousClock.now - start).seconds, tree, tiles)
    }

    /// Milliseconds of each, sorted.
    private func prove(_ cache: TileCache, root: NodeHash) throws -> [Double] {
      var leaf = [UInt8](repeating: 0x61, count: bytes)
      var times: [Double] = []
      for step in 0..<proofs {
        let index = UInt64(step) &* 2_654_435_761 % cache.size
        let start = ContinuousClock.now
        let proof = try InclusionProof.make(index: index, size: cache.size, from: cache)
        times.append((ContinuousClock.now - start).seconds * 1000)
        withUnsafeBytes(of: Int(index)) { for place in 0..<min(8, bytes) { leaf[place] = $0[place] } }
        guard proof.verifies(leaf: .leaf(leaf), root: root) else { throw BenchError(description: "a proof is wrong") }
      }
      return times.sorted()
    }
  }
}
