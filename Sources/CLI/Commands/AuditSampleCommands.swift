import ArgumentParser
import AuditPackage
import Evidence
import Foundation
import Governance
import MerkleLog
import Postgres

extension AuditCommand {
  /// All rotations, issues and revocations that were opened in a period.
  static func population(from: Date, until: Date, _ session: Session) async throws -> AuditPackage.Population {
    let members = try await LogReader(client: session.client).opened(from: from, until: until)
      .compactMap { row -> AuditPackage.Population.Member? in
        let action = try EvidenceLeaf(bytes: row.leaf).detail["action"]?.string ?? ""
        return Stratum(action: action).map { .init(id: row.caseID, stratum: $0) }
      }
    func micros(_ date: Date) -> Int64 { Int64(date.microsecondsSince1970) }
    return AuditPackage.Population(from: micros(from), until: micros(until), members: members)
  }

  static let samplesCase = UUID(uuidString: "00000000-0000-4000-8000-0000000000E4")!

  struct Population: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Fix what a sample will be drawn from: its digest goes into the log before anybody names a seed.")
    @Option(help: "Cases opened from here on.", transform: parseTime) var from: Date
    @Option(help: "… and before here.", transform: parseTime) var until: Date
    @Option(help: "Who fixes it.") var by: String
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let population = try await AuditCommand.population(from: from, until: until, session)
      try await session.client.withTransaction { transaction in
        let who = try await session.governance.activeOperator(by, reason: "population", in: transaction)
        _ = try await EvidenceLog().record(
          .populationFixed, of: AuditCommand.samplesCase, by: who.person.id.rawValue,
          detail: .object([
            "count": .integer(Int64(population.members.count)), "digest": .string("\(population.digest)"),
            "from": .integer(population.from), "until": .integer(population.until),
          ]), in: transaction)
      }
      let counts = Stratum.allCases.map { stratum in
        ("\(stratum.rawValue)", "\(population.members.filter { $0.stratum == stratum }.count)" as String?)
      }
      session.output.record([("digest", "\(population.digest)"), ("cases", "\(population.members.count)")] + counts)
      session.output.say("Give the auditor the digest; with the auditor's seed: keyturn audit sample --seed …")
    }
  }

  struct Sample: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Draw the cases that the auditor's seed chooses, and write them into a package.",
      discussion: """
        From each class of actions the first cases by SHA-256(seed, case). If none has a deviation, then with the given \
        confidence fewer than the given share of all have one: 90/10 takes 22, 90/9 25, 90/5 45, 95/5 59 of each class.
        """)
    @Option(help: "As in `keyturn audit population`.", transform: parseTime) var from: Date
    @Option(help: "As in `keyturn audit population`.", transform: parseTime) var until: Date
    @Option(help: "The auditor's seed, 8 to 200 characters.") var seed: String
    @Option(help: "90/10, 90/9, 90/5 or 95/5.") var size = "90/10"
    @Option(name: .shortAndLong, help: "The package to write.") var output: String
    @Option(help: "Also write the times as CSV.") var csv: String?
    @Option(help: "Who draws.") var by: String
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard (8...200).contains(seed.count) else { throw ValidationError("--seed must have 8 to 200 characters") }
      guard SampleSize(rawValue: size) != nil else { throw ValidationError("--size must be 90/10, 90/9, 90/5 or 95/5") }
    }

    func run(_ session: Session) async throws {
      var population = try await AuditCommand.population(from: from, until: until, session)
      let (reader, digest) = (LogReader(client: session.client), "\(population.digest)")
      let fixed = try await reader.leaves(of: [AuditCommand.samplesCase]).map { try EvidenceLeaf(bytes: $0.bytes) }
        .contains { $0.type == .populationFixed && $0.detail["digest"]?.string == digest }
      guard fixed, let size = SampleSize(rawValue: size) else {
        throw EvidenceError(
          code: .invalidField,
          message:
            "this population (digest \(digest)) was not fixed; run `keyturn audit population` first, with a period that is over"
        )
      }
      let drawn = population.sample(seed: seed, size: size)
      try await session.client.withTransaction { transaction in
        let who = try await session.governance.activeOperator(by, reason: "sample", in: transaction)
        _ = try await EvidenceLog().record(
          .sampleDrawn, of: AuditCommand.samplesCase, by: who.person.id.rawValue,
          detail: .object([
            "cases": .integer(Int64(drawn.count)), "digest": .string(digest), "seed": .string(seed),
            "size": .string(size.rawValue),
          ]), in: transaction)
      }
      population.draw = .init(seed: seed, size: size, fixedIn: AuditCommand.samplesCase)
      try await AuditCommand.untilSealed(reader)
      let content = try await PackageBuilder(reader: reader)
        .build(drawn, also: [AuditCommand.samplesCase], population: population)
      if let csv { try AuditCommand.writeTimes(content, to: csv) }
      try await AuditCommand.write(content, to: output, by: by, purpose: "sample", session)
    }
  }

  /// Waits until a worker has sealed what is recorded now, at most ten seconds.
  static func untilSealed(_ reader: LogReader) async throws {
    let end = ContinuousClock.now + .seconds(10)
    while try await reader.waiting().leaves > 0 {
      guard ContinuousClock.now < end else {
        throw EvidenceError(
          code: .damaged, message: "nobody seals: start a worker that has the evidence key, and repeat")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  private static func writeTimes(_ content: PackageContent, to path: String) throws {
    var lines = ["case,opened,proven,seconds,limit_seconds,met"]
    for line in content.deadlines {
      let end = line.end.map(HTML.time) ?? ""
      lines.append(
        "\(line.caseID.leafText),\(HTML.time(line.start)),\(end),\(line.seconds.map(String.init) ?? ""),\(line.limit),\(line.isMet)"
      )
    }
    try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
  }
}
