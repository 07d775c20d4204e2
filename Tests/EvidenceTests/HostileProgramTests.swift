import AuditPackage
import Foundation
import MerkleLog
import TestSupport
import Testing

/// Each hostile package is given to both verifiers as programs, with a gigabyte of address space: both refuse it or name what
/// is wrong, with the same exit code, and neither crashes.
@Suite struct HostileProgramTests {
  private struct Bench {
    let folder: String
    let key: String

    /// The exit code; both must have the same.
    func verdict(
      _ bytes: [UInt8], _ place: String, key: String? = nil, since: String? = nil
    ) async throws -> (code: Int32, text: String) {
      let path = folder + "/package.zip"
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      let arguments = [path, "--key", key ?? self.key] + (since.map { ["--since", $0] } ?? [])
      let first = try await Program.run(
        Program.folder.appendingPathComponent("keyturn-verify").path, arguments, megabytes: 1024)
      let second = try await Program.run(
        "/usr/bin/env", ["python3", "-B", Program.python] + arguments, megabytes: 1024)
      #expect(first.code == second.code, "\(place): \(first.output)\(first.errors) – \(second.output)\(second.errors)")
      #expect(second.errors.isEmpty, "\(place): \(second.errors)")
      #expect(first.output.contains("\n") && first.errors.isEmpty, "\(place): \(first.errors)")
      return (first.code, first.output)
    }

    func refuses(_ bytes: [UInt8], _ place: String, key: String? = nil) async throws {
      let (code, text) = try await verdict(bytes, place, key: key)
      #expect(code == 2 && text.hasPrefix("refused: "), "\(place): \(code) \(text)")
    }

    func names(_ content: PackageContent, _ place: String) async throws {
      let (code, text) = try await verdict(try content.encoded(), place)
      #expect(code == 1 && text.contains("DEVIATION"), "\(place): \(code) \(text)")
    }
  }

  /// The files of a package, some of them others, with a manifest that fits them.
  /// - Parameter times: how often the manifest names each case.
  private func repacked(
    _ bytes: [UInt8], naming times: Int = 1, _ change: (inout [(name: String, bytes: [UInt8])]) -> Void
  ) throws -> [UInt8] {
    let decoded = try ZipArchive.decode(Data(bytes))
    var files = decoded.filter { $0.key != "manifest.json" }.sorted { $0.key < $1.key }
      .map { (name: $0.key, bytes: [UInt8]($0.value)) }
    change(&files)
    guard case .object(var manifest) = try CanonicalJSON(canonical: try #require(decoded["manifest.json"])) else {
      return []
    }
    let cases = manifest["cases"]?.array ?? []
    manifest["cases"] = .array((0..<times).flatMap { _ in cases })
    manifest["files"] = .object(
      Dictionary(files.map { ($0.name, CanonicalJSON.string("\(NodeHash.digest($0.bytes))")) }) { first, _ in first })
    return try ZipArchive.encode([("manifest.json", CanonicalJSON.object(manifest).bytes)] + files)
  }

  private func bench() throws -> (Bench, [UInt8], NoteSigner, PackageContent) {
    let (bytes, signer, content) = try HostilePackageTests.make()
    return (Bench(folder: try TestFolder.make("keyturn-hostile"), key: signer.key.vkey), bytes, signer, content)
  }

  @Test func aSoundPackageIsSoundToBoth() async throws {
    let (bench, bytes, _, _) = try bench()
    #expect(try await bench.verdict(bytes, "sound").code == 0)
    try FileManager.default.removeItem(atPath: bench.folder)
  }

  @Test func truncatedAndEmptyAndForeignFiles() async throws {
    let (bench, bytes, _, _) = try bench()
    for count in [0, 1, 21, 22, 100, bytes.count / 2, bytes.count - 23, bytes.count - 1] {
      try await bench.refuses(Array(bytes.prefix(count)), "\(count) bytes")
    }
    try await bench.refuses(Array("%PDF-1.7 is no package, however long it is".utf8), "another format")
    try await bench.refuses(bytes + [0], "a byte more at the end")
    try await bench.refuses([0] + bytes, "a byte more at the beginning")
    try FileManager.default.removeItem(atPath: bench.folder)
  }

