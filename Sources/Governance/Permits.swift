package import Foundation
package import Jobs
package import Postgres

/// The right to do one effect, recorded in the transaction that records the intent. Nothing else makes one.
///
/// The authorization row is read `FOR SHARE`: voiding it is strictly before the intent (and then there is no permit) or
/// strictly after it.
package struct Permit: Sendable {
  package let id: UUID

  /// Adds the permit to `step`; the step fails as `guardFailed` at `GrantPermit.name` when the authorization does not
  /// hold at that moment, and then nothing of the step is written.
  /// - Parameter incarnation: what this process knows of the database; nil: it only observes, and is granted nothing.
  /// - Parameter need: what the effect needs of the evidence log.
  @discardableResult
  package static func add(
    to step: inout Step, id: UUID = .ordered(), authorization: AuthorizationID, action: GovernedAction,
    identity: IdentityID,
    subject: SubjectID, incarnation: IncarnationClaim?, need: EvidenceNeed
  ) -> Permit {
    let permit = Permit(id: id)
    step.add(
      batched: GrantPermit(
        permit: permit.id, authorization: authorization, action: action, identity: identity, subject: subject,
        fence: step.lease.fence, incarnation: incarnation, need: need))
    return permit
  }
}

/// Whether an effect waits while the evidence log may not be continued.
package enum EvidenceNeed: Sendable {
  case writable
  /// What shuts a login off goes on: it takes away, and nothing that evidence is about.
  case none
}

/// Inserts each permit whose authorization holds now.
///
/// It asks what `Decision` would, of the facts as they are then. What a decision rests on either voids the authorization in
/// the transaction that changes it, or ends at its `valid_until`; left are people who are away and sources that are not to
/// be trusted, which only pause: they are looked up here, for everybody in `Standing` and for those who answer for the
/// identity, whom the authorization names as they are now (`responsible`: owner, backup owner, the vendor's sponsor).
/// Together with the decision that granted it, which the authorization names too, each permit can be decided again
/// (`GovernanceStore.replayPermits`). Not for revocation: what reduces is never held up by people who left or by stale data.
/// None in a database that was restored or copied until a person confirmed it, none for a subject that is being contained,
/// and while the evidence log may not be continued none but for what shuts logins off.
/// Lock order: the jobs (by the steps' guard), then the authorizations, in the order of the arrays, which is by subject.
package struct GrantPermit: BatchStatement {
  package static let sql = """
    WITH held AS MATERIALIZED (
      SELECT m.n, m.permit, a.id AS authorization_id, m.action, m.subject, m.fence, m.incarnation, m.mark,
        m.action = 'revoke' AS reduces, a.responsible, a.people, a.known_people
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::uuid[], $7::uuid[], $8::bigint[],
          $9::boolean[]) WITH ORDINALITY
        AS m (permit, authorization_id, action, subject, fence, identity_id, incarnation, mark, needs_evidence, n)
      JOIN governance.live_incarnation AS live ON live.id = m.incarnation AND live.mark >= m.mark
      JOIN governance.authorization AS a ON a.id = m.authorization_id
      WHERE a.identity_id = m.identity_id
        AND m.action = ANY(a.actions)
        AND a.voided_at IS NULL
        AND a.valid_from <= now()
        AND a.valid_until > now()
        AND NOT EXISTS (SELECT FROM governance.embargo AS e WHERE e.subject = m.subject)
        AND (NOT m.needs_evidence OR NOT EXISTS (SELECT FROM evidence.refusal))
      FOR SHARE OF a
    ), away AS MATERIALIZED (
      -- Once for each person of the batch, however many permits rest on them, and each by its key (OFFSET 0): a plan for all at
      -- once may read the whole table.
      SELECT COALESCE(array_agg(x.id) FILTER (WHERE p.state IS DISTINCT FROM 'active'), '{}') AS gone,
        COALESCE(array_agg(x.id) FILTER (WHERE p.is_unknown), '{}') AS unknown
      FROM (
        SELECT DISTINCT unnest(d.responsible || d.people) AS id
        FROM (SELECT DISTINCT h.responsible, h.people FROM held AS h WHERE NOT h.reduces) AS d
      ) AS x
      LEFT JOIN LATERAL (
        SELECT q.state, s.state <> 'ok' OR s.maximum_age IS NOT NULL AND (s.as_of IS NULL OR s.as_of + s.maximum_age <= now())
          AS is_unknown
        FROM governance.person AS q
        JOIN governance.identity_source AS s ON s.name = q.source
        WHERE q.id = x.id
        OFFSET 0
      ) AS p ON true
    ), permitted AS MATERIALIZED (
      SELECT h.n, h.permit, h.authorization_id, h.action, h.subject, h.fence, h.incarnation, h.mark
      FROM held AS h
      CROSS JOIN away
      WHERE h.reduces OR (
        cardinality(h.responsible) >= 2 AND cardinality(h.people) > 0
        AND (away.gone = '{}' OR NOT (h.responsible && away.gone OR h.people && away.gone))
        AND (away.unknown = '{}' OR NOT (h.responsible[1] = ANY (away.unknown) OR h.known_people && away.unknown)))
    ), granted AS (
      INSERT INTO governance.permit (id, authorization_id, action, subject, fence, incarnation, mark)
      SELECT permit, authorization_id, action, subject, fence, incarnation, mark
      FROM permitted
    )
    SELECT array_agg(n) FROM permitted
    """

  let permit: UUID
  let authorization: AuthorizationID
  let action: GovernedAction
  let identity: IdentityID
  let subject: SubjectID
  let fence: Int64
  let incarnation: IncarnationClaim?
  let need: EvidenceNeed

  package static func bind(_ rows: [GrantPermit], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.permit))
    parameters.append(rows.map(\.authorization.rawValue))
    parameters.append(rows.map(\.action.rawValue))
    parameters.append(rows.map(\.subject.rawValue))
    parameters.append(rows.map(\.fence))
    parameters.append(rows.map(\.identity.rawValue))
    parameters.append(rows.map { $0.incarnation?.id })
    parameters.append(rows.map { $0.incarnation?.mark })
    parameters.append(rows.map { $0.need == .writable })
  }
}

