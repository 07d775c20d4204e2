import ArgumentParser
import Foundation
import Governance
import Lifecycle

struct WaiveCommand: StoreCommand {
  static let configuration = CommandConfiguration(
    commandName: "waive",
    abstract: "End a revocation that cannot be proven, with a signature; whoever signs answers for what is left.",
    discussion: """
      Without --signature nothing changes: it prints what is known to be left, the digest, and how to sign it with a registered \
      SSH key (`keyturn person key`). With --signature the revocation ends as waived, never as proven, if nothing has changed \
      since. For a revocation that is quarantined or failed five times in a row. Needs the permission `waive`, and somebody \
      who did not ask for the revocation. A login that is found alive later is reported by `discover`, and may be revoked again.
      """)
  @OptionGroup var subject: IdentityOptions
  @OptionGroup var order: OperatorOptions
  @Option(help: "The helpdesk's ticket.") var ticket: String
  @Option(help: "A file with the SSH signature over the digest.") var signature: String?
  @OptionGroup var global: GlobalOptions

  func run(_ session: Session) async throws {
    let identity = try await subject.identity(session)
    let offer = try await session.lifecycle.offerWaiver(
      of: identity.id, by: order.by, ticket: ticket, reason: order.reason)
    guard let signature else {
      session.output.record([
        ("identity", identity.name), ("state", offer.statement.state), ("why", offer.statement.why),
        ("statement", offer.text), ("digest", "\(offer.digest)"),
      ])
      session.output.say(
        """
        Nothing was changed. Next, with the same words:
          printf '%s\\n' \(offer.digest) | ssh-keygen -Y sign -n \(SignaturePurpose.waiver.namespace) -f ~/.ssh/id_ed25519 > waiver.sig
          keyturn rotation waive … --signature waiver.sig
        """)
      return
    }
    let text: String
    do {
      text = try String(contentsOfFile: signature, encoding: .utf8)
    } catch {
      throw ValidationError("--signature: \(signature) cannot be read; name the file that ssh-keygen wrote")
    }
    let person = try await session.governance.person(order.by, in: session.client)
    let keys = try await session.governance.signingKeys(of: person.id, in: session.client)
    let verified = try await SignatureCheck().verify(
      text, over: offer.digest, by: person.id, keys: keys, for: .waiver)
    _ = try await session.lifecycle.waive(
      identity.id, by: order.by, ticket: ticket, reason: order.reason, signature: verified)
    session.output.record([
      ("identity", identity.name), ("revocation", "waived, not proven"), ("by", order.by),
      ("digest", "\(offer.digest)"),
    ])
  }
}
