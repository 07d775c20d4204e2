import Foundation
import MerkleLog

/// One verification as a command: what it reads, what it prints, how it ends.
package struct VerifyRun: Sendable {
  package struct Outcome: Sendable {
    /// For the standard output.
    package let text: String
    /// 0 all passed; 1 deviations; 2 not a package, or no trusted key has signed it; 64 wrong arguments.
    package let exitCode: Int32
  }

  package let package: String
  /// Verifier keys, or paths of files with one a line; the log's own first.
  package let keys: [String]
  /// Path of the checkpoint that the auditor kept.
  package let since: String?
  package let witnesses: Int
  /// Path of the time-stamping authority's certificate, PEM.
  package let authority: String?
  package let json: Bool

  package init(
    package: String, keys: [String], since: String?, witnesses: Int, authority: String? = nil, json: Bool
  ) {
    self.package = package
    self.keys = keys
    self.since = since
    self.witnesses = witnesses
    self.authority = authority
    self.json = json
  }

  package func run() -> Outcome {
    let known: [NoteKey]
    let earlier: Checkpoint?
    let trusted: TimestampAuthority?
    do {
      known = try keys.flatMap(Self.readKeys)
      guard !known.isEmpty else {
        throw FormatError("no key: give the log's verifier key, which you got from its operator, with --key")
      }
      earlier = try since.map { try Self.readCheckpoint($0, keys: known) }
      trusted = try authority.map { try TimestampAuthority(pem: try Self.readText($0)) }
    } catch {
      return refuse("\(error)", 64)
    }
    do {
      let data = try Data(contentsOf: URL(fileURLWithPath: package), options: .alwaysMapped)
      let report = try PackageVerifier(
        keys: known, earlier: earlier, requiredWitnesses: witnesses, authority: trusted
      ).verify(data)
      return Outcome(text: json ? jsonText(report) : text(report), exitCode: report.isSound ? 0 : 1)
    } catch let error as FormatError {
      return refuse(error.message, 2)
    } catch {
      return refuse("\(package) cannot be read", 2)
    }
  }

  private func refuse(_ reason: String, _ code: Int32) -> Outcome {
    let json = CanonicalJSON.object(["refused": .string(reason), "sound": .bool(false)])
    return Outcome(text: self.json ? json.text + "\n" : "refused: \(reason)\n", exitCode: code)
  }

  private func text(_ report: PackageVerifier.Report) -> String {
    var lines = [
      "log         \(report.signers.first?.name ?? "")", "leaves      \(report.size)",
      "root        \(report.root.base64)", "signed by   \(report.signers.map(\.name).joined(separator: ", "))",
      "checked     \(report.cases) cases, \(report.leaves) leaves, \(report.openings) openings, \(report.artefacts) artefacts",
      "extends     \(report.extended.map { "\($0) leaves of the earlier checkpoint" } ?? "not asked (--since)")",
    ]
    if let stamp = report.timestamp {
      let time = Date(timeIntervalSince1970: Double(stamp.time) / 1_000_000).formatted(.iso8601)
      lines.append(
        "stamped     \(stamp.size) leaves existed at \(time), by the authority's clock; its signature was "
          + (stamp.isSigned ? "checked" : "not checked (--tsa)"))
    }
    for deviation in report.deviations { lines.append("DEVIATION   \(deviation)") }
    lines.append(report.isSound ? "result      sound" : "result      \(report.deviations.count) deviations")
    return lines.joined(separator: "\n") + "\n"
  }

  private func jsonText(_ report: PackageVerifier.Report) -> String {
    CanonicalJSON.fields([
      "cases": .integer(Int64(report.cases)), "leaves": .integer(Int64(report.leaves)),
      "openings": .integer(Int64(report.openings)), "artefacts": .integer(Int64(report.artefacts)),
      "size": .integer(Int64(report.size)), "root": .string(report.root.base64),
      "signers": .array(report.signers.map { .string($0.name) }), "sound": .bool(report.isSound),
      "extends": report.extended.map { .integer(Int64($0)) },
      "stamped": report.timestamp.map {
        .object(["at": .integer($0.time), "signed": .bool($0.isSigned), "size": .integer(Int64($0.size))])
      },
      "deviations": .array(
        report.deviations.map {
          .fields([
            "case": ($0.caseID?.leafText).map { .string($0) }, "code": .string($0.code.rawValue),
            "leaf": $0.sequence.map { .integer($0) }, "text": .string($0.text),
          ])
        }),
    ]).text + "\n"
  }

  private static func readKeys(_ argument: String) throws -> [NoteKey] {
    guard !argument.contains("+") else { return [try NoteKey(vkey: argument)] }
    let lines = try readText(argument).split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    return try lines.filter { !$0.isEmpty && !$0.hasPrefix("#") }.map(NoteKey.init(vkey:))
  }

  private static func readCheckpoint(_ path: String, keys: [NoteKey]) throws -> Checkpoint {
    let note = try SignedNote(parsing: try readText(path))
    _ = try note.verified(by: keys)
    return try Checkpoint(text: note.text)
  }

  private static func readText(_ path: String) throws -> String {
    guard let data = FileManager.default.contents(atPath: path), data.count <= 1 << 20,
      let text = String(validating: data, as: UTF8.self)
    else { throw FormatError("\(path) cannot be read as a small text file") }
    return text
  }
}
