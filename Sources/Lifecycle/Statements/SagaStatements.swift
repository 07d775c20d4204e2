import Foundation
import Governance
import Jobs
import Postgres
import Targets

/// The open saga of each credential, a revocation before anything else, with what its moves need to know. Relies on
/// `rotation_open_once`.
struct FindOpenSagas: Statement {
  static let sql = """
    SELECT r.id, r.credential_id, r.action, r.state, r.authorization_id, r.new_version, r.old_version, r.candidates,
      r.resume_state, r.wait_until, r.entered_at, c.due_anchor, c.hard_expires_at, c.target_id, t.admin_version,
      i.id, i.name, i.login_mode, i.rights,
      p.id, p.name, EXTRACT(epoch FROM p.rotation_period)::float8, EXTRACT(epoch FROM p.rotation_jitter)::float8,
      EXTRACT(epoch FROM p.overlap)::float8, EXTRACT(epoch FROM p.settle)::float8,
      EXTRACT(epoch FROM p.retry_reserve)::float8, p.on_expiry, p.secret_length, now(), c.fence,
      r.trigger, r.granted, r.inventory, c.leaked_at IS NOT NULL
    FROM unnest($1::uuid[]) AS m (id)
    CROSS JOIN LATERAL (
      SELECT o.*
      FROM lifecycle.rotation AS o
      WHERE o.credential_id = m.id AND o.finished_at IS NULL
      ORDER BY o.action = 'revoke' DESC
      LIMIT 1
    ) AS r
    JOIN lifecycle.credential AS c ON c.id = r.credential_id
    JOIN governance.identity AS i ON i.id = c.identity_id
    JOIN governance.target AS t ON t.id = c.target_id
    JOIN governance.policy AS p ON p.id = i.policy_id
    """

  let subjects: [UUID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(subjects) }

  struct Row: Sendable {
    let id: UUID
    let credential: UUID
    let action: String
    let state: String
    let authorization: UUID
    let newVersion: Int32?
    let oldVersion: Int32?
    let candidates: Int32
    let resumeState: String?
    let waitUntil: Date?
    let enteredAt: Date
    let dueAnchor: Date?
    let hardExpiresAt: Date
    let target: UUID
    let adminVersion: Int32
    let identity: SagaIdentity
    let now: Date
    let credentialFence: Int64
    let trigger: String
    let hasGranted: Bool
    let inventory: [String]?
    let isLeakPending: Bool
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(
      id: try row[0], credential: try row[1], action: try row[2], state: try row[3], authorization: try row[4],
      newVersion: try row[5], oldVersion: try row[6], candidates: try row[7], resumeState: try row[8],
      waitUntil: try row[9], enteredAt: try row[10], dueAnchor: try row[11], hardExpiresAt: try row[12],
      target: try row[13], adminVersion: try row[14],
      identity: SagaIdentity(
        id: IdentityID(try row[15]), name: try row[16], loginMode: try row[17], rights: try row[18],
        policy: try Policy(row, from: 19)),
      now: try row[28], credentialFence: try row[29], trigger: try row[30], hasGranted: try row[31],
      inventory: try row[32],
      isLeakPending: try row[33])
  }
}

/// Makes sagas; returns how many are new: one of the same kind may be open already. One that has not begun to change the
/// target becomes one for a leak when that is what is wanted, and so does every new one of a credential that was reported.
struct InsertSagas: Statement {
  static let sql = """
    WITH wanted AS (
      SELECT *
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::uuid[]) WITH ORDINALITY
        AS m (id, credential_id, action, trigger, requested_by, ticket, authorization_id, n)
    ), stored AS (
      INSERT INTO lifecycle.rotation
        (id, credential_id, bucket, action, state, trigger, requested_by, ticket, authorization_id)
      SELECT m.id, c.id, c.bucket, m.action, 'planned',
        CASE WHEN m.action = 'rotate' AND c.leaked_at IS NOT NULL THEN 'leak' ELSE m.trigger END, m.requested_by, m.ticket,
        m.authorization_id
      FROM wanted AS m
      JOIN lifecycle.credential AS c ON c.id = m.credential_id
      ON CONFLICT (credential_id, (action = 'revoke')) WHERE finished_at IS NULL DO UPDATE
      SET trigger = EXCLUDED.trigger, requested_by = EXCLUDED.requested_by, ticket = EXCLUDED.ticket
      WHERE EXCLUDED.trigger = 'leak' AND rotation.action = 'rotate' AND rotation.trigger <> 'leak'
        AND rotation.state IN ('planned', 'claimed', 'prepared')
      RETURNING xmax = 0 AS is_new
    )
    SELECT count(*) FROM stored WHERE is_new
    """

