/// A system where credentials live, as governance knows it. The admin's secret is sealed.
package struct TargetRecord: Sendable {
  package let id: TargetID
  package let name: String
  package let kind: String
  package let environment: String
  /// Where it is; no secrets.
  package let settings: [String: String]
  /// The sealed secret of Keyturn's own admin login.
  package let adminEnvelope: [UInt8]
  package let adminVersion: Int32

  package init(
    id: TargetID, name: String, kind: String, environment: String, settings: [String: String], adminEnvelope: [UInt8],
    adminVersion: Int32 = 1
  ) {
    self.id = id
    self.name = name
    self.kind = kind
    self.environment = environment
    self.settings = settings
    self.adminEnvelope = adminEnvelope
    self.adminVersion = adminVersion
  }
}