  @Test func reorderedAndDuplicated() async throws {
    let (bench, bytes, _, content) = try bench()
    var swapped = content
    swapped.cases[0].leaves.swapAt(1, 2)
    swapped.cases[0].proofs.swapAt(1, 2)
    try await bench.names(swapped, "two leaves exchanged")
    var proofs = content
    proofs.cases[0].proofs.swapAt(1, 2)
    try await bench.names(proofs, "two proofs exchanged")
    var twice = content
    twice.cases[0].leaves.append(twice.cases[0].leaves[4])
    twice.cases[0].proofs.append(twice.cases[0].proofs[4])
    try await bench.names(twice, "a leaf twice")
    var gone = content
    gone.cases[0].leaves.remove(at: 2)
    gone.cases[0].proofs.remove(at: 2)
    try await bench.names(gone, "a leaf left out")
    try await bench.refuses(try repacked(bytes, naming: 2) { _ in }, "a case twice")
    try await bench.refuses(try repacked(bytes, naming: 0) { _ in }, "no case")
    try await bench.refuses(doubled(bytes), "a file twice")
    // The directory tells of the files in another order than they have.
    try await bench.refuses(exchanged(bytes), "the directory reordered")
    try FileManager.default.removeItem(atPath: bench.folder)
  }

  /// Two entries get one name, in both headers.
  private func doubled(_ bytes: [UInt8]) -> [UInt8] {
    guard let archive = try? ZipArchive.encode([("checkpoint", [1]), ("checkpoinx", [2])]) else { return [] }
    var data = Data(archive)
    while let range = data.range(of: Data("checkpoinx".utf8)) {
      data.replaceSubrange(range, with: Data("checkpoint".utf8))
    }
    return [UInt8](data)
  }

  private func exchanged(_ bytes: [UInt8]) -> [UInt8] {
    let data = Data(bytes)
    var starts: [Int] = []
    var from = 0
    while let range = data.range(of: Data([0x50, 0x4B, 1, 2]), in: from..<data.count) {
      starts.append(range.lowerBound)
      from = range.upperBound
    }
    guard starts.count >= 2 else { return bytes }
    let entries = zip(starts, starts.dropFirst() + [bytes.count - 22]).map { Array(bytes[$0..<$1]) }
    return Array(bytes[..<starts[0]]) + entries.reversed().joined() + Array(bytes.suffix(22))
  }

  @Test func oversizedAndHugeCounts() async throws {
    let (bench, bytes, _, content) = try bench()
    var big = content
    big.cases[0].leaves[4] = CanonicalJSON.object(["x": .string(String(repeating: "y", count: 20_000))]).bytes
    try await bench.names(big, "a leaf of more than 16 KiB")
    let many = try repacked(bytes) { files in
      guard let index = files.firstIndex(where: { $0.name.hasSuffix(".leaves") }) else { return }
      files[index].bytes = [UInt8](repeating: 0, count: 2 * 100_001)
    }
    try await bench.refuses(many, "a hundred thousand empty leaves")
    let deep = try repacked(bytes) { $0.append(("openings.json", [UInt8](repeating: 0x5B, count: 1_000_000))) }
    try await bench.refuses(deep, "a million brackets")
    let lines = try repacked(bytes) { files in
      guard let index = files.firstIndex(where: { $0.name.hasSuffix(".proofs") }) else { return }
      files[index].bytes = Array(
        ("index 0\n" + String(repeating: NodeHash.emptyTree.base64 + "\n", count: 100_000) + "\n").utf8)
    }
    try await bench.refuses(lines, "a proof of a hundred thousand hashes")
    // Numbers that only claim: four gigabytes in a file of a few kilobytes, 65,535 files.
    for (offset, value) in [
      (-22 + 8, [0xFF, 0xFF, 0xFF, 0xFF]), (-22 + 12, [0xFF, 0xFF, 0xFF, 0x7F]), (-22 + 16, [0xFF, 0xFF, 0xFF, 0x7F]),
    ]
      as [(Int, [UInt8])]
    {
      var claims = bytes
      claims.replaceSubrange(claims.count + offset..<claims.count + offset + 4, with: value)
      try await bench.refuses(claims, "the directory claims too much")
    }
    var sizes = Data(bytes)
    if let entry = sizes.range(of: Data([0x50, 0x4B, 1, 2])) {
      sizes.replaceSubrange(entry.lowerBound + 20..<entry.lowerBound + 28, with: [0, 0, 0, 0x7F, 0, 0, 0, 0x7F])
    }
    try await bench.refuses([UInt8](sizes), "an entry claims two gigabytes")
    // More than a package may have; sparse, so that it costs nothing here.
    let path = bench.folder + "/huge.zip"
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    truncate(path, 3_000_000_000)
    for program in [Program.folder.appendingPathComponent("keyturn-verify").path, "/usr/bin/env"] {
      let arguments =
        (program == "/usr/bin/env" ? ["python3", "-B", Program.python] : []) + [path, "--key", bench.key]
      let ended = try await Program.run(program, arguments, megabytes: program == "/usr/bin/env" ? 1024 : 4096)
      #expect(ended.code == 2 && ended.output.hasPrefix("refused"), "\(ended.output)\(ended.errors)")
    }
    try FileManager.default.removeItem(atPath: bench.folder)
  }

