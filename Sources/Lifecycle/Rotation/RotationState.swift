/// Where a saga stands. A state names what is durably true, so that any worker that finds a row in it knows what comes next.
///
/// Rotation; an issue is the same and ends after `published`:
///
///              leak ┌─► contained ─┐   ┌─────────────◄ not there ─────────────┐
///                   │              ▼   ▼                                      │
///     planned ─► claimed ──────► prepared ─► applying ─► applied ─► verified ─► rights_equal ─► published
///                   │              ▲  ▲          │  │         │                                      │
///         narrowing └─► narrowed ──┘  └ rejected ┘  └► unknown ┴─► rolling_back ─► rolled_back       ▼
///                                                                                                overlap
///     done ◄─ old_refused ◄─ sessions_ended ◄─ retiring ◄────────────────────────────────────────────┘
///
/// Revocation, the strongest cut first:
///
///     planned ─► claimed ─► login_blocked ─► sessions_ended ─► stripped ─► dropped ─► refused ─► residue_zero ─► done
///
/// From any open state to `quarantined`: a person is needed, who lets it go on where it was, rolls it back, or gives it up
/// (`abandoned`; a revocation only with a signed waiver, `Waiver.swift`). Before `applying` to `cancelled`.
package enum RotationState: String, Sendable, CaseIterable {
  /// The saga exists, authorized. Nothing happened. → claimed, cancelled
  case planned
  /// A worker's fence is on the saga and the credential. → prepared, contained, narrowed, login_blocked, cancelled
  case claimed
  /// Leak: nobody can log in with the old secret and its sessions are ended; nothing works until `applied`. → prepared
  case contained
  /// Narrowing: the identity has no right on the target that is not approved. → prepared
  case narrowed
  /// The candidate is sealed and stored, and a crash here reuses it; where the target makes the secret, what it held before is
  /// stored. → applying, cancelled
  case prepared
  /// Permit and intent are committed; the target may or may not have the candidate. → applied, prepared, unknown,
  /// rolling_back
  case applying
  /// The target confirmed the candidate. → verified, rolling_back
  case applied
  /// A random secret was refused and the new one logged in as the right identity. → rights_equal
  case verified
  /// The rights on the target are the approved ones. → published
  case rightsEqual = "rights_equal"
  /// The new version is current, the old one retiring. → overlap, done
  case published
  /// Both secrets work until the overlap is over; the old one is not cut while the new one is refused. → retiring
  case overlap
  /// The old login is being disabled; where it is the new one's too, the old secret must be seen to be refused.
  /// → sessions_ended
  case retiring
  /// No session of the old secret (revocation: of the identity) is open. → old_refused, stripped
  case sessionsEnded = "sessions_ended"
  /// The old secret was refused and its sealed copy is destroyed. → done, retiring
  case oldRefused = "old_refused"
  /// Nothing is left on the target that should not be. Final.
  case done

  /// Revocation: no login of the identity is accepted. → sessions_ended
  case loginBlocked = "login_blocked"
  /// Revocation: rights are gone. → dropped, login_blocked
  case stripped
  /// Revocation: the roles are gone. → refused
  case dropped
  /// Revocation: the last secret was refused. → residue_zero
  case refused
  /// Revocation: the target holds nothing of the identity. → done
  case residueZero = "residue_zero"

  /// Whether the target has the candidate is not known. Never a second candidate from here; where the target makes the secret,
  /// what nobody holds is destroyed first. → applied, applying, prepared
  case unknown
  /// The candidate is being removed from the target; the old secret works, or is being put back. → rolled_back
  case rollingBack = "rolling_back"
  /// The candidate was refused and the old version, still current, was accepted. Final.
  case rolledBack = "rolled_back"
  /// A person must look; `resume_state` says where it goes on, `quarantine` why and what may be done.
  case quarantined
  /// Ended before anything happened on the target, or taken over by a revocation. Final.
  case cancelled
  /// Given up by a person who answers for what is left on the target. Final.
  case abandoned

  package var isFinal: Bool {
    switch self {
    case .done, .rolledBack, .cancelled, .abandoned: true
    default: false
    }
  }
}
