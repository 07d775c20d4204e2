import AuditPackage
import Evidence
import Foundation
import MerkleLog
import Synchronization
import TestSupport
import Testing

@testable import CLI

/// Against a witness of c2sp.org/tlog-witness that runs here: it signs only what extends what it has signed.
@Suite struct WitnessTests {
  private struct Seen {
    var size: UInt64 = 0
    var root = NodeHash.emptyTree
    var signed = 0
  }

  private final class Witness: Sendable {
    let signer: NoteSigner
    private let log: NoteKey
    private let seen = Mutex(Seen())

    var signed: Int { seen.withLock { $0.signed } }

    init(log: NoteKey) throws {
      self.log = log
      signer = try NoteSigner(name: "witness.example/w1", kind: .cosignature, seed: [UInt8](repeating: 9, count: 32))
    }

    func answer(_ request: LoopbackServer.Request) -> LoopbackServer.Answer {
      guard request.method == "POST", request.path == "/add-checkpoint",
        let gap = Data(request.body).range(of: Data("\n\n".utf8))
      else { return .init(status: 404) }
      let lines = String(decoding: request.body[..<gap.lowerBound], as: UTF8.self).split(separator: "\n")
      let text = String(decoding: request.body[gap.upperBound...], as: UTF8.self)
      guard let note = try? SignedNote(parsing: text), let head = try? Checkpoint(text: note.text),
        let old = lines.first.flatMap({ UInt64($0.dropFirst(4)) })
      else { return .init(status: 400) }
      guard (try? note.verified(by: [log])) == [log] else { return .init(status: 403) }
      return seen.withLock { seen in
        guard old == seen.size else {
          return .init(status: 409, type: "text/x.tlog.size", body: Array("\(seen.size)\n".utf8))
        }
        let path = lines.dropFirst().compactMap { NodeHash(base64: $0) }
        let proof = ConsistencyProof(oldSize: old, newSize: head.size, path: path)
        guard old == 0 || (try? proof.verifies(oldRoot: seen.root, newRoot: head.root)) == true else {
          return .init(status: 422)
        }
        seen = Seen(size: head.size, root: head.root, signed: seen.signed + 1)
        let time = UInt64(Date().timeIntervalSince1970)
        guard let signature = try? signer.sign(note.text, time: time) else { return .init(status: 500) }
        return .init(body: Array(signature.line.utf8))
      }
    }
  }

  private func record(_ count: Int, _ world: EvidenceWorld) async throws {
    for number in 0..<count {
      try await world.client.withTransaction { transaction in
        _ = try await EvidenceLog().record(
          .operatorAction, of: UUID(), by: nil, detail: .object(["n": .integer(Int64(number))]), in: transaction)
      }
    }
  }

  @Test func aWitnessSignsWhatExtendsWhatItHasSigned() async throws {
    let world = try await EvidenceWorld.make()
    let witness = try Witness(log: world.signer.key)
    let server = try LoopbackServer { witness.answer($0) }
    let store = DirectoryStore(path: world.folder + "/log")
    let publisher = Publisher(
      reader: world.reader, store: store, key: world.signer.key,
      witnesses: [WitnessClient(url: server.url, key: witness.signer.key)], logger: TestDatabase.logger)
    for count in [5, 300, 2] {
      try await record(count, world)
      try await world.seal(known: [store])
      try await publisher.publish()
      let note = try SignedNote(parsing: try #require(try await store.newestCheckpoint()))
      #expect(try note.verified(by: [world.signer.key, witness.signer.key]).count == 2)
    }
    #expect(witness.signed == 3)
    server.stop()
    try await world.close()
  }

  /// Whatever it answers, the log is published: a witness delays nothing, and what it did not sign is not there.
  @Test func aWitnessThatLiesOrIsAwayDelaysNothingAndIsNotBelieved() async throws {
    let world = try await EvidenceWorld.make()
    let key = try Witness(log: world.signer.key).signer.key
    let other = try NoteSigner.generate(name: key.name).signer
    let answers: [@Sendable (LoopbackServer.Request) -> LoopbackServer.Answer] = [
      { _ in .init(status: 500) }, { _ in .init(body: Array("nonsense\n".utf8)) },
      { _ in .init(body: [UInt8](repeating: 0x61, count: 1 << 20)) },
      { _ in .init(status: 409, body: Array("999999999\n".utf8)) },
      { _ in .init(status: 409, body: Array("0\n".utf8)) },
      { request in
        // The right name, and a signature of nobody's.
        let text = String(decoding: request.body, as: UTF8.self)
        guard let start = text.range(of: "\n\n"),
          let note = try? SignedNote(parsing: String(text[start.upperBound...])),
          let signature = try? other.sign(note.text)
        else { return .init(status: 400) }
        return .init(body: Array(signature.line.utf8))
      },
    ]
    let store = DirectoryStore(path: world.folder + "/log")
    for answer in answers {
      let server = try LoopbackServer(answer)
      let publisher = Publisher(
        reader: world.reader, store: store, key: world.signer.key,
        witnesses: [WitnessClient(url: server.url, key: key)], logger: TestDatabase.logger)
      try await record(1, world)
      let head = try await world.seal(known: [store])
      #expect(try await publisher.publish() == head.size)
      #expect(try await store.newestCheckpoint() == head.note)
      server.stop()
    }
    try await world.close()
  }
}

/// Against an authority that is OpenSSL's.
@Suite struct TimestampTests {
  private struct Failure: Error {}