  @Test func notUTF8() async throws {
    let (bench, bytes, _, content) = try bench()
    for name in ["checkpoint", "summary.html", "openings.json"] {
      let changed = try repacked(bytes) { files in
        files.removeAll { $0.name == name }
        files.append((name, [0x61, 0xFF, 0xC3, 0x28, 0x0A]))
      }
      try await bench.refuses(changed, "\(name) is not UTF-8")
    }
    var leaf = content
    leaf.cases[0].leaves[2][20] = 0xFF
    try await bench.names(leaf, "a leaf is not UTF-8")
    var name = bytes
    for index in name.indices.dropLast(10)
    where name[index..<index + 10].elementsEqual(Array("checkpoint".utf8)) && name[index - 1] == 0 {
      name[index + 3] = 0xFF
    }
    try await bench.refuses(name, "a file's name is not UTF-8")
    try FileManager.default.removeItem(atPath: bench.folder)
  }

  @Test func hostilePaths() async throws {
    let (bench, bytes, _, _) = try bench()
    // Each as long as the name it takes the place of, in both headers and in the manifest.
    for path in [
      "../../etcx", "/etc/passw", "a/../../bx", "..\\..\\win", "C:\\windows", "a//b/c/d/e", ".hidden/ab",
      "aux\u{7F}con/x",
    ] {
      let changed = try repacked(bytes) { $0.append(("placeholdr", Array("x".utf8))) }
      var data = Data(changed)
      while let range = data.range(of: Data("placeholdr".utf8)) { data.replaceSubrange(range, with: Data(path.utf8)) }
      try await bench.refuses([UInt8](data), path)
    }
    let foreign = try repacked(bytes) { $0.append(("readme.txt", Array("x".utf8))) }
    try await bench.refuses(foreign, "a file that nobody reads")
    try FileManager.default.removeItem(atPath: bench.folder)
  }

