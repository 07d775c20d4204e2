/// The wire types of the HTTP API, shared by server and clients. JSON; times are RFC 3339.

/// RFC 9457. `code` is stable; `remedy` says what to do.
package struct Problem: Codable, Sendable, Equatable {
  /// `urn:keyturn:problem:<code>`
  package let type: String
  package let title: String
  package let status: Int
  package let code: String
  package let detail: String
  package let remedy: String

  package init(status: Int, code: String, title: String, detail: String, remedy: String) {
    type = "urn:keyturn:problem:" + code
    self.title = title
    self.status = status
    self.code = code
    self.detail = detail
    self.remedy = remedy
  }

  package static let contentType = "application/problem+json"
}

/// What a consumer needs to log in.
package struct SecretResponse: Codable, Sendable {
  package let credential: String
  package let target: String
  package let version: Int32
  /// `current`, or `retiring` for the previous one during the overlap.
  package let state: String
  package let login: String
  package let secret: String
  /// Where the target is: `host`, `port`, `database`, …; no secrets.
  package let connection: [String: String]

  package init(
    credential: String, target: String, version: Int32, state: String, login: String, secret: String,
    connection: [String: String]
  ) {
    self.credential = credential
    self.target = target
    self.version = version
    self.state = state
    self.login = login
    self.secret = secret
    self.connection = connection
  }
}

package struct AcknowledgementRequest: Codable, Sendable {
  /// The version that is in use now.
  package let version: Int32

  package init(version: Int32) { self.version = version }
}

package struct AcknowledgementResponse: Codable, Sendable {
  package let credential: String
  package let version: Int32
  /// The version that should be in use.
  package let currentVersion: Int32
  /// Registered readers that have not acknowledged the current version.
  package let waitingFor: Int

  package init(credential: String, version: Int32, currentVersion: Int32, waitingFor: Int) {
    self.credential = credential
    self.version = version
    self.currentVersion = currentVersion
    self.waitingFor = waitingFor
  }
}

package struct HealthResponse: Codable, Sendable {
  /// `ok`, or the first thing that is wrong.
  package let status: String
  /// By name: `database`, `incarnation`, `server`, and `waiting`, the long polls that wait now.
  package let checks: [String: String]

  package init(status: String, checks: [String: String]) {
    self.status = status
    self.checks = checks
  }
}

/// What a webhook carries: no secret.
package struct VersionEvent: Codable, Sendable, Equatable {
  /// `version.published`
  package let type: String
  package let credential: String
  package let target: String
  package let version: Int32

  package init(credential: String, target: String, version: Int32) {
    type = "version.published"
    self.credential = credential
    self.target = target
    self.version = version
  }
}
