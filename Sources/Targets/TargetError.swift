/// A problem with a target that concerns its configuration or a read; writing verbs report an `EffectOutcome` instead.
package struct TargetError: Error, Equatable, CustomStringConvertible {
  package enum Code: String, Sendable {
    case unknownKind
    case invalidSetting
    case unreachable
    case refused
    case insufficientRights
  }

  package let code: Code
  /// With a remedy; never with a secret.
  package let message: String

  package init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { "\(code.rawValue): \(message)" }

  package static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}
