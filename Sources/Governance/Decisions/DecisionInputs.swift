package import Foundation

/// Everything `Decision` may look at, and nothing else. Its canonical JSON is stored with the answer, so that a replay sees
/// the same.
package struct DecisionInputs: Sendable, Equatable, Codable {
  package enum Moment: String, Sendable, Codable {
    /// May it be submitted? Approvals are not asked for yet.
    case admission
    /// May it be authorized?
    case approval
    /// Did what was authorized hold when an effect was permitted? With the facts of the decision that granted it, at the
    /// permit's time.
    case permit
    /// Does what was authorized still hold?
    case recheck
    /// Authority fell away while the target was being changed: does anything of it still hold?
    case afterEffect = "after_effect"
  }

  package var moment: Moment
  package var now: FactTime
  package var request: RequestFacts
  package var identity: IdentityFacts
  package var policy: PolicyDocument
  /// Everybody the request rests on, and those who could approve. Sorted by id.
  package var people: [PersonFacts]
  package var approvals: [ApprovalFacts]
  package var delegations: [DelegationFacts]
  package var vendor: VendorFacts?
  /// Newest of each trigger.
  package var changes: [ChangeFact]
  package var evidenceIsWritable: Bool

  package func canonicalBytes() throws -> [UInt8] { try SortedJSON.bytes(self) }

  package init(canonical bytes: [UInt8]) throws {
    self = try JSONDecoder().decode(DecisionInputs.self, from: Data(bytes))
  }

  package init(
    moment: Moment, now: FactTime, request: RequestFacts, identity: IdentityFacts, policy: PolicyDocument,
    people: [PersonFacts], approvals: [ApprovalFacts] = [], delegations: [DelegationFacts] = [],
    vendor: VendorFacts? = nil, changes: [ChangeFact] = [], evidenceIsWritable: Bool = true
  ) {
    self.moment = moment
    self.now = now
    self.request = request
    self.identity = identity
    self.policy = policy
    self.people = people
    self.approvals = approvals
    self.delegations = delegations
    self.vendor = vendor
    self.changes = changes
    self.evidenceIsWritable = evidenceIsWritable
  }

  func person(_ id: UUID) -> PersonFacts? { people.first { $0.id == id } }
}

package struct RequestFacts: Sendable, Equatable, Codable {
  package enum Ticket: String, Sendable, Codable {
    case open
    case closed
    /// It names another request, revision or digest.
    case mismatched
    case unreadable
  }

  package var revision: Int32
  package var newestRevision: Int32
  /// Lower-case hexadecimal.
  package var digest: String
  package var actions: [GovernedAction]
  /// Nil: policy asked, because something expired, leaked or somebody left.
  package var requester: UUID?
  package var beneficiary: UUID?
  /// Who will run the change by hand; nil: Keyturn.
  package var operatorID: UUID?
  package var delegatedApprover: UUID?
  package var owningSystem: String?
  package var submittedAt: FactTime
  package var isWithdrawn: Bool
  package var isBreakGlass: Bool
  package var ticket: Ticket

  package init(
    revision: Int32 = 1, newestRevision: Int32 = 1, digest: String, actions: [GovernedAction], requester: UUID?,
    beneficiary: UUID? = nil, operatorID: UUID? = nil, delegatedApprover: UUID? = nil, owningSystem: String? = nil,
    submittedAt: FactTime, isWithdrawn: Bool = false, isBreakGlass: Bool = false, ticket: Ticket = .open
  ) {
    self.revision = revision
    self.newestRevision = newestRevision
    self.digest = digest
    self.actions = actions
    self.requester = requester
    self.beneficiary = beneficiary
    self.operatorID = operatorID
    self.delegatedApprover = delegatedApprover
    self.owningSystem = owningSystem
    self.submittedAt = submittedAt
    self.isWithdrawn = isWithdrawn
    self.isBreakGlass = isBreakGlass
    self.ticket = ticket
  }
}

/// What an action does to access.
package enum ActionClass: String, Sendable, Codable {
  case expand
  case rotate
  case reduce

  package init(_ actions: [GovernedAction]) {
    self = actions.contains(.issue) ? .expand : actions.contains(.rotate) ? .rotate : .reduce
  }
}

package struct IdentityFacts: Sendable, Equatable, Codable {
  package var owner: UUID
  package var backupOwner: UUID
  package var targetOwner: UUID?
  package var target: UUID
  package var targetName: String
  package var environment: String
  package var purpose: String
  package var tier: PrivilegeTier
  /// Sorted.
  package var rights: [String]
  /// Sorted, each within the rights above.
  package var toxicPairs: [[String]]
  package var expiresAt: FactTime
  package var attestedAt: FactTime

  package init(
    owner: UUID, backupOwner: UUID, targetOwner: UUID? = nil, target: UUID, targetName: String, environment: String,
    purpose: String, tier: PrivilegeTier = .standard, rights: [String] = [], toxicPairs: [[String]] = [],
    expiresAt: FactTime, attestedAt: FactTime
  ) {
    self.owner = owner
    self.backupOwner = backupOwner
    self.targetOwner = targetOwner
    self.target = target
    self.targetName = targetName
    self.environment = environment
    self.purpose = purpose
    self.tier = tier
    self.rights = rights
    self.toxicPairs = toxicPairs
    self.expiresAt = expiresAt
    self.attestedAt = attestedAt
  }
}

