package import Foundation
package import MerkleLog

/// What controls are measured by, counted from leaves and nothing else. Pure.
package struct ControlFacts: Sendable {
  /// So many of so many, and which were not.
  package struct Measure: Sendable, Equatable {
    package private(set) var met = 0
    package private(set) var total = 0
    /// Cases, or records, that do not meet it, in the order they were looked at.
    package private(set) var failing: [UUID] = []

    package init() {}

    package mutating func count(_ isMet: Bool, _ id: UUID) {
      total += 1
      if isMet { met += 1 } else if failing.last != id { failing.append(id) }
    }

    /// Without naming each.
    package mutating func add(met: Int, of total: Int, failing: [UUID] = []) {
      self.met += met
      self.total += total
      self.failing += failing
    }

    package mutating func add(_ other: Measure) { add(met: other.met, of: other.total, failing: other.failing) }
  }

  /// How long cases of one action took from their opening to their proof.
  package struct Times: Sendable, Equatable {
    /// Seconds that are allowed.
    package let limit: Int64
    /// Of those that ended, or had to: in time.
    package fileprivate(set) var inTime = Measure()
    /// Of those that ended.
    package fileprivate(set) var seconds: [Int64] = []

    init(limit: Int64) { self.limit = limit }

    /// Nil when none ended.
    package var median: Int64? { seconds.isEmpty ? nil : seconds.sorted()[(seconds.count - 1) / 2] }
    package var longest: Int64? { seconds.max() }
  }

  /// What a look over a target found.
  package struct Coverage: Sendable, Equatable {
    package let target: String
    package let logins: Int
    package let governed: Int

    package var isWhole: Bool { governed == logins }
  }

  /// The newest proven secret of a credential.
  package struct Age: Sendable, Equatable {
    package let target: String
    /// Microseconds.
    package let age: Int64
    package let isInTime: Bool
  }

  package private(set) var revocations = Measure()
  package private(set) var oldRefused = Measure()
  package private(set) var loginsProven = Measure()
  package private(set) var rights = Measure()
  package private(set) var inTime = Measure()
  package private(set) var owners = Measure()
  package private(set) var effects = Measure()
  package private(set) var decisions = Measure()
  /// By action.
  package private(set) var times: [String: Times] = [:]
  package var sealed = Measure()
  /// By target; empty: nobody has looked.
  package private(set) var coverage: [Coverage] = []
  package private(set) var ages: [Age] = []
  /// How late each exception of an identity ends, in microseconds since 1970.
  package private(set) var exceptions: [String: Int64] = [:]
  /// The identity that a case is about.
  package private(set) var identities: [UUID: String] = [:]

  package struct Inputs: Sendable {
    /// All leaves of the rotations, issues and revocations that were opened in the period.
    package var cases: [UUID: [EvidenceLeaf]] = [:]
    /// Leaves of `recordTypes` up to the period's end, oldest first.
    package var records: [EvidenceLeaf] = []
    /// Who a pseudonym stands for.
    package var people: [String: UUID] = [:]
    /// Seconds between rotations, by policy.
    package var periods: [String: Double] = [:]
    /// Seconds from opening to proof, by action.
    package var limits: [String: Int64] = [:]
    /// Microseconds since 1970.
    package var from: Int64 = 0
    package var until: Int64 = 0

    package init() {}
  }

  package static let recordTypes: [EventType] = [
    .identityAdded, .identityChanged, .personAdded, .personChanged, .recordChanged, .proofObserved, .ticketRead,
    .approvalDecided,
  ]

  package init(_ inputs: Inputs) {
    for (id, leaves) in inputs.cases.sorted(by: { $0.key.leafText < $1.key.leafText }) { add(id, leaves, inputs) }
    var states = States()
    for leaf in inputs.records {
      states.add(leaf)
      guard leaf.at >= inputs.from else { continue }
      switch leaf.type {
      case .approvalDecided:
        let involved = [leaf.detail["requester"]?.string, leaf.detail["beneficiary"]?.string]
        decisions.count(
          !involved.contains(leaf.actor) && (leaf.detail["acting_for"]?.string.map { !involved.contains($0) } ?? true),
          leaf.caseID)
        if let identity = leaf.subject["identity"]?.string { identities[leaf.caseID] = identity }
      case .proofObserved where leaf.detail["result"]?.string != "cannot_tell":
        rights.count(leaf.detail["result"]?.string == "sound", leaf.caseID)
      default: break
      }
    }
    coverage = states.coverage
    exceptions = states.exceptions.filter { $0.value > inputs.until }
    addStates(states, inputs)
  }

  // MARK: Cases

  private mutating func add(_ id: UUID, _ leaves: [EvidenceLeaf], _ inputs: Inputs) {
    let timeline = CaseTimeline(leaves)
    identities[id] = leaves.first?.subject["identity"]?.string
    var passed: Set<String> = []
    for leaf in leaves where leaf.type == .rotationStep {
      if let intent = leaf.detail["intent"] { effects.count(intent["permit"]?.string != nil, id) }
      for proof in leaf.detail["proofs"]?.array ?? [] {
        guard let parts = proof.array, parts.count == 4, let kind = parts[0].string, let result = parts[1].string else {
          continue
        }
        if result == "passed" { passed.insert(kind) }
        if kind == "rights", result != "cannot_tell" { rights.count(result == "passed", id) }
      }
    }
    guard timeline.state != "cancelled" else { return }
    let isDone = timeline.state == "done"
    if timeline.action == "revoke" {
      revocations.count(isDone && passed.contains("residue"), id)
    } else {
      loginsProven.count(isDone && passed.isSuperset(of: ["negative_control", "login"]), id)
      if timeline.action == "rotate" { oldRefused.count(isDone && passed.contains("old_refused"), id) }
    }
    if let opened = timeline.openedAt, let action = timeline.action, let limit = inputs.limits[action] {
      let deadline = Deadline(caseID: id, start: opened, end: timeline.finishedAt, limit: limit)
      if let seconds = deadline.seconds { times[action, default: Times(limit: limit)].seconds.append(seconds) }
      // What is open and has time left is neither.
      if deadline.end != nil || inputs.until - opened > limit * 1_000_000 {
        times[action, default: Times(limit: limit)].inTime.count(deadline.isMet, id)
      }
    }
  }

  // MARK: States

  /// The newest word of each record.
  private struct States {
    var owners: [String: [String]] = [:]
    var policies: [String: String] = [:]
    /// By pseudonym.
    var people: [String: String] = [:]
    /// By identity.
    var credentials: [String: (state: String, id: UUID, target: String)] = [:]
    var looks: [String: Coverage] = [:]
    var exceptions: [String: Int64] = [:]

    var coverage: [Coverage] { looks.values.sorted { $0.target < $1.target } }

    mutating func add(_ leaf: EvidenceLeaf) {
      let detail = leaf.detail
      switch leaf.type {
      case .identityAdded, .identityChanged:
        let id = leaf.caseID.leafText
        owners[id] = [detail["owner"]?.string, detail["backup"]?.string].compactMap { $0 }
        policies[id] = detail["policy"]?.string
      case .personAdded, .personChanged:
        if let person = detail["person"]?.string { people[person] = detail["state"]?.string }
      case .ticketRead:
        if detail["resolution"]?.string == "unverifiable", let identity = detail["identity"]?.string,
          let until = detail["excused_until"]?.integer
        {
          exceptions[identity] = max(until, exceptions[identity] ?? until)
        }
      case .recordChanged where detail["record"]?.string == "lifecycle.credential":
        if let identity = detail["identity"]?.string {
          credentials[identity] = (detail["state"]?.string ?? "", leaf.caseID, detail["target"]?.string ?? "")
        }
      case .recordChanged where detail["record"]?.string == "lifecycle.discovery":
        if let target = detail["target"]?.string, let logins = detail["logins"]?.integer,
          let governed = detail["governed"]?.integer
        {
          looks[target] = Coverage(target: target, logins: Int(logins), governed: Int(governed))
        }
      default: break
      }
    }
  }

  private mutating func addStates(_ states: States, _ inputs: Inputs) {
    // A person has another pseudonym each year; the newest word about any of them counts.
    var people: [UUID: String] = [:]
    for leaf in inputs.records where [.personAdded, .personChanged].contains(leaf.type) {
      if let name = leaf.detail["person"]?.string, let person = inputs.people[name] {
        people[person] = leaf.detail["state"]?.string
      }
    }
    func isActive(_ pseudonym: String) -> Bool {
      (inputs.people[pseudonym].flatMap { people[$0] } ?? states.people[pseudonym]) == "active"
    }
    for (identity, owners) in states.owners.sorted(by: { $0.key < $1.key }) {
      guard let id = UUID(leafText: identity) else { continue }
      identities[id] = identity
      self.owners.count(owners.count == 2 && owners.allSatisfy(isActive), id)
    }
    var proven: [String: Int64] = [:]
    for leaves in inputs.cases.values {
      let timeline = CaseTimeline(leaves)
      guard let identity = leaves.first?.subject["identity"]?.string, let end = timeline.finishedAt,
        timeline.action != "revoke"
      else { continue }
      proven[identity] = max(end, proven[identity] ?? end)
    }
    for (identity, credential) in states.credentials.sorted(by: { $0.key < $1.key }) where credential.state == "active"
    {
      identities[credential.id] = identity
      guard let period = states.policies[identity].flatMap({ inputs.periods[$0] }) else {
        inTime.count(false, credential.id)
        continue
      }
      let last = proven[identity]
      let age = inputs.until - (last ?? inputs.from)
      let isInTime = last != nil && Double(age) <= period * 1_000_000
      inTime.count(isInTime, credential.id)
      ages.append(Age(target: credential.target, age: age, isInTime: isInTime))
    }
  }
}