/// What holds up every permit of a subject, whatever its authorization: it passes by itself, or by a person's word.
package struct ExplainHold: Statement {
  package static let sql = """
    SELECT array_remove(ARRAY[
      CASE WHEN NOT EXISTS (
        SELECT FROM governance.live_incarnation AS i WHERE i.id = $2 AND i.mark >= $3) THEN 'observe_only' END,
      CASE WHEN EXISTS (SELECT FROM governance.embargo AS e WHERE e.subject = $1) THEN 'being_contained' END,
      CASE WHEN $4 AND NOT evidence.is_writable() THEN 'evidence_not_writable' END], NULL)
    """

  let subject: SubjectID
  let incarnation: IncarnationClaim?
  let need: EvidenceNeed

  package init(subject: SubjectID, incarnation: IncarnationClaim?, need: EvidenceNeed) {
    self.subject = subject
    self.incarnation = incarnation
    self.need = need
  }

  package func bind(_ parameters: inout PostgresParameters) {
    parameters.append(subject.rawValue)
    parameters.append(incarnation?.id)
    parameters.append(incarnation?.mark)
    parameters.append(need == .writable)
  }

  package static func decode(_ row: PostgresRow) throws -> [ReasonCode] {
    let words: [String] = try row[0]
    return words.compactMap(ReasonCode.init(rawValue:))
  }
}

/// Why a permit is not granted now: every reason, in words of the closed list.
package struct ExplainPermit: Statement {
  package static let sql =
    ReasonCode.selection + """

      WHERE a.id = $1
      """

  let authorization: AuthorizationID
  let action: GovernedAction

  package init(authorization: AuthorizationID, action: GovernedAction) {
    self.authorization = authorization
    self.action = action
  }

  package func bind(_ parameters: inout PostgresParameters) {
    parameters.append(authorization.rawValue)
    parameters.append(action.rawValue)
  }

  package static func decode(_ row: PostgresRow) throws -> [ReasonCode] { try ReasonCode.reasons(row) }
}

