package import Foundation

/// What an approved request grants: these actions on this identity until then; it can be voided.
package struct Authorization: Sendable {
  package let id: AuthorizationID
  package let request: RequestID
  package let identity: IdentityID
  package let actions: [GovernedAction]
  package let validUntil: Date

  package init(
    id: AuthorizationID, request: RequestID, identity: IdentityID, actions: [GovernedAction], validUntil: Date
  ) {
    self.id = id
    self.request = request
    self.identity = identity
    self.actions = actions
    self.validUntil = validUntil
  }
}
