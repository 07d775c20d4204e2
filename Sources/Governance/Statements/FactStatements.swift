import Foundation
import Postgres

/// The request with its identity, target and policy. The locks keep these facts as they are until the transaction that rests
/// on them ends: whoever changes one waits, and then voids what was granted meanwhile.
/// Lock order: request, identity, target, policy; then people by id, then the vendor, then authorizations.
struct LockRequestFacts: Statement {
  static let sql = """
    SELECT r.revision, (SELECT max(n.revision) FROM governance.request AS n WHERE n.id = r.id), encode(r.digest, 'hex'),
      r.actions, r.requester_id, r.beneficiary_id, r.delegated_approver_id, r.owning_system, r.submitted_at,
      EXISTS (SELECT FROM governance.request_withdrawal AS w WHERE w.request_id = r.id), r.break_glass,
      COALESCE((
        SELECT CASE
          WHEN k.request_digest IS DISTINCT FROM r.digest OR k.request_revision IS DISTINCT FROM r.revision
            THEN 'mismatched'
          -- Ended with its proof it is as good as open: what it approved goes on.
          WHEN k.state = 'resolved' AND k.resolution <> 'proven' THEN 'closed'
          ELSE 'open'
        END
        FROM governance.ticket AS k
        WHERE k.request_id = r.id AND k.kind = 'request'
        ORDER BY k.opened_at DESC
        LIMIT 1), 'open'),
      i.id, i.owner_id, i.backup_owner_id, t.owner_id, t.id, t.name, i.environment, i.purpose, i.tier, i.rights,
      i.expires_at, i.attested_at, i.vendor_id,
      p.id, p.name, EXTRACT(epoch FROM p.rotation_period)::float8, EXTRACT(epoch FROM p.rotation_jitter)::float8,
      EXTRACT(epoch FROM p.overlap)::float8, EXTRACT(epoch FROM p.settle)::float8,
      EXTRACT(epoch FROM p.retry_reserve)::float8, p.on_expiry, p.secret_length, p.document,
      evidence.is_writable(), CASE WHEN r.actions = ARRAY['rotate'] THEN r.core END
    FROM governance.request AS r
    JOIN governance.identity AS i ON i.id = r.identity_id
    JOIN governance.target AS t ON t.id = i.target_id
    JOIN governance.policy AS p ON p.id = i.policy_id
    WHERE r.id = $1 AND r.revision = $2
    FOR SHARE OF r, i, t, p
    """

  let request: RequestID
  let revision: Int32

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(request.rawValue)
    parameters.append(revision)
  }

  struct Row: Sendable {
    let identityID: IdentityID
    let vendor: UUID?
    let request: RequestFacts
    let identity: IdentityFacts
    let policy: PolicyDocument
    let evidenceIsWritable: Bool
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    let actions: [String] = try row[3]
    let ticket: String = try row[11]
    let tier: String = try row[20]
    // A rotation alone may be for fewer rights than the identity still has: what is asked for is judged, not what it cures.
    let asked: [UInt8]? = try row[36]
    let rights: [String] = try asked.map { try RequestCore(canonical: $0).rights } ?? row[21]
    let submitted: Date = try row[8]
    let expires: Date = try row[22]
    let attested: Date = try row[23]
    let document: [UInt8]? = try row[34]
    let request = RequestFacts(
      revision: try row[0], newestRevision: try row[1], digest: try row[2],
      actions: actions.compactMap(GovernedAction.init(rawValue:)), requester: try row[4], beneficiary: try row[5],
      delegatedApprover: try row[6], owningSystem: try row[7], submittedAt: FactTime(submitted),
      isWithdrawn: try row[9], isBreakGlass: try row[10], ticket: RequestFacts.Ticket(rawValue: ticket) ?? .unreadable)
    let identity = IdentityFacts(
      owner: try row[13], backupOwner: try row[14], targetOwner: try row[15], target: try row[16],
      targetName: try row[17], environment: try row[18], purpose: try row[19],
      tier: PrivilegeTier(rawValue: tier) ?? .privileged, rights: rights.sorted(), expiresAt: FactTime(expires),
      attestedAt: FactTime(attested))
    let policy = try Policy(row, from: 25)
    return Row(
      identityID: IdentityID(try row[12]), vendor: try row[24], request: request, identity: identity,
      policy: try document.map(PolicyDocument.init(canonical:)) ?? PolicyDocument(policy),
      evidenceIsWritable: try row[35])
  }
}

