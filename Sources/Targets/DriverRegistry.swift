package import Secrets

/// Where a target is and who Keyturn is there. The admin's secret is lent for the call.
package struct TargetEndpoint: Sendable {
  /// For PostgreSQL: `host`, `port`, `database`, `user`, `sslmode`, `sslrootcert`, `lockout_threshold`, `lockout_window`.
  package let settings: [String: String]
  package let adminSecret: SecretBytes

  package init(settings: [String: String], adminSecret: SecretBytes) {
    self.settings = settings
    self.adminSecret = adminSecret
  }
}

package protocol TargetDriverFactory: Sendable {
  /// The word in `target.kind`, such as `postgresql`.
  static var kind: String { get }
  /// Names the setting and the remedy when one is missing or malformed.
  func makeDriver(for endpoint: TargetEndpoint) throws(TargetError) -> any TargetDriver
}

/// Kind of target → the factory of its driver.
package struct DriverRegistry: Sendable {
  private let factories: [String: any TargetDriverFactory]

  package init(_ factories: [any TargetDriverFactory]) {
    self.factories = Dictionary(uniqueKeysWithValues: factories.map { (type(of: $0).kind, $0) })
  }

  package var kinds: [String] { factories.keys.sorted() }

  package func makeDriver(kind: String, endpoint: TargetEndpoint) throws(TargetError) -> any TargetDriver {
    guard let factory = factories[kind] else {
      throw TargetError(
        code: .unknownKind,
        message: "no driver for target kind \"\(kind)\"; known kinds: \(kinds.joined(separator: ", "))")
    }
    return try factory.makeDriver(for: endpoint)
  }
}
