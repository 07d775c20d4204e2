import Foundation
import Postgres

/// Opens every step: one row each, or the lease is lost. Holds the rows against the reaper until commit.
struct HoldLeases: BatchStatement {
  static let sql = """
    WITH mine AS (
      SELECT m.n
      FROM unnest($1::uuid[], $2::smallint[], $3::bigint[], $4::uuid[]) WITH ORDINALITY AS m (subject, bucket, fence, owner, n)
      JOIN jobs.job AS j ON j.subject = m.subject AND j.bucket = m.bucket AND j.fence = m.fence AND j.lease_owner = m.owner
      FOR NO KEY UPDATE OF j
    )
    SELECT array_agg(n) FROM mine
    """

  let lease: Lease

  static func bind(_ rows: [HoldLeases], _ parameters: inout PostgresParameters) {
    parameters.append(leases: rows.map(\.lease))
  }
}

extension PostgresParameters {
  /// The four columns every guard names, as arrays: $1 subject, $2 bucket, $3 fence, $4 lease owner.
  mutating func append(leases: [Lease]) {
    append(leases.map(\.subject.rawValue))
    append(leases.map(\.bucket.rawValue))
    append(leases.map(\.fence))
    append(leases.map(\.owner))
  }
}

/// The end of jobs that nothing follows. Guard: fence and owner. Finds each row by where the claim left it; one that was
/// updated since is not found and is tried again by its key.
struct ArchiveJobs: BatchStatement {
  static let sql = """
    WITH mine AS (
      DELETE FROM jobs.job AS j
      USING unnest($1::uuid[], $2::smallint[], $3::bigint[], $4::uuid[], $5::tid[], $6::text[], $7::text[]) WITH ORDINALITY
        AS m (subject, bucket, fence, owner, location, outcome, reason, n)
      WHERE j.ctid = m.location AND j.subject = m.subject AND j.fence = m.fence AND j.lease_owner = m.owner
        AND j.follow_up_kind IS NULL
      RETURNING m.n, m.outcome, m.reason, j.bucket, j.id, j.kind, j.subject, j.limit_group, j.lane, j.fence, j.attempt,
        j.failures, j.abandonments, j.created_at, j.lease_owner
    ), archived AS (
      INSERT INTO jobs.job_archive (bucket, id, kind, subject, limit_group, lane, outcome, reason, fence, attempt, failures,
        abandonments, created_at, finished_by)
      SELECT bucket, id, kind, subject, limit_group, lane, outcome, left(reason, 500), fence, attempt, failures,
        abandonments, created_at, lease_owner
      FROM mine
    )
    SELECT array_agg(n) FROM mine
    """

  let settlement: Settlement

  static func bind(_ rows: [ArchiveJobs], _ parameters: inout PostgresParameters) {
    parameters.append(leases: rows.map(\.settlement.lease))
    parameters.append(rows.map { $0.settlement.location ?? TupleID(block: 0, offset: 0) })
    parameters.append(archived: rows.map(\.settlement))
  }
}

extension PostgresParameters {
  fileprivate mutating func append(archived: [Settlement]) {
    append(
      archived.map { settlement -> String in
        if case .archive(let outcome, _) = settlement.kind { outcome.rawValue } else { ArchiveOutcome.done.rawValue }
      })
    append(
      archived.map { settlement -> String? in
        if case .archive(_, let reason) = settlement.kind { reason } else { nil }
      })
  }
}

/// As above, by key. Relies on `job_pkey`.
struct ArchiveMovedJobs: BatchStatement {
  static let sql = """
    WITH mine AS (
      DELETE FROM jobs.job AS j
      USING unnest($1::uuid[], $2::smallint[], $3::bigint[], $4::uuid[], $5::text[], $6::text[]) WITH ORDINALITY
        AS m (subject, bucket, fence, owner, outcome, reason, n)
      WHERE j.subject = m.subject AND j.bucket = m.bucket AND j.fence = m.fence AND j.lease_owner = m.owner
        AND j.follow_up_kind IS NULL
      RETURNING m.n, m.outcome, m.reason, j.bucket, j.id, j.kind, j.subject, j.limit_group, j.lane, j.fence, j.attempt,
        j.failures, j.abandonments, j.created_at, j.lease_owner
    ), archived AS (
      INSERT INTO jobs.job_archive (bucket, id, kind, subject, limit_group, lane, outcome, reason, fence, attempt, failures,
        abandonments, created_at, finished_by)
      SELECT bucket, id, kind, subject, limit_group, lane, outcome, left(reason, 500), fence, attempt, failures,
        abandonments, created_at, lease_owner
      FROM mine
    )
    SELECT array_agg(n) FROM mine
    """