/// As above for many at once; an authorization that does not exist is missing from the answer.
package struct ExplainPermits: Statement {
  package static let sql =
    ReasonCode.selection + """

      WHERE a.id = ANY($1)
      """

  let authorizations: [AuthorizationID]
  let action: GovernedAction

  package init(authorizations: [AuthorizationID], action: GovernedAction) {
    self.authorizations = authorizations
    self.action = action
  }

  package func bind(_ parameters: inout PostgresParameters) {
    parameters.append(authorizations.map(\.rawValue))
    parameters.append(action.rawValue)
  }

  package static func decode(_ row: PostgresRow) throws -> (authorization: AuthorizationID, reasons: [ReasonCode]) {
    (AuthorizationID(try row[0]), try ReasonCode.reasons(row))
  }
}

extension ReasonCode {
  fileprivate static let selection = """
    SELECT a.id, array_remove(ARRAY[
      CASE WHEN a.voided_at IS NOT NULL THEN 'authorization_voided' END,
      CASE WHEN a.valid_from > now() THEN 'authorization_not_yet_valid' END,
      CASE WHEN a.valid_until <= now() THEN 'authorization_expired' END,
      CASE WHEN NOT $2 = ANY(a.actions) THEN 'action_not_granted' END,
      CASE WHEN $2 <> 'revoke' AND owner.state <> 'active' THEN 'owner_inactive' END,
      CASE WHEN $2 <> 'revoke' AND backup.state <> 'active' THEN 'backup_owner_inactive' END,
      CASE WHEN $2 <> 'revoke' AND sponsor.state <> 'active' THEN 'vendor_sponsor_inactive' END,
      CASE WHEN $2 <> 'revoke' AND away.requester THEN 'requester_inactive' END,
      CASE WHEN $2 <> 'revoke' AND away.delegated_approver THEN 'delegated_approver_inactive' END,
      CASE WHEN $2 <> 'revoke' AND (away.approver OR a.people = '{}') THEN 'approver_inactive' END,
      CASE WHEN $2 <> 'revoke' AND (os.state = 'quarantined' OR away.is_quarantined) THEN 'identity_source_quarantined' END,
      CASE WHEN $2 <> 'revoke' AND (away.is_stale
        OR os.maximum_age IS NOT NULL AND (os.as_of IS NULL OR os.as_of + os.maximum_age <= now()))
        THEN 'identity_source_stale' END], NULL)
    FROM governance.authorization AS a
    JOIN governance.identity AS i ON i.id = a.identity_id
    JOIN governance.person AS owner ON owner.id = i.owner_id
    JOIN governance.person AS backup ON backup.id = i.backup_owner_id
    JOIN governance.request AS r ON r.id = a.request_id AND r.revision = a.revision
    LEFT JOIN governance.vendor AS v ON v.id = i.vendor_id
    LEFT JOIN governance.person AS sponsor ON sponsor.id = v.sponsor_id
    LEFT JOIN governance.identity_source AS os ON os.name = owner.source
    CROSS JOIN LATERAL (
      SELECT bool_or(p.state <> 'active' AND p.id = r.requester_id) AS requester,
        bool_or(p.state <> 'active' AND p.id = r.delegated_approver_id) AS delegated_approver,
        bool_or(p.state <> 'active' AND p.id IS DISTINCT FROM r.requester_id
          AND p.id IS DISTINCT FROM r.delegated_approver_id) AS approver,
        bool_or(p.id = ANY (a.known_people) AND s.state = 'quarantined') AS is_quarantined,
        bool_or(p.id = ANY (a.known_people) AND s.maximum_age IS NOT NULL
          AND (s.as_of IS NULL OR s.as_of + s.maximum_age <= now())) AS is_stale
      FROM governance.person AS p
      JOIN governance.identity_source AS s ON s.name = p.source
      WHERE p.id = ANY (a.people)
    ) AS away
    """

  fileprivate static func reasons(_ row: PostgresRow) throws -> [ReasonCode] {
    let words: [String] = try row[1]
    return words.compactMap(ReasonCode.init(rawValue:))
  }
}