struct LockVendorFacts: Statement {
  static let sql = """
    SELECT sponsor_id, contract_from, contract_until, review_valid_until, allowed_targets, scopes, incident_at IS NOT NULL
    FROM governance.vendor
    WHERE id = $1
    FOR SHARE
    """

  let vendor: UUID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(vendor) }

  static func decode(_ row: PostgresRow) throws -> VendorFacts {
    let from: Date = try row[1]
    let until: Date = try row[2]
    let review: Date = try row[3]
    let targets: [UUID] = try row[4]
    let scopes: [String] = try row[5]
    return VendorFacts(
      sponsor: try row[0], contractFrom: FactTime(from), contractUntil: FactTime(until),
      reviewValidUntil: FactTime(review), allowedTargets: targets.sorted { $0.uuidString < $1.uuidString },
      scopes: scopes.sorted(), hasIncident: try row[6])
  }
}

/// Lock order: people by id.
struct LockPeople: Statement {
  static let sql = """
    SELECT p.id
    FROM governance.person AS p
    WHERE p.id = ANY($1)
    ORDER BY p.id
    FOR SHARE
    """

  let people: [UUID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(people) }
  static func decode(_ row: PostgresRow) throws {}
}

/// Those named, and those who hold one of the roles or could be anybody. At most 200 of the latter.
struct FindPeopleFacts: Statement {
  static let sql = """
    SELECT p.id, p.state, p.state_since, p.manager_id,
      CASE
        WHEN s.state = 'quarantined' THEN 'quarantined'
        WHEN s.maximum_age IS NULL THEN 'fresh'
        WHEN s.as_of IS NULL OR s.as_of + s.maximum_age <= clock_timestamp() THEN 'stale'
        ELSE 'fresh'
      END
    FROM governance.person AS p
    JOIN governance.identity_source AS s ON s.name = p.source
    WHERE p.id = ANY($1)
      OR p.id IN (
        SELECT a.person_id FROM governance.role_assignment AS a WHERE a.role = ANY($2) AND a.ended_at IS NULL LIMIT 200)
      OR $3 AND p.id IN (
        SELECT n.id FROM governance.person AS n WHERE n.state = 'active' AND n.id <> ALL($1) ORDER BY n.external_id LIMIT 12)
    ORDER BY p.id
    """

  let people: [UUID]
  let roles: [String]
  let includesAnybody: Bool

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(people)
    parameters.append(roles)
    parameters.append(includesAnybody)
  }

  static func decode(_ row: PostgresRow) throws -> PersonFacts {
    let state: String = try row[1]
    let since: Date = try row[2]
    let source: String = try row[4]
    return PersonFacts(
      id: try row[0], state: Person.State(rawValue: state) ?? .terminated, stateSince: FactTime(since),
      manager: try row[3], source: PersonFacts.Source(rawValue: source) ?? .stale)
  }
}

struct FindRoleFacts: Statement {
  static let sql = """
    SELECT person_id, role, target_id, valid_from, ended_at
    FROM governance.role_assignment
    WHERE person_id = ANY($1)
    ORDER BY person_id, role, valid_from
    """

  let people: [UUID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(people) }

  static func decode(_ row: PostgresRow) throws -> (person: UUID, role: PersonFacts.Role) {
    let from: Date = try row[3]
    let until: Date? = try row[4]
    return (
      try row[0],
      PersonFacts.Role(name: try row[1], target: try row[2], from: FactTime(from), until: until.map { FactTime($0) })
    )
  }
}

struct FindApprovalFacts: Statement {
  static let sql = """
    SELECT a.id, a.approver_id, a.acting_for_id, a.delegation_id, a.decision, a.stage, a.revision,
      encode(a.digest, 'hex'), a.strength, a.decided_at, a.is_human,
      EXISTS (SELECT FROM governance.approval_withdrawal AS w WHERE w.approval_id = a.id), a.relations
    FROM governance.approval AS a
    WHERE a.request_id = $1
    ORDER BY a.stage, a.decided_at, a.id
    """

