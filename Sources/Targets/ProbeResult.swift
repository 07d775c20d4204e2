/// What a login attempt showed. "Cannot tell" is a result of its own, never a pass and never a refusal.
package enum ProbeResult: Sendable, Equatable {
  /// The target let us in. `identity` is who it says we are, `sessionUser` the login it authenticated.
  case accepted(identity: String, sessionUser: String)
  /// The target refused for a reason that concerns the secret or the login. `code` is the target's own.
  case refused(ProbeRefusal, code: String)
  /// Timeout, TLS, too many connections, shutting down: nothing was learned.
  case cannotTell(cause: String)
}

package enum ProbeRefusal: String, Sendable {
  /// Wrong secret, or no such login: many targets do not say which.
  case wrongSecret = "wrong_secret"
  /// The secret was right but the login is disabled.
  case blocked
}