package struct PersonFacts: Sendable, Equatable, Codable {
  package enum Source: String, Sendable, Codable {
    case fresh
    case stale
    case quarantined
  }

  package struct Role: Sendable, Equatable, Codable {
    package var name: String
    /// Nil: on every target.
    package var target: UUID?
    package var from: FactTime
    /// Exclusive; nil: still held.
    package var until: FactTime?

    package init(name: String, target: UUID? = nil, from: FactTime, until: FactTime? = nil) {
      self.name = name
      self.target = target
      self.from = from
      self.until = until
    }
  }

  package var id: UUID
  package var state: Person.State
  package var stateSince: FactTime
  package var manager: UUID?
  package var source: Source
  package var roles: [Role]

  package init(
    id: UUID, state: Person.State = .active, stateSince: FactTime = .always, manager: UUID? = nil,
    source: Source = .fresh, roles: [Role] = []
  ) {
    self.id = id
    self.state = state
    self.stateSince = stateSince
    self.manager = manager
    self.source = source
    self.roles = roles
  }

  func holds(_ role: String, on target: UUID, at time: FactTime) -> Bool {
    roles.contains { held in
      held.name == role && (held.target == nil || held.target == target) && held.from <= time
        && (held.until.map { time < $0 } ?? true)
    }
  }
}

package struct ApprovalFacts: Sendable, Equatable, Codable {
  package enum Verdict: String, Sendable, Codable {
    case approve
    case deny
  }

  package var id: UUID
  /// Nil: the login belongs to nobody known.
  package var approver: UUID?
  package var actingFor: UUID?
  package var delegation: UUID?
  package var verdict: Verdict
  package var stage: Int
  package var revision: Int32
  /// Lower-case hexadecimal.
  package var digest: String
  package var strength: Strength
  package var decidedAt: FactTime
  package var isHuman: Bool
  package var isWithdrawn: Bool
  /// Its remote record stands under another approval too.
  package var isReused: Bool
  /// What the person (or the delegator) was to the identity when deciding: relations of `PolicyDocument.Stage`.
  package var relations: [String]

  package init(
    id: UUID, approver: UUID?, actingFor: UUID? = nil, delegation: UUID? = nil, verdict: Verdict = .approve,
    stage: Int = 0, revision: Int32 = 1, digest: String, strength: Strength = .helpdesk, decidedAt: FactTime,
    isHuman: Bool = true, isWithdrawn: Bool = false, isReused: Bool = false, relations: [String] = []
  ) {
    self.id = id
    self.approver = approver
    self.actingFor = actingFor
    self.delegation = delegation
    self.verdict = verdict
    self.stage = stage
    self.revision = revision
    self.digest = digest
    self.strength = strength
    self.decidedAt = decidedAt
    self.isHuman = isHuman
    self.isWithdrawn = isWithdrawn
    self.isReused = isReused
    self.relations = relations
  }
}

package struct DelegationFacts: Sendable, Equatable, Codable {
  package var id: UUID
  package var delegator: UUID
  package var delegate: UUID
  /// Nil: every role.
  package var role: String?
  /// Nil: every target.
  package var target: UUID?
  package var validFrom: FactTime
  /// Exclusive; the earlier of what was agreed and what was ended.
  package var validUntil: FactTime
  package var registeredAt: FactTime
  /// The delegator held the authority only through a delegation of their own.
  package var isChained: Bool

  package init(
    id: UUID, delegator: UUID, delegate: UUID, role: String? = nil, target: UUID? = nil, validFrom: FactTime,
    validUntil: FactTime, registeredAt: FactTime, isChained: Bool = false
  ) {
    self.id = id
    self.delegator = delegator
    self.delegate = delegate
    self.role = role
    self.target = target
    self.validFrom = validFrom
    self.validUntil = validUntil
    self.registeredAt = registeredAt
    self.isChained = isChained
  }
}

package struct VendorFacts: Sendable, Equatable, Codable {
  package var sponsor: UUID
  package var contractFrom: FactTime
  package var contractUntil: FactTime
  package var reviewValidUntil: FactTime
  package var allowedTargets: [UUID]
  package var scopes: [String]
  package var hasIncident: Bool

  package init(
    sponsor: UUID, contractFrom: FactTime, contractUntil: FactTime, reviewValidUntil: FactTime, allowedTargets: [UUID],
    scopes: [String], hasIncident: Bool = false
  ) {
    self.sponsor = sponsor
    self.contractFrom = contractFrom
    self.contractUntil = contractUntil
    self.reviewValidUntil = reviewValidUntil
    self.allowedTargets = allowedTargets
    self.scopes = scopes
    self.hasIncident = hasIncident
  }
}

/// Something changed; approvals from before count no more.
package struct ChangeFact: Sendable, Equatable, Codable {
  package var trigger: ReapprovalTrigger
  package var at: FactTime

  package init(trigger: ReapprovalTrigger, at: FactTime) {
    self.trigger = trigger
    self.at = at
  }
}
