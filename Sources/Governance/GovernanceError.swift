/// A refusal or a mistake in what was asked, with its remedy. Never holds a secret.
package struct GovernanceError: Error, Equatable, CustomStringConvertible {
  package enum Code: String, Sendable {
    case missingField = "missing_field"
    case invalidField = "invalid_field"
    case unknownRecord = "unknown_record"
    case alreadyExists = "already_exists"
    /// The rules say no; `reasons` says why.
    case refused
  }

  package let code: Code
  package let message: String
  package let reasons: [ReasonCode]

  package init(code: Code, message: String, reasons: [ReasonCode] = []) {
    self.code = code
    self.message = message
    self.reasons = reasons
  }

  package static func refused(_ reasons: [ReasonCode]) -> GovernanceError {
    GovernanceError(code: .refused, message: reasons.map(\.explanation).joined(separator: "; "), reasons: reasons)
  }

  package static func unknown(_ what: String, _ name: String) -> GovernanceError {
    let listed = ["person", "identity", "target", "request", "ticket", "policy"]
    let remedy = listed.contains(what) ? "; `keyturn \(what) list` shows those there are" : ""
    return GovernanceError(code: .unknownRecord, message: "no \(what) \"\(name.prefix(80))\"\(remedy)")
  }

  package static func noPolicy(_ name: String) -> GovernanceError { unknown("policy", name) }

  package var description: String { message }

  package static func == (left: Self, right: Self) -> Bool { left.code == right.code && left.reasons == right.reasons }
}
