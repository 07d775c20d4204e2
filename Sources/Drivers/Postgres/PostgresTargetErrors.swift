import Postgres
import Targets

/// A refusal that the driver itself decided, before or instead of the server. Rolls the transaction back.
struct EffectRefusal: Error {
  let reason: RefusalReason
  /// The SQLSTATE the server would use.
  let state: SQLState
  /// What stands in the way, in a few words: names of roles and objects, no more.
  let detail: String?

  init(_ reason: RefusalReason, _ state: SQLState, _ detail: String? = nil) {
    self.reason = reason
    self.state = state
    self.detail = detail
  }

  var code: String { state.rawValue + (detail.map { " " + $0.prefix(150) } ?? "") }

  static let fenced = EffectRefusal(.fenced, .notReady)
}

/// Sessions were still open when the deadline came.
struct SessionsRemain: Error {}

/// What errors of a PostgreSQL target mean: the one place that interprets their SQLSTATEs (manual, appendix A).
enum PostgresTargetErrors {
  /// For writing verbs. An error in a transaction was followed by a rollback, so a verdict of the server is definite;
  /// without one the outcome is unknown, also where nothing can have been sent: only then is the effect repeated.
  static func outcome(of error: any Error) -> EffectOutcome {
    switch error {
    case let refusal as EffectRefusal: .refused(refusal.reason, code: refusal.code)
    case is DeadlinePassed: .unknown(cause: "the deadline passed")
    case is SessionsRemain: .unknown(cause: "sessions were still open at the deadline")
    case is CancellationError: .unknown(cause: "cancelled")
    case let error as PostgresError: outcome(of: error)
    case let error as TargetError: .unknown(cause: "what is left could not be read: \(error.code.rawValue)")
    default: .unknown(cause: "unexpected error in the driver")
    }
  }

  private static func outcome(of error: PostgresError) -> EffectOutcome {
    switch error.code {
    case .server: return serverOutcome(of: error.sqlState ?? SQLState(rawValue: "XX000"))
    case .authenticationFailed:
      // Our own admin login; a missing database (3D000) reports itself the same way.
      let state = error.sqlState ?? .invalidAuthorization
      return .refused(state.classCode == "28" ? .insufficientRights : .other, code: state.rawValue)
    case .connectionFailed:
      // No CONNECT right on a database that has to be visited.
      if error.sqlState == .insufficientPrivilege { return .refused(.insufficientRights, code: "42501") }
      return .unknown(cause: "the target cannot be reached")
    case .invalidConfiguration, .misuse: return .unknown(cause: "the target's settings cannot be used")
    case .poolExhausted: return .unknown(cause: "every admin connection is in use")
    case .timedOut: return .unknown(cause: "timed out")
    case .cancelled: return .unknown(cause: "cancelled")
    case .connectionLost: return .unknown(cause: "the connection was lost")
    case .decoding: return .unknown(cause: "the target's answer could not be read")
    case .closed: return .unknown(cause: "the driver is closed")
    }
  }

  private static func serverOutcome(of state: SQLState) -> EffectOutcome {
    switch state {
    case .insufficientPrivilege: .refused(.insufficientRights, code: state.rawValue)
    case .dependentObjectsStillExist, .objectInUse: .refused(.residue, code: state.rawValue)
    case .duplicateObject, .uniqueViolation: .refused(.nameConflict, code: state.rawValue)
    // Only a password check module of the target says so in our statements.
    case .invalidParameterValue, .invalidPassword, .invalidAuthorization:
      .refused(.secretRejected, code: state.rawValue)
    case .queryCanceled, .lockNotAvailable: .unknown(cause: "the target reached the time limit")
    case .readOnlyTransaction: .refused(.other, code: state.rawValue)
    default:
      switch state.classCode {
      // Connection, resources, operator intervention, system, conflict, internal ("tuple concurrently updated").
      case "08", "40", "53", "57", "58", "XX": .unknown(cause: "the target failed with \(state.rawValue)")
      default: .refused(.other, code: state.rawValue)
      }
    }
  }

  /// For a login attempt. The server says 28000 for several reasons, which only its text tells apart; a text that is not
  /// known here (the server may speak another language) proves nothing.
  static func probe(_ error: any Error) -> ProbeResult {
    guard let error = error as? PostgresError else { return .cannotTell(cause: "unexpected error in the driver") }
    switch error.sqlState {
    case .invalidPassword: return .refused(.wrongSecret, code: "28P01")
    case .invalidAuthorization:
      if error.message.contains("is not permitted to log in") { return .refused(.blocked, code: "28000") }
      if error.message.contains("role \""), error.message.contains("does not exist") {
        return .refused(.wrongSecret, code: "28000")
      }
      return .cannotTell(cause: "the target's pg_hba.conf does not let this login in from here, or asks for no secret")
    case .some(let state): return .cannotTell(cause: "the target answered \(state.rawValue)")
    case nil: break
    }
    return switch error.code {
    case .timedOut: .cannotTell(cause: "timed out")
    case .cancelled: .cannotTell(cause: "cancelled")
    case .connectionLost: .cannotTell(cause: "the connection was lost")
    default: .cannotTell(cause: "the target cannot be reached")
    }
  }

  /// For reads.
  /// - Parameter database: where, when it is not the target's own.
  static func targetError(_ error: any Error, in database: String? = nil) -> any Error {
    let place = database.map { " in database \($0)" } ?? ""
    return switch error {
    case is DeadlinePassed: TargetError(code: .unreachable, message: "the deadline passed; try again")
    case let error as PostgresError:
      switch error.sqlState {
      case .insufficientPrivilege?:
        TargetError(code: .insufficientRights, message: "the admin may not read this\(place): \(error.message)")
      case let state? where state.classCode == "28" || state == .unknownDatabase:
        TargetError(code: .refused, message: "the target refused the admin's login: \(error.message)")
      case nil: TargetError(code: .unreachable, message: "the target cannot be reached: \(error.message)")
      default: TargetError(code: .unreachable, message: "the target failed: \(error.message)")
      }
    default: error
    }
  }
}

extension SQLState {
  static let dependentObjectsStillExist = SQLState(rawValue: "2BP01")
  static let invalidParameterValue = SQLState(rawValue: "22023")
  static let nameTooLong = SQLState(rawValue: "42622")
  static let notReady = SQLState(rawValue: "55000")
}
