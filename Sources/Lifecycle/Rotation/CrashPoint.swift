/// A place in a run at which a process can end. Tests and schedules stop runs there; a worker has nobody who listens.
package struct CrashPoint: Sendable, Equatable, CustomStringConvertible {
  package enum Moment: String, Sendable, CaseIterable {
    /// Nothing of the step is durable.
    case beforeCommit = "before_commit"
    /// All of it is, and the run does not know.
    case afterCommit = "after_commit"
    /// The intent is durable, the target knows nothing.
    case beforeEffect = "before_effect"
    /// The target has answered, nothing of it is durable.
    case afterEffect = "after_effect"
    case beforeProbe = "before_probe"
    case afterProbe = "after_probe"
    /// Between two moves.
    case betweenMoves = "between_moves"
  }

  package let moment: Moment
  /// Where the saga stood.
  package let state: RotationState

  package var description: String { "\(moment.rawValue) in \(state.rawValue)" }
}

/// Called at every crash point; ends the run there by throwing `RunInterrupted`, or lets others work meanwhile.
package typealias CrashPointObserver = @Sendable (CrashPoint) async throws -> Void

/// The run ends as if its process had: nothing more is written.
package struct RunInterrupted: Error {
  package init() {}
}
