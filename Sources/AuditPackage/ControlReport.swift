/// How far controls are met, each with its population. Pure: it is given counts. No data is never green.
package struct ControlReport: Sendable {
  package enum Status: String, Sendable {
    case met
    case notMet = "not met"
    case notMeasurable = "not measurable"
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

    package var share: Double? { gap == nil && denominator > 0 ? Double(numerator) / Double(denominator) : nil }

    package var status: Status {
      guard let share else { return .notMeasurable }
      return share >= threshold ? .met : .notMet
    }
  }

  package struct Counts: Sendable {
    /// Accounts on the targets that somebody has listed; nil: nobody has.
    package var discovered: Int?
    package var governed = 0
    package var withActiveOwners = 0
    package var revocations = 0
    package var revocationsProven = 0
    package var credentials = 0
    package var credentialsInTime = 0
    package var rotations = 0
    package var rotationsProven = 0
    package var rightsChecked = 0
    package var rightsEqual = 0
    package var approvals = 0
    package var approvalsByOthers = 0
    package var effects = 0
    package var effectsPermitted = 0
    package var leaves = 0
    package var leavesSealed = 0

    package init() {}
  }

  package let lines: [Line]

  private static let owasp = "OWASP NHI Top 10 2025"
  private static let nist = "NIST CSF 2.0"

  package init(_ counts: Counts) {
    func control(_ id: String, _ framework: String, _ title: String, _ aliases: [String] = []) -> Control {
      Control(id: id, framework: framework, aliases: aliases, title: title)
    }
    func line(
      _ control: Control, _ population: String, _ numerator: Int, _ denominator: Int, _ threshold: Double = 1,
      gap: String? = nil
    ) -> Line {
      Line(
        control: control, population: population, numerator: numerator, denominator: denominator, threshold: threshold,
        gap: gap)
    }
    func unmeasured(_ number: Int, _ title: String, _ gap: String) -> Line {
      line(control("NHI\(number)", Self.owasp, title, [Self.alias(number)]), "–", 0, 0, gap: gap)
    }
    lines = [
      line(
        control("COVERAGE", "Keyturn", "Governed identities of all discovered"), "accounts on the targets",
        counts.governed,
        counts.discovered ?? 0, gap: counts.discovered == nil ? "nobody has listed the accounts on the targets" : nil),
      line(
        control("NHI1", Self.owasp, "Improper offboarding", [Self.alias(1)]), "revocations, proven gone",
        counts.revocationsProven, counts.revocations),
      line(
        control("NHI2", Self.owasp, "Secret leakage", [Self.alias(2)]), "rotations whose old secret is proven refused",
        counts.rotationsProven, counts.rotations),
      unmeasured(3, "Vulnerable third-party NHI", "vendor connections are not among the counted records"),
      line(
        control("NHI4", Self.owasp, "Insecure authentication", [Self.alias(4)]),
        "proven logins with a refused negative control", counts.rotationsProven, counts.rotations),
      line(
        control("NHI5", Self.owasp, "Overprivileged NHI", [Self.alias(5)]),
        "readings of rights equal to the approved ones",
        counts.rightsEqual, counts.rightsChecked),
      unmeasured(6, "Insecure cloud deployment configurations", "deployment configurations are not read"),
      line(
        control("NHI7", Self.owasp, "Long-lived secrets", [Self.alias(7)]), "active secrets not past their rotation",
        counts.credentialsInTime, counts.credentials),
      unmeasured(8, "Environment isolation", "use of one account in several environments is not observed"),
      unmeasured(9, "NHI reuse", "use of one account by several workloads is not observed"),
      unmeasured(10, "Human use of NHI", "who uses a secret is not observed"),
      line(
        control("PR.AA-01", Self.nist, "Identities and credentials are managed", ["PR.AC-1 (CSF 1.1)"]),
        "active secrets not past their rotation", counts.credentialsInTime, counts.credentials),
      line(
        control("PR.AA-02", Self.nist, "Identities are proofed and bound"), "identities with active owner and backup",
        counts.withActiveOwners, counts.governed),
      line(
        control("PR.AA-03", Self.nist, "Users, services and hardware are authenticated"),
        "rotations proven by login and refusal", counts.rotationsProven, counts.rotations),
      line(
        control("PR.AA-04", Self.nist, "Identity assertions are protected"), "leaves in the signed log",
        counts.leavesSealed,
        counts.leaves, 0.999),
      line(
        control("PR.AA-05", Self.nist, "Permissions are enforced and reviewed"),
        "effects with a permit, decisions by somebody else", counts.effectsPermitted + counts.approvalsByOthers,
        counts.effects + counts.approvals),
      line(
        control("PR.AA-06", Self.nist, "Physical access is managed"), "–", 0, 0,
        gap: "physical access is not governed here"),
    ]
  }

  private static func alias(_ number: Int) -> String { "NHI-" + (number < 10 ? "0" : "") + "\(number)" }
}
