package import Foundation

/// A row of the queue. Ids only: a job carries no payload and no secret, and losing it loses nothing.
///
///                    claim                    done
///     ready ───────────────────────► leased ─────────► archive
///       ▲  ▲                          │ │ │
///       │  └────── release, reap ─────┘ │ └─ abandoned three times, failed too often ─► quarantined ─ retry now ─► ready
///       └─ due ── waiting ◄─ snooze, ───┘
///                            retry
///     blocked ◄── the authorization was voided
///
/// In the table, a lease is `lease_owner` and what keeps a job from being claimed is `hold`; neither stands in an index
/// that a claim would have to change. `fence` grows at claim, release and reap and is never reset; every later write names
/// the fence it holds.
package struct JobID: Hashable, Sendable, CustomStringConvertible {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }
  package var description: String { rawValue.uuidString.lowercased() }
}

/// What a job is about; at most one live job per subject.
package struct SubjectID: Hashable, Sendable {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }
}

/// What limits how many jobs run at once.
package struct LimitGroupID: Hashable, Sendable {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }
}

/// The part of every key that lets tables be distributed later: 0…63, the low six bits of the id's last byte. The schema's
/// `jobs.bucket_of` computes the same.
package struct Bucket: Hashable, Sendable {
  package let rawValue: Int16
  package init(of group: LimitGroupID) { rawValue = Int16(group.rawValue.uuid.15 & 63) }
  package init(rawValue: Int16) { self.rawValue = rawValue }
}

/// Which work goes first. Within a lane it is first come, first served; what comes near its deadline moves to `hardExpiry`.
package enum Lane: Int16, Sendable, CaseIterable {
  /// Has one slot per group of its own, and no rate limit.
  case leak = 0
  case hardExpiry = 1
  case narrowing = 2
  case `operator` = 3
  case routine = 4
}

/// A kind of job and its strength: a stronger kind replaces a waiting weaker one of the same subject, and becomes the
/// follow-up of a leased one.
package struct JobKind: Hashable, Sendable {
  package let name: String
  package let precedence: Int16
  /// Never quarantined: retried with capped back-off for ever.
  package let isRelentless: Bool

  package init(name: String, precedence: Int16, isRelentless: Bool = false) {
    self.name = name
    self.precedence = precedence
    self.isRelentless = isRelentless
  }
}

/// A job as its handler sees it.
package struct ClaimedJob: Sendable {
  package let id: JobID
  package let kind: String
  package let group: LimitGroupID
  package let lane: Int16
  /// 1 on the first try. Released and snoozed tries do not count.
  package let attempt: Int32
  package let failures: Int32
  package let abandonments: Int32
  /// Seconds from due to claimed, by the database's clock.
  package let waited: Double
  /// The group failed lately: what becomes of this job closes or opens its breaker.
  package let groupIsAiling: Bool
  package let lease: Lease

  package var subject: SubjectID { lease.subject }
}

/// The time-limited right to work on a job. A lease is not a fence: `fence` is.
package struct Lease: Sendable, Hashable {
  package let subject: SubjectID
  package let bucket: Bucket
  package let fence: Int64
  /// The process that holds it.
  package let owner: UUID

  package init(subject: SubjectID, bucket: Bucket, fence: Int64, owner: UUID) {
    self.subject = subject
    self.bucket = bucket
    self.fence = fence
    self.owner = owner
  }
}

extension UUID {
  /// A random one (RFC 9562, version 4). Foundation's own opens a device file each time, which costs as much as storing the
  /// row it is for.
  package static func version4(using generator: inout some RandomNumberGenerator) -> UUID {
    var bytes = (generator.next(), generator.next())
    return withUnsafeMutableBytes(of: &bytes) { bytes in
      bytes[6] = bytes[6] & 0x0F | 0x40
      bytes[8] = bytes[8] & 0x3F | 0x80
      return UUID(uuid: bytes.loadUnaligned(as: uuid_t.self))
    }
  }
}