  let orders: [SagaOrder]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(orders.map { _ in UUID.ordered() })
    parameters.append(orders.map(\.credential.id.rawValue))
    parameters.append(orders.map(\.action.rawValue))
    parameters.append(orders.map(\.trigger.word))
    parameters.append(orders.map { $0.trigger.person?.rawValue })
    parameters.append(orders.map(\.trigger.ticket))
    parameters.append(orders.map(\.authorization.rawValue))
  }

  static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
}

/// The moves of a saga since its last commit and what it observed, as one row of its history. Guard: the state before the
/// first and the fence; not done means that the saga is elsewhere.
///
/// Times are one list after the other, of all sagas: a part of an array is found at once when all elements have the same
/// length. Words do not, so each saga brings its own lists of them as text.
struct MoveSaga: BatchStatement {
  static let sql = """
    WITH moved AS (
      UPDATE lifecycle.rotation AS r
      SET state = m.state,
        state_reason = left(m.reason, 500),
        fence = m.fence,
        new_version = m.new_version,
        old_version = m.old_version,
        candidates = m.candidates,
        resume_state = m.resume_state,
        wait_until = m.wait_until,
        steps = r.steps + m.moves,
        entered_at = LEAST(($14::timestamptz[])[m.first_move + m.moves - 1], now()),
        finished_at = CASE WHEN m.state IN ('done', 'rolled_back', 'cancelled', 'abandoned') THEN now() END
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::integer[], $7::integer[], $8::integer[],
        $9::text[], $10::timestamptz[], $11::integer[], $12::integer[], $15::text[], $16::uuid[], $17::text[], $18::text[],
        $19::text[], $20::jsonb[], $21::integer[], $22::integer[]) WITH ORDINALITY
        AS m (id, before, state, reason, fence, new_version, old_version, candidates, resume_state, wait_until, moves,
          first_move, states, commit_id, kinds, results, versions, details, first_observed, observed, n)
      WHERE r.id = m.id AND r.state = m.before AND r.fence <= m.fence AND r.finished_at IS NULL
      RETURNING m.n, r.id, m.commit_id, r.credential_id, r.fence, r.steps - m.moves + 1 AS first_step, m.states, m.first_move,
        m.first_move + m.moves - 1 AS last_move, m.kinds, m.results, m.versions, m.details, m.first_observed,
        m.first_observed + m.observed - 1 AS last_observed
    ), written AS (
      INSERT INTO lifecycle.rotation_commit
        (rotation_id, id, credential_id, fence, first_step, states, started_at, entered_at, kinds, results, versions, details,
          observed_at)
      SELECT m.id, m.commit_id, m.credential_id, m.fence, m.first_step, m.states::text[],
        ($13::timestamptz[])[m.first_move:m.last_move], ($14::timestamptz[])[m.first_move:m.last_move], m.kinds::text[],
        m.results::text[], m.versions::integer[], m.details, ($23::timestamptz[])[m.first_observed:m.last_observed]
      FROM moved AS m
    )
    SELECT array_agg(n) FROM moved
    """

  /// One state to the next, by the database's clock.
  struct Move: Sendable {
    let from: RotationState
    let to: RotationState
    let startedAt: Date
    let at: Date
  }

  let rotation: RotationID
  /// In order; not empty.
  let path: [Move]
  let reason: String?
  let fence: Int64
  let newVersion: Int32?
  let oldVersion: Int32?
  let candidates: Int32
  let resumeState: RotationState?
  let waitUntil: Date?
  var proofs: [InsertProofs.Proof] = []