  @Test func wrongKeysUnknownSignersAndTwoHistories() async throws {
    let (bench, bytes, signer, content) = try bench()
    let other = try NoteSigner.generate(name: signer.key.name).signer
    try await bench.refuses(bytes, "the wrong key", key: other.key.vkey)
    let third = try NoteSigner.generate(name: "evidence.example/elsewhere").signer
    try await bench.refuses(bytes, "another log's key", key: third.key.vkey)
    for key in ["nonsense+00000000+AAAA", signer.key.name + "+00000000+" + Base64.encode([1] + signer.key.publicKey)] {
      #expect(try await bench.verdict(bytes, "a key that is none", key: key).code == 64)
    }
    // A valid signature, by a key that nobody trusts.
    let note = try SignedNote(parsing: content.checkpoint)
    var unknown = content
    unknown.checkpoint = SignedNote(text: note.text, signatures: [try other.sign(note.text)]).description
    try await bench.refuses(try unknown.encoded(), "signed by an unknown key")
    // The package's own word for its key is not believed.
    unknown.vkey = other.key.vkey
    try await bench.refuses(try unknown.encoded(), "signed by the key that it names itself")
    var crowded = content
    crowded.checkpoint =
      SignedNote(text: note.text, signatures: note.signatures + [try other.sign(note.text)]).description
    #expect(try await bench.verdict(try crowded.encoded(), "an unknown key beside the log's").code == 0)
    // The same key has signed another root for as many leaves: the log showed somebody else another history.
    let split = Checkpoint(origin: signer.key.name, size: 5, root: .digest([9])).text
    let kept = bench.folder + "/kept"
    try SignedNote(text: split, signatures: [try signer.sign(split)]).description
      .write(toFile: kept, atomically: true, encoding: .utf8)
    let (code, text) = try await bench.verdict(bytes, "split view", since: kept)
    #expect(code == 1 && text.contains("two histories"))
    var forged = content
    forged.checkpoint = SignedNote(text: split, signatures: [try signer.sign(split)]).description
    try await bench.names(forged, "leaves of another history")
    let longer = Checkpoint(origin: signer.key.name, size: 9, root: .digest([9])).text
    try SignedNote(text: longer, signatures: [try signer.sign(longer)]).description
      .write(toFile: kept, atomically: true, encoding: .utf8)
    #expect(try await bench.verdict(bytes, "rolled back", since: kept).text.contains("leaves are gone"))
    let earlier = Checkpoint(origin: signer.key.name, size: 3, root: .digest([9])).text
    try SignedNote(text: earlier, signatures: [try signer.sign(earlier)]).description
      .write(toFile: kept, atomically: true, encoding: .utf8)
    #expect(try await bench.verdict(bytes, "no proof of consistency", since: kept).code == 1)
    try FileManager.default.removeItem(atPath: bench.folder)
  }

  /// Random changes of what is in a package, with a manifest that fits: both say the same of each, and neither crashes.
  /// `deploy/heavy` makes many more.
  @Test func bothAgreeOnRandomChanges() async throws {
    let (bench, bytes, _, _) = try bench()
    var dice = HostilePackageTests.Dice(state: 0xD1CE)
    var verdicts: [Int32] = []
    for round in 0..<(HostilePackageTests.isHeavy ? 4000 : 150) {
      let changed = try repacked(bytes) { files in
        let index = Int.random(in: 0..<files.count, using: &dice)
        guard !files[index].bytes.isEmpty else { return }
        for _ in 0..<Int.random(in: 1...3, using: &dice) {
          let place = Int.random(in: 0..<files[index].bytes.count, using: &dice)
          switch Int.random(in: 0..<4, using: &dice) {
          case 0: files[index].bytes[place] ^= UInt8(1 << Int.random(in: 0..<8, using: &dice))
          case 1: files[index].bytes[place] = UInt8.random(in: 0...255, using: &dice)
          case 2: files[index].bytes.insert(files[index].bytes[place], at: place)
          default: if files[index].bytes.count > 1 { files[index].bytes.remove(at: place) }
          }
        }
      }
      let path = bench.folder + "/\(round).zip"
      try Data(changed).write(to: URL(fileURLWithPath: path))
      verdicts.append(VerifyRun(package: path, keys: [bench.key], since: nil, witnesses: 0, json: false).run().exitCode)
    }
    let script = """
      import sys
      sys.path.insert(0, sys.argv[1])
      import keyturn_verify as v
      key = v.Key(sys.argv[3])
      for number in range(int(sys.argv[4])):
          try:
              print(1 if v.verify(f"{sys.argv[2]}/{number}.zip", key, None)[2] else 0)
          except (v.Refused, KeyError, TypeError, ValueError, AttributeError):
              print(2)
      """
    let folder = String(Program.python.dropLast("/keyturn_verify.py".count))
    let ended = try await Program.run(
      "/usr/bin/env", ["python3", "-B", "-c", script, folder, bench.folder, bench.key, "\(verdicts.count)"])
    #expect(ended.code == 0, "\(ended.errors)")
    let others = ended.output.split(separator: "\n").compactMap { Int32($0) }
    #expect(others.count == verdicts.count)
    for (round, (first, second)) in zip(verdicts, others).enumerated() {
      #expect((first == 0) == (second == 0), "round \(round): \(first) and \(second)")
    }
    #expect(verdicts.contains(1) && verdicts.contains(2))
    try FileManager.default.removeItem(atPath: bench.folder)
  }
}
