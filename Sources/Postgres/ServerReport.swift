// What libpq and the server say, as a PostgresError. The only place that reads error fields and error texts.

/// A server's error, reduced to what may be logged.
///
/// Primary texts are kept for the classes in which PostgreSQL names objects and states. Others quote data (22, 23),
/// fragments of the statement (42601, 42602) or whatever a function raised (P0…), and are dropped, as are DETAIL, HINT
/// and CONTEXT always.
struct ServerReport {
  private static let quotableClasses: Set<String> = [
    "08", "0A", "0B", "25", "26", "28", "2B", "34", "3B", "3D", "3F", "40", "42", "53", "54", "55", "57", "58",
  ]
  private static let unquotable: Set<String> = ["42601", "42602"]

  let sqlState: SQLState?
  let primary: String?
  let constraint: String?
  let table: String?
  let column: String?
  let position: String?

  init(_ result: QueryResult) {
    sqlState = result.errorField("C").map(SQLState.init(rawValue:))
    primary = result.errorField("M")
    constraint = result.errorField("n")
    table = result.errorField("t")
    column = result.errorField("c")
    position = result.errorField("P")
  }

  /// For a statement that failed while no interruption of ours was under way.
  func error(in statement: String?) -> PostgresError {
    // libpq makes such a result itself when the connection breaks, without fields of the server.
    guard let sqlState else { return .connectionLost(statement) }
    if sqlState == .adminShutdown || sqlState == .crashShutdown || sqlState == .cannotConnectNow {
      return PostgresError(
        code: .connectionLost, sqlState: sqlState, message: "the server ended the connection", statement: statement)
    }
    return PostgresError(
      code: .server, sqlState: sqlState, message: message, statement: statement, constraint: constraint)
  }

  var message: String {
    var parts: [String] = []
    if let sqlState, let primary, Self.mayQuote(sqlState) {
      parts.append(primary)
    } else {
      parts.append(Self.meaning(of: sqlState))
    }
    if let constraint { parts.append("constraint \(constraint)") }
    if let table { parts.append("table \(table)") }
    if let column { parts.append("column \(column)") }
    if let position { parts.append("at character \(position) of the statement") }
    return parts.joined(separator: ", ")
  }

  private static func mayQuote(_ state: SQLState) -> Bool {
    quotableClasses.contains(state.classCode) && !unquotable.contains(state.rawValue)
  }

  private static func meaning(of state: SQLState?) -> String {
    switch state?.classCode {
    case "22": "a value was refused"
    case "23": "a constraint was violated"
    case "42": "the statement has a syntax error"
    case "P0": "a function raised an error"
    case "XX": "the server met an internal error; see its log"
    default: "the server refused the statement; see its log"
    }
  }
}

extension PostgresError {
  static func connectionLost(_ statement: String?) -> PostgresError {
    PostgresError(
      code: .connectionLost, message: "the connection broke; whether the statement took effect is unknown",
      statement: statement)
  }

  /// `text` is libpq's verbose error message of an attempt to connect: one or more lines, one per server tried, such as
  /// `connection to server at "h", port 5432 failed: FATAL:  28P01: password authentication failed for user "u"`,
  /// each followed by lines such as `LOCATION:` and `DETAIL:`.
  static func connecting(_ text: String, configuration: PostgresConfiguration) -> PostgresError {
    let lines = text.split(separator: "\n").filter { line in
      !["LOCATION:", "DETAIL:", "HINT:", "CONTEXT:"].contains { line.hasPrefix($0) }
    }
    let state = lines.lazy.reversed().compactMap { sqlState(in: $0) }.first
    let said = lines.joined(separator: "; ")
    let servers = configuration.endpoints.map(\.description).joined(separator: ", ")
    switch state {
    case .invalidPassword?, .invalidAuthorization?:
      return PostgresError(
        code: .authenticationFailed, sqlState: state,
        message: "\(said); check user, password and the server's pg_hba.conf")
    case .unknownDatabase?:
      return PostgresError(
        code: .authenticationFailed, sqlState: state, message: "\(said); create the database or correct its name")
    case .tooManyConnections?:
      return PostgresError(
        code: .connectionFailed, sqlState: state,
        message: "\(said); lower the pool's maximum or raise the server's max_connections")
    case .cannotConnectNow?:
      return PostgresError(code: .connectionFailed, sqlState: state, message: "\(said); try again shortly")
    case .some:
      return PostgresError(code: .connectionFailed, sqlState: state, message: said)
    case nil:
      return PostgresError(
        code: .connectionFailed, message: "\(said); is the server at \(servers) running?")
    }
  }

  /// The five characters after `FATAL:  `; the severity's word depends on the server's language.
  static func sqlState(in line: Substring) -> SQLState? {
    let bytes = Array(line.utf8)
    guard bytes.count >= 9 else { return nil }
    for start in 0..<bytes.count - 8
    where bytes[start] == UInt8(ascii: ":") && bytes[start + 1] == UInt8(ascii: " ")
      && bytes[start + 2] == UInt8(ascii: " ") && bytes[start + 8] == UInt8(ascii: ":")
    {
      let state = bytes[start + 3..<start + 8]
      let isState = state.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
      }
      if isState { return SQLState(rawValue: String(decoding: state, as: UTF8.self)) }
    }
    return nil
  }
}