  static func bind(_ rows: [MoveSaga], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.rotation.rawValue))
    parameters.append(rows.map { $0.path[0].from.rawValue })
    parameters.append(rows.map { $0.path[$0.path.count - 1].to.rawValue })
    parameters.append(rows.map(\.reason))
    parameters.append(rows.map(\.fence))
    parameters.append(rows.map(\.newVersion))
    parameters.append(rows.map(\.oldVersion))
    parameters.append(rows.map(\.candidates))
    parameters.append(rows.map { $0.resumeState?.rawValue })
    parameters.append(rows.map(\.waitUntil))
    let moves = rows.flatMap(\.path)
    parameters.append(rows.map { Int32($0.path.count) })
    parameters.append(places(of: rows.map(\.path.count)))
    parameters.append(moves.map(\.startedAt))
    parameters.append(moves.map(\.at))
    parameters.append(rows.map { arrayText([$0.path[0].from.rawValue] + $0.path.map(\.to.rawValue)) })
    parameters.append(rows.map { _ in UUID.ordered() })
    InsertProofs.bind(rows.map(\.proofs), &parameters)
  }
}

/// Where each list begins, from 1, when all follow one another.
private func places(of counts: [Int]) -> [Int32] {
  var next: Int32 = 1
  return counts.map { count in
    defer { next += Int32(count) }
    return next
  }
}

/// An array as PostgreSQL reads it. Only for words of lower-case letters and underscores, numbers and NULL.
private func arrayText(_ words: [String]) -> String { "{" + words.joined(separator: ",") + "}" }

/// A revocation takes over: what it cuts includes whatever the other saga had done. Counts as done when there is none.
struct CancelOtherSagas: BatchStatement {
  static let sql = """
    WITH cancelled AS (
      UPDATE lifecycle.rotation AS r
      SET state = 'cancelled', state_reason = 'taken over by a revocation', finished_at = now(), entered_at = now()
      FROM unnest($1::uuid[], $2::uuid[]) AS m (id, credential_id)
      WHERE r.credential_id = m.credential_id AND r.id <> m.id AND r.finished_at IS NULL
      RETURNING r.id
    ), settled AS (
      UPDATE lifecycle.effect AS e
      SET state = 'unknown', outcome_code = 'taken over', settled_at = clock_timestamp()
      FROM cancelled AS c
      WHERE e.rotation_id = c.id AND e.state = 'intended'
    )
    SELECT array_agg(m.n) FROM unnest($1::uuid[]) WITH ORDINALITY AS m (id, n)
    """

  let rotation: RotationID
  let credential: CredentialID

  static func bind(_ rows: [CancelOtherSagas], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.rotation.rawValue))
    parameters.append(rows.map(\.credential.rawValue))
  }
}

/// No row without its permit, so that a refused permit is what the step fails with, and not a broken reference.
struct InsertEffect: BatchStatement {
  static let sql = """
    WITH permitted AS (
      SELECT m.*
      FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::integer[], $7::bigint[]) WITH ORDINALITY
        AS m (id, rotation_id, credential_id, permit_id, verb, version, fence, n)
      JOIN governance.permit AS p ON p.id = m.permit_id
    ), intended AS (
      INSERT INTO lifecycle.effect (id, rotation_id, credential_id, permit_id, verb, version, fence, state)
      SELECT id, rotation_id, credential_id, permit_id, verb, version, fence, 'intended'
      FROM permitted
    )
    SELECT array_agg(n) FROM permitted
    """

  let id: UUID
  let rotation: RotationID
  let credential: CredentialID
  let permit: UUID
  let verb: TargetVerb
  let version: Int32?
  let fence: Int64

  static func bind(_ rows: [InsertEffect], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.id))
    parameters.append(rows.map(\.rotation.rawValue))
    parameters.append(rows.map(\.credential.rawValue))
    parameters.append(rows.map(\.permit))
    parameters.append(rows.map(\.verb.rawValue))
    parameters.append(rows.map(\.version))
    parameters.append(rows.map(\.fence))
  }
}