  let settlement: Settlement

  static func bind(_ rows: [ArchiveMovedJobs], _ parameters: inout PostgresParameters) {
    parameters.append(leases: rows.map(\.settlement.lease))
    parameters.append(archived: rows.map(\.settlement))
  }
}

/// Gives leases back: to wait, to be blocked, to be quarantined, or to start over as their follow-up, which is stronger than
/// what ran and so becomes the job, ready at once. Guard: fence and owner. Relies on `job_pkey`.
struct GiveBackJobs: BatchStatement {
  static let sql = """
    WITH given AS (
      UPDATE jobs.job AS j
      SET hold = CASE WHEN j.follow_up_kind IS NULL THEN m.hold END,
        hold_reason = CASE WHEN j.follow_up_kind IS NULL THEN left(m.reason, 500) END,
        run_at = CASE WHEN j.follow_up_kind IS NULL THEN now() + make_interval(secs => m.delay) ELSE now() END,
        position = jobs.next_position(),
        kind = COALESCE(j.follow_up_kind, j.kind),
        precedence = COALESCE(j.follow_up_precedence, j.precedence),
        lane = LEAST(j.lane, COALESCE(j.follow_up_lane, j.lane)),
        follow_up_kind = NULL,
        follow_up_precedence = NULL,
        follow_up_lane = NULL,
        attempt = CASE WHEN j.follow_up_kind IS NULL THEN GREATEST(0, j.attempt - m.attempts_back) ELSE 0 END,
        failures = CASE WHEN j.follow_up_kind IS NULL THEN j.failures + m.failures ELSE 0 END,
        abandonments = 0,
        last_error = CASE WHEN m.failures > 0 THEN left(m.reason, 500) ELSE j.last_error END,
        fence = j.fence + 1,
        lease_owner = NULL,
        lease_expires_at = NULL
      FROM unnest($1::uuid[], $2::smallint[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::float8[], $8::integer[],
        $9::integer[], $10::boolean[]) WITH ORDINALITY
        AS m (subject, bucket, fence, owner, hold, reason, delay, attempts_back, failures, always, n)
      WHERE j.subject = m.subject AND j.bucket = m.bucket AND j.fence = m.fence AND j.lease_owner = m.owner
        AND (m.always OR j.follow_up_kind IS NOT NULL)
      RETURNING m.n
    )
    SELECT array_agg(n) FROM given
    """

  let lease: Lease
  let giveBack: GiveBack

  static func bind(_ rows: [GiveBackJobs], _ parameters: inout PostgresParameters) {
    parameters.append(leases: rows.map(\.lease))
    parameters.append(rows.map(\.giveBack.hold?.rawValue))
    parameters.append(rows.map(\.giveBack.reason))
    parameters.append(rows.map(\.giveBack.delay))
    parameters.append(rows.map(\.giveBack.attemptsTakenBack))
    parameters.append(rows.map(\.giveBack.failures))
    parameters.append(rows.map(\.giveBack.always))
  }
}

/// What jobs that blame their group, or clear it, mean for its breaker. Lock order: before any job of the batch.
///
/// Opens after five failures in a row, and at once when the job that tried an open one failed; each time for twice as long,
/// from 5 s to 300 s.
struct JudgeGroups: BatchStatement {
  static let sql = """
    WITH judged AS (
      UPDATE jobs.limit_group AS g
      SET breaker_failures = CASE WHEN m.failed THEN LEAST(g.breaker_failures + 1, 1000) ELSE 0 END,
        breaker = CASE WHEN NOT m.failed THEN 'closed'
          WHEN g.breaker <> 'closed' OR g.breaker_failures + 1 >= 5 THEN 'open' ELSE 'closed' END,
        breaker_until = CASE
          WHEN m.failed AND (g.breaker <> 'closed' OR g.breaker_failures + 1 >= 5)
            THEN now() + make_interval(secs => LEAST(300, 5 * 2 ^ LEAST(6, GREATEST(0, g.breaker_failures - 4)))) END
      FROM unnest($1::smallint[], $2::uuid[], $3::boolean[]) WITH ORDINALITY AS m (bucket, id, failed, n)
      WHERE g.id = m.id AND g.bucket = m.bucket
      RETURNING m.n
    )
    SELECT array_agg(n) FROM judged
    """

  let group: LimitGroupID
  let failed: Bool

  static func bind(_ rows: [JudgeGroups], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map { Bucket(of: $0.group).rawValue })
    parameters.append(rows.map(\.group.rawValue))
    parameters.append(rows.map(\.failed))
  }
}