  /// A certificate that may stamp, and `openssl ts -reply` behind HTTP.
  private struct Authority {
    let folder: String
    let server: LoopbackServer
    let certificate: String

    init(_ folder: String, key: [String]) throws {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let configuration = """
        [req]
        distinguished_name = name
        x509_extensions = stamps
        prompt = no
        [name]
        CN = Test TSA
        [stamps]
        basicConstraints = critical,CA:FALSE
        keyUsage = critical,digitalSignature
        extendedKeyUsage = critical,timeStamping
        [tsa]
        default_tsa = here
        [here]
        dir = \(folder)
        serial = \(folder)/serial
        default_policy = 1.3.6.1.4.1.99999.1
        digests = sha256, sha384, sha512
        signer_digest = sha256
        accuracy = secs:1
        ordering = yes
        tsa_name = yes
        ess_cert_id_chain = no
        """
      try configuration.write(toFile: folder + "/tsa.cnf", atomically: true, encoding: .utf8)
      try "01\n".write(toFile: folder + "/serial", atomically: true, encoding: .utf8)
      try TimestampTests.openssl(
        ["req", "-x509", "-nodes", "-newkey"] + key + [
          "-config", folder + "/tsa.cnf", "-days", "30", "-keyout", folder + "/key.pem", "-out", folder + "/cert.pem",
        ])
      certificate = try String(contentsOfFile: folder + "/cert.pem", encoding: .utf8)
      self.folder = folder
      server = try LoopbackServer { request in
        let query = folder + "/\(UUID().uuidString)"
        do {
          try Data(request.body).write(to: URL(fileURLWithPath: query))
          try TimestampTests.openssl([
            "ts", "-reply", "-config", folder + "/tsa.cnf", "-queryfile", query, "-inkey", folder + "/key.pem",
            "-signer", folder + "/cert.pem", "-out", query + ".tsr",
          ])
          let body = try Data(contentsOf: URL(fileURLWithPath: query + ".tsr"))
          return .init(type: "application/timestamp-reply", body: [UInt8](body))
        } catch {
          return .init(status: 500)
        }
      }
    }
  }

  private static func openssl(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure() }
  }

