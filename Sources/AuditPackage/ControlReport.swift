package import Foundation

/// How far controls are met, each with its population and the cases behind it. Pure: it is given what was counted from
/// leaves. No data is never green.
package struct ControlReport: Sendable {
  package enum Status: Sendable, Equatable, CustomStringConvertible {
    case met
    case notMet
    case notMeasurable
    /// Not met, and every case of it is excused; microseconds since 1970.
    case exceptionUntil(Int64)

    package var description: String {
      switch self {
      case .met: "met"
      case .notMet: "not met"
      case .notMeasurable: "not measurable"
      case .exceptionUntil(let time):
        "exception until "
          + Date(timeIntervalSince1970: Double(time) / 1_000_000).formatted(.iso8601.year().month().day())
      }
    }
  }

  package struct Control: Sendable {
    /// As the framework writes it.
    package let id: String
    /// With its version.
    package let framework: String
    /// Names that others use for it.
    package let aliases: [String]
    package let title: String
  }

  package struct Line: Sendable {
    package let control: Control
    /// What is counted, in words.
    package let population: String
    package let numerator: Int
    package let denominator: Int
    /// The share that must be reached, 0…1.
    package let threshold: Double
    /// Nil: counts are there; otherwise why they are not.
    package let gap: String?
    /// Those that do not meet it.
    package let cases: [UUID]
    /// When the first exception ends, if every case has one.
    let excusedUntil: Int64?

    package var share: Double? { gap == nil && denominator > 0 ? Double(numerator) / Double(denominator) : nil }

    package var status: Status {
      guard let share else { return .notMeasurable }
      if share >= threshold { return .met }
      return excusedUntil.map { .exceptionUntil($0) } ?? .notMet
    }
  }

  package let lines: [Line]

  private static let owasp = "OWASP NHI Top 10 2025"
  private static let nist = "NIST CSF 2.0"

  /// - Parameter discovered: accounts on all targets by an inventory of the auditor's; nil: what discovery recorded.
  package init(_ facts: ControlFacts, discovered: Int? = nil) {
    func excused(_ cases: [UUID]) -> Int64? {
      let ends = cases.compactMap { facts.identities[$0].flatMap { facts.exceptions[$0] } }
      return ends.count == cases.count ? ends.min() : nil
    }
    func line(
      _ id: String, _ framework: String, _ title: String, _ population: String, _ measure: ControlFacts.Measure,
      aliases: [String] = [], threshold: Double = 1
    ) -> Line {
      Line(
        control: Control(id: id, framework: framework, aliases: aliases, title: title), population: population,
        numerator: measure.met, denominator: measure.total, threshold: threshold,
        gap: measure.total == 0 ? "there was none in the period" : nil, cases: measure.failing,
        excusedUntil: measure.failing.isEmpty ? nil : excused(measure.failing))
    }
    func nhi(_ number: Int, _ title: String, _ population: String, _ measure: ControlFacts.Measure) -> Line {
      line("NHI\(number)", Self.owasp, title, population, measure, aliases: [Self.alias(number)])
    }
    func unmeasured(
      _ id: String, _ framework: String, _ title: String, _ population: String, _ gap: String, _ aliases: [String] = []
    ) -> Line {
      Line(
        control: Control(id: id, framework: framework, aliases: aliases, title: title), population: population,
        numerator: 0, denominator: 0, threshold: 1, gap: gap, cases: [], excusedUntil: nil)
    }
    var governed = ControlFacts.Measure()
    if let discovered {
      governed.add(met: min(facts.owners.total, discovered), of: discovered)
    } else {
      for target in facts.coverage {
        governed.add(
          met: target.governed, of: target.logins,
          failing: target.isWhole ? [] : [UUID(leafText: target.target)].compactMap { $0 })
      }
    }
    var permitted = ControlFacts.Measure()
    for measure in [facts.effects, facts.decisions] { permitted.add(measure) }
    let coverage =
      governed.total == 0
      ? unmeasured(
        "COVERAGE", "Keyturn", "Governed identities of all discovered", "accounts on the targets",
        "nobody has listed the accounts on the targets: run `keyturn discover`, or give --discovered")
      : line("COVERAGE", "Keyturn", "Governed identities of all discovered", "accounts on the targets", governed)
    lines = [
      coverage,
      nhi(1, "Improper offboarding", "revocations, proven gone", facts.revocations),
      nhi(2, "Secret leakage", "rotations whose old secret is proven refused", facts.oldRefused),
      unmeasured(
        "NHI3", Self.owasp, "Vulnerable third-party NHI", "identities of vendors",
        "vendors' own systems are not looked at", [Self.alias(3)]),
      nhi(4, "Insecure authentication", "proven logins with a refused negative control", facts.loginsProven),
      nhi(5, "Overprivileged NHI", "readings of rights equal to the approved ones", facts.rights),
      unmeasured(
        "NHI6", Self.owasp, "Insecure cloud deployment configurations", "deployments that use an identity",
        "deployment configurations are not read",
        [Self.alias(6)]),
      nhi(7, "Long-lived secrets", "active secrets, proven within their policy's period", facts.inTime),
      unmeasured(
        "NHI8", Self.owasp, "Environment isolation", "identities, each used in one environment",
        "use of one account in several environments is not observed",
        [Self.alias(8)]),
      unmeasured(
        "NHI9", Self.owasp, "NHI reuse", "identities, each used by one workload",
        "use of one account by several workloads is not observed", [Self.alias(9)]),
      unmeasured(
        "NHI10", Self.owasp, "Human use of NHI", "uses of secrets, none by a person",
        "who uses a secret is not observed", [Self.alias(10)]),
      line(
        "PR.AA-01", Self.nist, "Identities and credentials are managed",
        "active secrets, proven within their policy's period", facts.inTime, aliases: ["PR.AC-1 (CSF 1.1)"]),
      line(
        "PR.AA-02", Self.nist, "Identities are proofed and bound", "identities with active owner and backup",
        facts.owners, aliases: ["PR.AC-6 (CSF 1.1)"]),
      line(
        "PR.AA-03", Self.nist, "Users, services and hardware are authenticated", "secrets proven by login and refusal",
        facts.loginsProven, aliases: ["PR.AC-7 (CSF 1.1)"]),
      line(
        "PR.AA-04", Self.nist, "Identity assertions are protected", "leaves in the signed log", facts.sealed,
        threshold: 0.999),
      line(
        "PR.AA-05", Self.nist, "Permissions are enforced and reviewed",
        "effects with a permit, decisions by somebody else", permitted, aliases: ["PR.AC-4 (CSF 1.1)"]),
      unmeasured(
        "PR.AA-06", Self.nist, "Physical access is managed", "places with hardware",
        "physical access is not governed here", ["PR.AC-2 (CSF 1.1)"]),
    ]
  }

  private static func alias(_ number: Int) -> String { "NHI-" + (number < 10 ? "0" : "") + "\(number)" }
}