  let request: RequestID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(request.rawValue) }

  static func decode(_ row: PostgresRow) throws -> ApprovalFacts {
    let verdict: String = try row[4]
    let stage: Int16 = try row[5]
    let strength: String = try row[8]
    let decided: Date = try row[9]
    return ApprovalFacts(
      id: try row[0], approver: try row[1], actingFor: try row[2], delegation: try row[3],
      verdict: ApprovalFacts.Verdict(rawValue: verdict) ?? .deny, stage: Int(stage), revision: try row[6],
      digest: try row[7], strength: Strength(rawValue: strength) ?? .helpdesk, decidedAt: FactTime(decided),
      isHuman: try row[10], isWithdrawn: try row[11], relations: try row[12])
  }
}

/// Delegations to these people, newest last.
struct FindDelegationFacts: Statement {
  static let sql = """
    SELECT d.id, d.delegator_id, d.delegate_id, d.role, d.target_id, d.valid_from,
      LEAST(d.valid_until, d.ended_at), d.registered_at,
      -- The delegator has nothing of their own when the authority is only somebody else's.
      EXISTS (
        SELECT FROM governance.delegation AS up
        WHERE up.delegate_id = d.delegator_id AND up.valid_from <= d.registered_at
          AND LEAST(up.valid_until, up.ended_at) > d.registered_at
          AND (up.role IS NULL OR d.role IS NULL OR up.role = d.role)
          AND NOT EXISTS (
            SELECT FROM governance.role_assignment AS own
            WHERE own.person_id = d.delegator_id AND own.role = COALESCE(d.role, up.role) AND own.ended_at IS NULL))
    FROM governance.delegation AS d
    WHERE d.delegate_id = ANY($1)
    ORDER BY d.registered_at, d.id
    """

  let delegates: [UUID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(delegates) }

  static func decode(_ row: PostgresRow) throws -> DelegationFacts {
    let from: Date = try row[5]
    let until: Date = try row[6]
    let registered: Date = try row[7]
    return DelegationFacts(
      id: try row[0], delegator: try row[1], delegate: try row[2], role: try row[3], target: try row[4],
      validFrom: FactTime(from), validUntil: FactTime(until), registeredAt: FactTime(registered), isChained: try row[8])
  }
}

/// Newest of each trigger. Relies on `reapproval_identity`.
struct FindChangeFacts: Statement {
  static let sql = """
    SELECT trigger, max(at)
    FROM governance.reapproval
    WHERE identity_id = $1
    GROUP BY trigger
    ORDER BY trigger
    """

  let identity: IdentityID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(identity.rawValue) }

  static func decode(_ row: PostgresRow) throws -> ChangeFact? {
    let word: String = try row[0]
    let at: Date = try row[1]
    return ReapprovalTrigger(rawValue: word).map { ChangeFact(trigger: $0, at: FactTime(at)) }
  }
}

struct FindToxicPairs: Statement {
  static let sql = """
    SELECT first, second
    FROM governance.toxic_pair
    WHERE target_id = $1 AND first = ANY($2) AND second = ANY($2)
    ORDER BY first, second
    """

  let target: UUID
  let rights: [String]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(target)
    parameters.append(rights)
  }

  static func decode(_ row: PostgresRow) throws -> [String] { [try row[0], try row[1]] }
}

/// The clock, not the transaction's begin: after every lock, so that what is decided is later than what it rests on.
struct ReadClock: Statement {
  static let sql = "SELECT clock_timestamp()"
  static func decode(_ row: PostgresRow) throws -> Date { try row[0] }
}

struct InsertDecision: Statement {
  static let sql = """
    INSERT INTO governance.decision (id, request_id, revision, moment, outcome, reasons, inputs, digest, decided_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, sha256($7), $8)
    """

  let id: UUID
  let request: RequestID
  let inputs: DecisionInputs
  let bytes: [UInt8]
  let decision: Decision

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(request.rawValue)
    parameters.append(inputs.request.revision)
    parameters.append(inputs.moment.rawValue)
    parameters.append(decision.outcome.rawValue)
    parameters.append(decision.reasons.map(\.rawValue))
    parameters.append(bytes)
    parameters.append(inputs.now.date)
  }
}

/// In the order of their ids, which is that of time.
struct FindDecisions: Statement {
  static let sql = """
    SELECT id, outcome, reasons, inputs
    FROM governance.decision
    WHERE id > $1
    ORDER BY id
    LIMIT 500
    """

  let after: UUID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(after) }

  struct Row: Sendable {
    let id: UUID
    let outcome: String
    let reasons: [String]
    let inputs: [UInt8]
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(id: try row[0], outcome: try row[1], reasons: try row[2], inputs: try row[3])
  }
}