  @Test(arguments: [["rsa:2048"], ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]])
  func aCheckpointIsStampedAndTheStampIsInThePackage(key: [String]) async throws {
    let world = try await EvidenceWorld.make()
    let authority = try Authority(world.folder + "/tsa", key: key)
    let store = DirectoryStore(path: world.folder + "/log")
    let publisher = Publisher(
      reader: world.reader, store: store, key: world.signer.key,
      timestamps: TimestampClient(url: authority.server.url), logger: TestDatabase.logger)
    try await world.live("one")
    let stamped = try await world.seal()
    try await publisher.publish()
    // Once an hour and not with every checkpoint.
    try await world.live("two")
    let head = try await world.seal(known: [store])
    try await publisher.publish()
    #expect(try await world.database.count("SELECT count(*) FROM evidence.timestamp") == 1)
    #expect(try await store.read("timestamp/\(stamped.size).tsr") != nil)

    let cases = try await world.reader.opened(from: .distantPast, until: .distantFuture).map(\.caseID)
    let content = try await PackageBuilder(reader: world.reader).build(cases)
    let trusted = try TimestampAuthority(pem: authority.certificate)
    func verify(_ content: PackageContent, _ authority: TimestampAuthority?) throws -> PackageVerifier.Report {
      try PackageVerifier(keys: [world.signer.key], authority: authority).verify(Data(try content.encoded()))
    }
    let report = try verify(content, trusted)
    #expect(report.deviations == [])
    #expect(report.timestamp?.size == stamped.size && report.timestamp?.isSigned == true && stamped.size < head.size)
    let age = Date().timeIntervalSince1970 - Double(report.timestamp?.time ?? 0) / 1_000_000
    #expect(abs(age) < 600)
    #expect(try verify(content, nil).timestamp?.isSigned == false)

    // OpenSSL says the same of what is in the package.
    let (note, response) = (world.folder + "/note", world.folder + "/response")
    try #require(content.timestamp?.note).write(toFile: note, atomically: true, encoding: .utf8)
    try Data(try #require(content.timestamp?.response)).write(to: URL(fileURLWithPath: response))
    try Self.openssl(["ts", "-verify", "-data", note, "-in", response, "-CAfile", authority.folder + "/cert.pem"])

    // Another certificate, another text, another log, no stamp.
    let stranger = try Authority(world.folder + "/other", key: key)
    #expect(try verify(content, TimestampAuthority(pem: stranger.certificate)).deviations.map(\.code) == [.timestamp])
    stranger.server.stop()
    var moved = content
    moved.timestamp?.note = try #require(head.note)
    moved.timestamp?.consistency = .init(oldSize: head.size, path: [])
    #expect(try verify(moved, trusted).deviations.map(\.code) == [.timestamp])
    var cut = content
    cut.timestamp?.consistency = .init(oldSize: stamped.size, path: [])
    #expect(try verify(cut, trusted).deviations.map(\.code) == [.timestamp])
    var without = content
    without.timestamp = nil
    #expect(try verify(without, trusted).deviations.map(\.code) == [.timestamp])
    // Whatever byte of the response is changed: named or refused, never believed.
    let bytes = try #require(content.timestamp?.response)
    for place in stride(from: 0, to: bytes.count, by: 7) {
      var changed = bytes
      changed[place] ^= 0x41
      guard let token = try? TimestampToken(response: changed), let same = try? TimestampToken(response: bytes) else {
        continue
      }
      // What is not signed is the certificate beside it, and the status.
      #expect(token == same || !token.isSigned(by: trusted), "byte \(place)")
    }
    authority.server.stop()
    try await world.close()
  }

  @Test func anAuthorityThatRefusesOrLiesLeavesNoStamp() async throws {
    let world = try await EvidenceWorld.make()
    let store = DirectoryStore(path: world.folder + "/log")
    let answers: [@Sendable (LoopbackServer.Request) -> LoopbackServer.Answer] = [
      { _ in .init(status: 503) }, { _ in .init(body: [0x30, 0x80, 0, 0]) },
      { _ in .init(body: [0x30, 0x84, 255, 255, 255, 255]) },
      // PKIStatusInfo: rejection.
      { _ in .init(body: [0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02]) },
      { _ in .init(body: [UInt8](repeating: 0x30, count: 200_000)) },
    ]
    for answer in answers {
      let server = try LoopbackServer(answer)
      let publisher = Publisher(
        reader: world.reader, store: store, key: world.signer.key, timestamps: TimestampClient(url: server.url),
        logger: TestDatabase.logger)
      try await world.client.withTransaction {
        _ = try await EvidenceLog().record(.operatorAction, of: UUID(), by: nil, detail: .object([:]), in: $0)
      }
      let head = try await world.seal(known: [store])
      #expect(try await publisher.publish() == head.size)
      server.stop()
    }
    #expect(try await world.database.count("SELECT count(*) FROM evidence.timestamp") == 0)
    try await world.close()
  }
}