/// Counts as done when there is none. Relies on `effect_pkey`.
struct SupersedeEffects: BatchStatement {
  static let sql = """
    WITH superseded AS (
      UPDATE lifecycle.effect AS e
      SET state = 'unknown', outcome_code = 'repeated', settled_at = clock_timestamp()
      FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS m (rotation_id, verb, fence)
      WHERE e.rotation_id = m.rotation_id AND (e.verb = m.verb OR m.verb IS NULL)
        AND e.state = 'intended' AND e.fence <= m.fence
    )
    SELECT array_agg(m.n) FROM unnest($1::uuid[]) WITH ORDINALITY AS m (rotation_id, n)
    """

  let rotation: RotationID
  /// Nil: whatever it is.
  let verb: TargetVerb?
  let fence: Int64

  static func bind(_ rows: [SupersedeEffects], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.rotation.rawValue))
    parameters.append(rows.map { $0.verb?.rawValue })
    parameters.append(rows.map(\.fence))
  }
}

/// Guard: intended by this lease, and not settled yet.
struct SettleEffect: BatchStatement {
  static let sql = """
    WITH settled AS (
      UPDATE lifecycle.effect AS e
      SET state = m.state, outcome_code = left(m.code, 200),
        settled_at = GREATEST(e.intended_at, LEAST(m.settled_at, clock_timestamp()))
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[]) WITH ORDINALITY
        AS m (rotation_id, id, state, code, fence, settled_at, n)
      WHERE e.rotation_id = m.rotation_id AND e.id = m.id AND e.state = 'intended' AND e.fence = m.fence
      RETURNING m.n
    )
    SELECT array_agg(n) FROM settled
    """

  let rotation: RotationID
  let effect: UUID
  let state: String
  let code: String?
  let fence: Int64
  /// When the answer came.
  let settledAt: Date

  static func bind(_ rows: [SettleEffect], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.rotation.rawValue))
    parameters.append(rows.map(\.effect))
    parameters.append(rows.map(\.state))
    parameters.append(rows.map(\.code))
    parameters.append(rows.map(\.fence))
    parameters.append(rows.map(\.settledAt))
  }
}

/// What a saga observed since its last commit, when it has not moved.
struct InsertProofs: BatchStatement {
  static let sql = """
    WITH written AS (
      INSERT INTO lifecycle.rotation_commit
        (rotation_id, credential_id, fence, id, kinds, results, versions, details, observed_at)
      SELECT m.rotation_id, m.credential_id, m.fence, m.id, m.kinds::text[], m.results::text[], m.versions::integer[],
        m.details, ($11::timestamptz[])[m.first_observed:m.first_observed + m.observed - 1]
      FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::jsonb[],
        $9::integer[], $10::integer[])
        AS m (rotation_id, credential_id, fence, id, kinds, results, versions, details, first_observed, observed)
    )
    SELECT array_agg(m.n) FROM unnest($1::uuid[]) WITH ORDINALITY AS m (id, n)
    """

  struct Proof: Sendable {
    let version: Int32?
    let kind: ProofKind
    let result: ProofResult
    let detail: [String: String]
    let observedAt: Date
  }

  let rotation: RotationID
  let credential: CredentialID
  let fence: Int64
  let proofs: [Proof]

  static func bind(_ rows: [InsertProofs], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.rotation.rawValue))
    parameters.append(rows.map(\.credential.rawValue))
    parameters.append(rows.map(\.fence))
    parameters.append(rows.map { _ in UUID.ordered() })
    bind(rows.map(\.proofs), &parameters)
  }

  /// The lists of each row: kinds, results, versions, details, where its times begin and how many they are, and all times.
  fileprivate static func bind(_ lists: [[Proof]], _ parameters: inout PostgresParameters) {
    parameters.append(lists.map { arrayText($0.map(\.kind.rawValue)) })
    parameters.append(lists.map { arrayText($0.map(\.result.rawValue)) })
    parameters.append(lists.map { arrayText($0.map { $0.version.map(String.init) ?? "NULL" }) })
    parameters.append(
      lists.map { list in
        JSONText(text: "[" + list.map { JSONText(encoding: $0.detail).text }.joined(separator: ",") + "]")
      })
    parameters.append(places(of: lists.map(\.count)))
    parameters.append(lists.map { Int32($0.count) })
    parameters.append(lists.flatMap { $0.map(\.observedAt) })
  }
}
