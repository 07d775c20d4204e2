import AsyncHTTPClient
import Daemon
import Foundation
import Lifecycle
import NIOCore
import NIOSSL
import TestSupport
import Testing
import Web

/// Clients that are slow, large or nonsense, on real sockets: bounded, told so where they can be, and nobody else waits.
@Suite(.timeLimit(.minutes(3))) struct HostileClientTests {
  private let secret = "/v1/credentials/svc/secret"
  private let acknowledge = "/v1/credentials/svc/acknowledgements"

  private func withWorld(
    patience: Double = 1, _ body: @Sendable (TestAPI, _ token: String) async throws -> Void
  ) async throws {
    let world = try await TestWorld.make()
    try await world.withWorker {
      try await world.issue("svc")
      try await world.settled()
    }
    let token = try await world.addConsumer("web", of: "svc")
    try await world.withServer(patience: patience) { api in try await body(api, token) }
    try await world.close()
  }

  private func head(_ token: String, length: Int) -> String {
    "POST \(acknowledge) HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(token)\r\n"
      + "content-type: application/json\r\ncontent-length: \(length)\r\n\r\n"
  }

  @Test func slowOnesAreToldSoAndCutOffHoweverTheyDrip() async throws {
    try await withWorld { api, token in
      // A header line now and then keeps nothing open.
      let headers = try await RawConnection.open(port: api.port).drip(
        "GET \(secret) HTTP/1.1\r\nhost: x\r\n", "x-more: 1\r\n", every: .milliseconds(100), atMost: 600)
      #expect(headers.answer.hasPrefix("HTTP/1.1 408") && headers.answer.contains("too_slow"), "\(headers.answer)")
      // Nor does a byte of a body, whether or not somebody reads it.
      let body = try await RawConnection.open(port: api.port).drip(
        head(token, length: 4000), " ", every: .milliseconds(100), atMost: 600)
      #expect(body.answer.hasPrefix("HTTP/1.1 408") && body.answer.contains("too_slow"), "\(body.answer)")
      #expect(body.sent < 600)
      let unread = try await RawConnection.open(port: api.port).drip(
        "GET \(secret) HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n", " ", every: .milliseconds(100),
        atMost: 600)
      #expect(unread.answer.hasPrefix("HTTP/1.1 401"), "\(unread.answer)")
      #expect(unread.sent < 1000)
    }
  }

  @Test func largeOnesAreRefusedBeforeTheyAreKept() async throws {
    try await withWorld { api, token in
      let field = "GET \(secret) HTTP/1.1\r\nhost: x\r\nx-large: \(String(repeating: "x", count: 20_000))\r\n\r\n"
      let many =
        "GET \(secret) HTTP/1.1\r\nhost: x\r\n" + String(repeating: "x-more: 1\r\n", count: 500) + "\r\n"
      let address = "GET /\(String(repeating: "x", count: 100_000)) HTTP/1.1\r\nhost: x\r\n\r\n"
      for request in [field, many, address] {
        let answer = try await RawConnection.open(port: api.port).drip(
          request, "", every: .milliseconds(1), atMost: 1
        ).answer
        #expect(answer.hasPrefix("HTTP/1.1 4"), "\(answer.prefix(200))")
      }
      let piece = String(repeating: " ", count: 16_384)
      // What says how large it is, what does not, and what nobody asked for: an answer, and the rest is not taken.
      let declared = try await RawConnection.open(port: api.port).drip(
        head(token, length: 1 << 40), piece, every: .milliseconds(1), atMost: 4000)
      #expect(declared.answer.hasPrefix("HTTP/1.1 413"), "\(declared.answer)")
      let chunked = try await RawConnection.open(port: api.port).drip(
        "POST \(acknowledge) HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(token)\r\n"
          + "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n", "4000\r\n\(piece)\r\n",
        every: .milliseconds(1), atMost: 4000)
      #expect(chunked.answer.hasPrefix("HTTP/1.1 413"), "\(chunked.answer)")
      let unread = try await RawConnection.open(port: api.port).drip(
        "GET /health/live HTTP/1.1\r\nhost: x\r\ncontent-length: \(1 << 40)\r\n\r\n", piece, every: .milliseconds(1),
        atMost: 4000)
      #expect(unread.answer.hasPrefix("HTTP/1.1 200"), "\(unread.answer)")
      // Of 64 MB, what the system's buffers hold.
      for sent in [declared.sent, chunked.sent, unread.sent] { #expect(sent < 16_000_000) }
    }
  }

  @Test func nonsenseBetweenRequestsIsAnsweredAndEnds() async throws {
    try await withWorld { api, token in
      let live = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"
      let after = try await RawConnection.open(port: api.port).exchange(live + live + "\u{1}nonsense\r\n\r\n" + live)
      #expect(after.ranges(of: "HTTP/1.1 200").count <= 2 && !after.contains("HTTP/1.1 5"), "\(after)")
      #expect(after.contains("HTTP/1.1 400"), "\(after)")
      let chunk = try await RawConnection.open(port: api.port).exchange(
        "POST \(acknowledge) HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(token)\r\n"
          + "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nnonsense\r\n\r\n")
      #expect(chunk.hasPrefix("HTTP/1.1 400"), "\(chunk)")
      let both = try await RawConnection.open(port: api.port).exchange(
        "POST \(acknowledge) HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")
      #expect(both.hasPrefix("HTTP/1.1 4"), "\(both)")
      // Who asks and asks and takes no answer is cut off.
      #expect(
        try await RawConnection.open(port: api.port).flood(
          String(repeating: "GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n", count: 1000), patience: .seconds(30)))
    }
  }

  @Test func nobodyElseWaitsForThem() async throws {
    try await withWorld(patience: 5) { api, token in
      let stalled = try await (0..<500).asyncMap { _ in try await RawConnection.open(port: api.port) }
      for (index, connection) in stalled.enumerated() {
        let text = index.isMultiple(of: 2) ? "GET \(secret) HTTP/1.1\r\nx: " : head(token, length: 100) + "{"
        _ = Array(text.utf8).withUnsafeBytes { write(connection.descriptor, $0.baseAddress, $0.count) }
      }
      for _ in 0..<20 {
        let answer = try await api.get(secret, token: token)
        #expect(answer.status == 200 && answer.version == 1)
      }
      for connection in stalled { close(connection.descriptor) }
    }
  }

  // MARK: TLS

  private static func certificate(_ name: String, in folder: String) throws -> (certificate: String, key: String) {
    let (certificate, key) = ("\(folder)/\(name).pem", "\(folder)/\(name).key")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    process.arguments = [
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
      "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate,
    ]
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return (certificate, key)
  }

  private func get(
    _ url: String, token: String, trusting certificate: String, _ change: (inout TLSConfiguration) -> Void = { _ in }
  ) async throws -> Int {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.trustRoots = .file(certificate)
    change(&tls)
    let client = HTTPClient(
      eventLoopGroupProvider: .singleton,
      configuration: .init(tlsConfiguration: tls, timeout: .init(connect: .seconds(5))))
    var request = HTTPClientRequest(url: url)
    request.headers.add(name: "authorization", value: "Bearer \(token)")
    do {
      let response = try await client.execute(request, timeout: .seconds(10))
      _ = try await response.body.collect(upTo: 1 << 20)
      try await client.shutdown()
      return Int(response.status.code)
    } catch {
      try await client.shutdown()
      throw error
    }
  }

  @Test func secretsTravelOverTLSAndNothingElseDoes() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker {
      try await world.issue("svc")
      try await world.settled()
    }
    let token = try await world.addConsumer("web", of: "svc")
    let (ours, other) = (
      try Self.certificate("ours", in: world.target.folder), try Self.certificate("other", in: world.target.folder)
    )
    try await world.withServer(patience: 1, certificate: ours) { api in
      let url = "https://127.0.0.1:\(api.port)\(secret)"
      #expect(try await get(url, token: token, trusting: ours.certificate) == 200)
      await #expect(throws: (any Error).self) { try await get(url, token: token, trusting: other.certificate) }
      await #expect(throws: (any Error).self) {
        try await get(url, token: token, trusting: ours.certificate) {
          $0.minimumTLSVersion = .tlsv1
          $0.maximumTLSVersion = .tlsv11
        }
      }
      // In the clear, and half a handshake: no answer, and the end of it.
      let clear = try await RawConnection.open(port: api.port).exchange(
        "GET \(secret) HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(token)\r\n\r\n")
      #expect(!clear.contains("HTTP/1.1"))
      let half = try await RawConnection.open(port: api.port).drip(
        "\u{16}\u{3}\u{1}", "\u{1}", every: .milliseconds(100), atMost: 600)
      #expect(half.sent < 600 && !half.answer.contains("HTTP/1.1"))
      #expect(try await get(url, token: token, trusting: ours.certificate) == 200)
    }
    for (certificate, key) in [
      (ours.certificate, other.key), (ours.certificate, "/nowhere.key"), (world.target.folder, ours.key),
    ] {
      let error = await #expect(throws: WebError.self) {
        try await world.withServer(certificate: (certificate, key)) { _ in }
      }
      #expect(error?.code == .unusableCertificate && error?.message.contains(key) == true)
    }
    try await world.close()
  }

  @Test func aNewCertificateIsShownWithoutARestartAndABadOneIsNotTaken() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker {
      try await world.issue("svc")
      try await world.settled()
    }
    let token = try await world.addConsumer("web", of: "svc")
    let folder = world.target.folder
    let (first, second, third) = (
      try Self.certificate("first", in: folder), try Self.certificate("second", in: folder),
      try Self.certificate("third", in: folder)
    )
    let used = (certificate: folder + "/used.pem", key: folder + "/used.key")
    @Sendable func use(_ certificate: String, _ key: String) throws {
      for (from, to) in [(certificate, used.certificate), (key, used.key)] {
        try Data(contentsOf: URL(fileURLWithPath: from)).write(to: URL(fileURLWithPath: to), options: .atomic)
      }
    }
    try use(first.certificate, first.key)
    try await world.withServer(certificate: used) { api in
      let server = try #require(api.own)
      let url = "https://127.0.0.1:\(api.port)\(secret)"
      @Sendable func shows(_ certificate: String) async throws {
        #expect(try await get(url, token: token, trusting: certificate) == 200)
      }
      try await shows(first.certificate)
      // A certificate without its key, and no certificate: the one before stays.
      try use(second.certificate, first.key)
      #expect(server.reloadCertificate() == false)
      try await shows(first.certificate)
      try Data("no certificate".utf8).write(to: URL(fileURLWithPath: used.certificate))
      #expect(server.reloadCertificate() == false)
      try await shows(first.certificate)

      try use(second.certificate, second.key)
      signal(SIGHUP, SIG_IGN)
      let reloading = Task { await ServerService.reloadCertificate(of: server) }
      try await world.database.eventually {
        kill(getpid(), SIGHUP)
        do { return try await get(url, token: token, trusting: second.certificate) == 200 } catch { return false }
      }
      reloading.cancel()
      await reloading.value
      await #expect(throws: (any Error).self) { try await get(url, token: token, trusting: first.certificate) }
      // By itself.
      try use(third.certificate, third.key)
      try await world.database.eventually {
        do { return try await get(url, token: token, trusting: third.certificate) == 200 } catch { return false }
      }
      await #expect(throws: (any Error).self) { try await get(url, token: token, trusting: second.certificate) }
    }
    try await world.close()
  }
}

extension Sequence where Self: Sendable {
  fileprivate func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows -> [Result] {
    var results: [Result] = []
    for element in self { results.append(try await transform(element)) }
    return results
  }
}
