import Postgres
import Targets
import Testing

@testable import Drivers

@Suite struct PostgresTargetErrorsTests {
  @Test(arguments: [
    ("42501", EffectOutcome.refused(.insufficientRights, code: "42501")),
    ("2BP01", .refused(.residue, code: "2BP01")),
    ("42710", .refused(.nameConflict, code: "42710")),
    ("22023", .refused(.secretRejected, code: "22023")),
    ("42704", .refused(.other, code: "42704")),
    ("57014", .unknown(cause: "the target reached the time limit")),
    ("55P03", .unknown(cause: "the target reached the time limit")),
    ("57P01", .unknown(cause: "the target failed with 57P01")),
    ("40P01", .unknown(cause: "the target failed with 40P01")),
    ("XX000", .unknown(cause: "the target failed with XX000")),
  ])
  func interpretsTheServersVerdict(state: String, outcome: EffectOutcome) {
    let error = PostgresError(code: .server, sqlState: SQLState(rawValue: state), message: "")
    #expect(PostgresTargetErrors.outcome(of: error) == outcome)
  }

  @Test(arguments: [
    PostgresError.Code.connectionFailed, .poolExhausted, .timedOut, .cancelled, .connectionLost, .decoding, .closed,
    .misuse, .invalidConfiguration,
  ])
  func knowsNothingWithoutAVerdict(code: PostgresError.Code) {
    guard case .unknown = PostgresTargetErrors.outcome(of: PostgresError(code: code, message: "")) else {
      Issue.record("\(code) is no verdict")
      return
    }
  }

  @Test(arguments: [
    ("28P01", "password authentication failed for user \"x\"", ProbeResult.refused(.wrongSecret, code: "28P01")),
    ("28000", "role \"x\" is not permitted to log in", .refused(.blocked, code: "28000")),
    ("28000", "role \"x\" does not exist", .refused(.wrongSecret, code: "28000")),
    ("53300", "too many connections for role \"x\"", .cannotTell(cause: "the target answered 53300")),
    ("57P03", "the database system is starting up", .cannotTell(cause: "the target answered 57P03")),
    ("42501", "permission denied for database \"app\"", .cannotTell(cause: "the target answered 42501")),
  ])
  func tellsRefusalsFromSilence(state: String, message: String, result: ProbeResult) {
    let error = PostgresError(code: .authenticationFailed, sqlState: SQLState(rawValue: state), message: message)
    #expect(PostgresTargetErrors.probe(error) == result)
  }

  @Test func learnsNothingFromPgHba() {
    let error = PostgresError(
      code: .authenticationFailed, sqlState: .invalidAuthorization,
      message: "no pg_hba.conf entry for host \"10.0.0.1\", user \"x\", database \"app\", no encryption")
    guard case .cannotTell = PostgresTargetErrors.probe(error) else {
      Issue.record("a missing line says nothing about the secret")
      return
    }
  }
}

@Suite struct RoleMarkTests {
  @Test(arguments: [RoleMark(mark: "m", fence: 3), RoleMark(mark: "with:colon", fence: nil)])
  func readsWhatItWrites(mark: RoleMark) {
    #expect(RoleMark(comment: mark.comment) == mark)
  }

  @Test(arguments: ["", "the reporting role", "keyturn", "keyturn:m:fence=", "keyturn:m:fence=x"])
  func knowsOtherComments(comment: String) {
    #expect(RoleMark(comment: comment) == nil)
  }
}
