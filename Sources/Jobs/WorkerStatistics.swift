/// What a worker did since it last wrote it down. Pure.
struct WorkerStatistics: Sendable {
  struct Key: Hashable, Sendable {
    let bucket: Bucket
    let kind: String
  }

  struct Counts: Sendable, Equatable {
    var claimed: Int64 = 0
    var done: Int64 = 0
    var failed: Int64 = 0
    var snoozed: Int64 = 0
    var blocked: Int64 = 0
    var quarantined: Int64 = 0
    var lost: Int64 = 0
    /// Seconds.
    var waited = 0.0
    var waitedMost = 0.0
    var ran = 0.0
    var ranMost = 0.0
  }

  private(set) var counts: [Key: Counts] = [:]

  mutating func claimed(_ job: ClaimedJob) {
    let waited = max(0, job.waited)
    counts[Key(bucket: job.lease.bucket, kind: job.kind), default: Counts()].note { counts in
      counts.claimed += 1
      counts.waited += waited
      counts.waitedMost = max(counts.waitedMost, waited)
    }
  }

  /// - Parameter seconds: from claimed to settled.
  mutating func settled(_ job: ClaimedJob, _ settlement: Settlement.Kind, isHeld: Bool, seconds: Double) {
    counts[Key(bucket: job.lease.bucket, kind: job.kind), default: Counts()].note { counts in
      counts.ran += seconds
      counts.ranMost = max(counts.ranMost, seconds)
      guard isHeld else {
        counts.lost += 1
        return
      }
      switch settlement {
      case .archive: counts.done += 1
      case .giveBack(let giveBack):
        switch giveBack.hold {
        case .blocked: counts.blocked += 1
        case .quarantined: counts.quarantined += 1
        case .waiting, nil: if giveBack.failures > 0 { counts.failed += 1 } else { counts.snoozed += 1 }
        }
      }
    }
  }

  mutating func take() -> [(key: Key, counts: Counts)] {
    defer { counts = [:] }
    return counts.map { ($0.key, $0.value) }
  }
}

extension WorkerStatistics.Counts {
  fileprivate mutating func note(_ change: (inout Self) -> Void) { change(&self) }
}
