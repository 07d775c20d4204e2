package import Evidence
import Foundation
import Governance
package import Logging
import MerkleLog
package import Postgres

/// Seals and publishes the evidence log as long as a worker runs that has the log's key.
package struct EvidenceService: Sendable {
  package struct Configuration: Sendable {
    /// Holds the log's private key; only who has it can seal.
    package var keyFile: String
    /// A folder, or `s3://bucket/prefix`.
    package var store: String
    /// `verifier key@URL` of witnesses.
    package var witnesses: [String]
    /// Of an authority that stamps checkpoints; nil: none does.
    package var timestampURL: String?
    /// Name for a log that is made; nil: one with random digits.
    package var origin: String?

    package init(
      keyFile: String, store: String, witnesses: [String] = [], timestampURL: String? = nil, origin: String? = nil
    ) {
      self.keyFile = keyFile
      self.store = store
      self.witnesses = witnesses
      self.timestampURL = timestampURL
      self.origin = origin
    }
  }

  let sealer: Sealer
  let publisher: Publisher

  /// Seconds between two publications.
  static let publishEvery = Duration.seconds(2)

  /// Until cancelled.
  func run() async {
    await withTaskGroup(of: Void.self) { tasks in
      tasks.addTask { await sealer.run() }
      tasks.addTask { await publisher.run(every: Self.publishEvery) }
    }
  }

  /// Nil without the key file: then another process seals.
  package static func make(
    _ configuration: Configuration, client: PostgresClient, worker: String, logger: Logger
  ) throws -> EvidenceService? {
    let file = SigningKeyFile(path: configuration.keyFile)
    guard file.exists else {
      logger.notice(
        "this worker does not seal evidence: it has no evidence key", metadata: ["path": "\(configuration.keyFile)"])
      return nil
    }
    let signer = try file.load()
    let store = try store(configuration.store)
    let sealer = Sealer(
      client: client, signer: signer, known: [store], configuration: .init(name: worker), logger: logger)
    let publisher = Publisher(
      reader: LogReader(client: client), store: store, key: signer.key,
      witnesses: try configuration.witnesses.map(witness), timestamps: try configuration.timestampURL.map(authority),
      logger: logger)
    return EvidenceService(sealer: sealer, publisher: publisher)
  }

  /// A key file for a log that does not exist yet. Refuses when the database has one already: its key must be restored.
  package static func prepare(_ configuration: Configuration, client: PostgresClient) async throws {
    let file = SigningKeyFile(path: configuration.keyFile)
    guard !file.exists, try await LogReader(client: client).head() == nil else { return }
    let digits = Hex.encode((0..<6).map { _ in UInt8.random(in: 0...255) })
    _ = try file.create(name: configuration.origin ?? "keyturn.local/\(digits)")
  }

  /// `s3://bucket/prefix` with the usual AWS variables, otherwise a folder.
  package static func store(_ text: String) throws -> any LogStore {
    guard text.hasPrefix("s3://") else { return DirectoryStore(path: text) }
    let environment = ProcessInfo.processInfo.environment
    let parts = text.dropFirst(5).split(separator: "/", maxSplits: 1).map(String.init)
    let region = environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? "us-east-1"
    guard text.utf8.allSatisfy({ (0x2D...0x3A).contains($0) || (0x61...0x7A).contains($0 | 0x20) || $0 == 0x5F }) else {
      throw EvidenceError(
        code: .invalidField,
        message: "\(text.prefix(80)): a bucket and its prefix have letters, digits, - . _ and / only")
    }
    guard let bucket = parts.first, let access = environment["AWS_ACCESS_KEY_ID"],
      let secret = environment["AWS_SECRET_ACCESS_KEY"],
      let endpoint = URL(
        string: environment["AWS_ENDPOINT_URL_S3"] ?? environment["AWS_ENDPOINT_URL"]
          ?? "https://s3.\(region).amazonaws.com")
    else {
      throw EvidenceError(
        code: .store, message: "\(text): a bucket, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are needed")
    }
    let prefix = parts.count == 2 ? parts[1] + (parts[1].hasSuffix("/") ? "" : "/") : ""
    return S3Store(
      endpoint: endpoint, bucket: bucket, prefix: prefix, region: region, accessKey: access, secretKey: secret)
  }

  private static func authority(_ text: String) throws -> TimestampClient {
    guard let url = URL(string: text), ["http", "https"].contains(url.scheme), url.host() != nil else {
      throw EvidenceError(
        code: .invalidField, message: "KEYTURN_EVIDENCE_TIMESTAMP_URL: an http or https URL is needed")
    }
    return TimestampClient(url: url)
  }

  private static func witness(_ text: String) throws -> WitnessClient {
    guard let at = text.firstIndex(of: "@"), let url = URL(string: String(text[text.index(after: at)...])),
      ["http", "https"].contains(url.scheme)
    else {
      throw EvidenceError(
        code: .invalidField, message: "a witness is given as verifier key@URL, not \"\(text.prefix(40))\"")
    }
    return WitnessClient(url: url, key: try NoteKey(vkey: String(text[..<at])))
  }
}
