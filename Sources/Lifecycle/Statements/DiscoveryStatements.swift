import Foundation
import Governance
import Postgres
import Targets

/// The cases of a target, with what their credentials say that it has.
struct ListCases: Statement {
  static let sql = """
    SELECT i.id, i.name, i.login_mode, c.id, COALESCE(c.state, 'none'),
      EXISTS (SELECT FROM lifecycle.rotation AS r WHERE r.credential_id = c.id AND r.finished_at IS NULL),
      (SELECT v.login FROM lifecycle.version AS v WHERE v.credential_id = c.id AND v.state = 'current'),
      ARRAY(SELECT v.login FROM lifecycle.version AS v
            WHERE v.credential_id = c.id AND v.state IN ('candidate', 'current', 'retiring'))
    FROM governance.identity AS i
    LEFT JOIN lifecycle.credential AS c ON c.identity_id = i.id
    WHERE i.target_id = $1
    ORDER BY i.id
    """

  let target: TargetID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(target.rawValue) }

  static func decode(_ row: PostgresRow) throws -> DiscoveryAssessment.Case {
    let (mode, state): (String, String) = (try row[2], try row[4])
    guard let mode = LoginMode(rawValue: mode), let state = DiscoveryAssessment.Case.State(rawValue: state) else {
      throw LifecycleError(code: .unreadableRow, message: "an identity is in a state this version does not know")
    }
    let credential: UUID? = try row[3]
    let live: [String] = try row[7]
    return DiscoveryAssessment.Case(
      identity: IdentityID(try row[0]), onTarget: TargetIdentity(name: try row[1], mode: mode),
      mark: credential.map { CredentialID($0).description }, state: state, isMoving: try row[5],
      currentLogin: try row[6], liveLogins: Set(live))
  }
}

/// The engine's own logins on a target.
struct ListAdminLogins: Statement {
  static let sql = """
    SELECT t.settings ->> 'user' FROM governance.target AS t WHERE t.id = $1 AND t.settings ? 'user'
    UNION
    SELECT s.login FROM lifecycle.standby_admin AS s WHERE s.target_id = $1
    """

  let target: TargetID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(target.rawValue) }
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}

/// Opens the record of one look. Zero rows: a look that began later is recorded already. Lock order: before the findings.
struct RecordDiscovery: Statement {
  static let sql = """
    INSERT INTO lifecycle.discovery AS d (target_id, next_at, started_at, finished_at, logins, governed, result)
    VALUES ($1, now() + make_interval(secs => $2), $3, now(), $4, $5, left($6, 500))
    ON CONFLICT (target_id) DO UPDATE
    SET next_at = excluded.next_at, started_at = excluded.started_at, finished_at = excluded.finished_at,
      logins = excluded.logins, governed = excluded.governed, result = excluded.result
    WHERE d.started_at IS NULL OR d.started_at <= excluded.started_at
    """

  let target: TargetID
  /// Seconds until the next one.
  let period: Double
  let startedAt: Date
  let logins: Int?
  let governed: Int?
  let result: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(target.rawValue)
    parameters.append(period)
    parameters.append(startedAt)
    parameters.append(logins.map(Int32.init))
    parameters.append(governed.map(Int32.init))
    parameters.append(result)
  }
}

/// What was found. What was gone is open again, without the explanation it had; what was explained stays so.
struct UpsertFindings: Statement {
  static let sql = """
    INSERT INTO lifecycle.finding AS f (id, target_id, kind, name, identity_id, detail)
    SELECT w.id, $1, w.kind, w.name, i.identity_id, left(w.detail, 1000)
    FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[])
      AS w (id, kind, name, identity, detail)
    CROSS JOIN LATERAL (SELECT NULLIF(w.identity, '')::uuid) AS i (identity_id)
    ORDER BY w.kind, w.name
    ON CONFLICT (target_id, kind, name) DO UPDATE
    SET last_seen_at = now(), identity_id = excluded.identity_id, detail = excluded.detail, gone_at = NULL,
      state = CASE WHEN f.state = 'gone' THEN 'open' ELSE f.state END,
      explained_by = CASE WHEN f.state = 'gone' THEN NULL ELSE f.explained_by END,
      explained_at = CASE WHEN f.state = 'gone' THEN NULL ELSE f.explained_at END,
      explanation = CASE WHEN f.state = 'gone' THEN NULL ELSE f.explanation END
    """

  let target: TargetID
  let findings: [DiscoveryAssessment.Finding]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(target.rawValue)
    parameters.append(findings.map { _ in UUID.ordered() })
    parameters.append(findings.map(\.kind.rawValue))
    parameters.append(findings.map(\.name))
    parameters.append(findings.map { $0.identity?.description ?? "" })
    parameters.append(findings.map(\.detail))
  }
}

/// Kind and name of what is there already, open or explained.
struct FindStandingFindings: Statement {
  static let sql =
    "SELECT f.kind || ' ' || f.name FROM lifecycle.finding AS f WHERE f.target_id = $1 AND f.state <> 'gone'"
  let target: TargetID
  func bind(_ parameters: inout PostgresParameters) { parameters.append(target.rawValue) }
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}

/// What was found before and not now.
struct EndFindings: Statement {
  static let sql = """
    UPDATE lifecycle.finding AS f
    SET state = 'gone', gone_at = now()
    WHERE f.target_id = $1 AND f.state <> 'gone'
      AND NOT EXISTS (SELECT FROM unnest($2::text[], $3::text[]) AS w (kind, name) WHERE w.kind = f.kind AND w.name = f.name)
    """

  let target: TargetID
  let findings: [DiscoveryAssessment.Finding]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(target.rawValue)
    parameters.append(findings.map(\.kind.rawValue))
    parameters.append(findings.map(\.name))
  }
}

/// Guard: it is there and not gone.
struct ExplainFinding: Statement {
  static let sql = """
    UPDATE lifecycle.finding
    SET state = 'explained', explained_by = $4, explained_at = now(), explanation = $5
    WHERE target_id = $1 AND kind = $2 AND name = $3 AND state <> 'gone'
    """

  let target: TargetID
  let kind: DiscoveryAssessment.Finding.Kind
  let name: String
  let person: PersonID
  let explanation: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(target.rawValue)
    parameters.append(kind.rawValue)
    parameters.append(name)
    parameters.append(person.rawValue)
    parameters.append(explanation)
  }
}

/// Targets that are due to be looked over. A new one is due five minutes after it was added.
struct FindDueDiscoveries: Statement {
  static let sql = """
    SELECT t.id
    FROM governance.target AS t
    LEFT JOIN lifecycle.discovery AS d ON d.target_id = t.id
    WHERE COALESCE(d.next_at, t.created_at + interval '5 minutes') <= now()
    ORDER BY COALESCE(d.next_at, t.created_at), t.id
    LIMIT $1
    """

  let limit: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(limit) }
  static func decode(_ row: PostgresRow) throws -> TargetID { TargetID(try row[0]) }
}
