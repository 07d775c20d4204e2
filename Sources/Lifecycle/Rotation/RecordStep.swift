import Evidence
import Foundation
import Governance
import Jobs
import MerkleLog
import Postgres
import Targets

/// The leaf of what one commit of a saga makes durable: its moves, outcomes, observations, and the intent that it permits.
/// One leaf and not one for each, because they are true together or not at all.
///
/// The saga's case has one writer: who holds the job's row. The guard of the commit locks that row first, in a statement of
/// its own, so that the case's last leaf is the one that this statement sees.
struct RecordStep: BatchStatement {
  static let sql = """
    WITH recorded AS MATERIALIZED (
      SELECT evidence.append($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[]) AS batch
    )
    SELECT array_agg(m.n)
    FROM recorded
    CROSS JOIN unnest($1::uuid[]) WITH ORDINALITY AS m (id, n)
    """

  struct Intent {
    let permit: UUID
    let effect: UUID
    let authorization: AuthorizationID
    let verb: TargetVerb
  }

  let event: EvidenceEvent

  init(_ changes: SagaChanges, of saga: Saga, lease: Lease, intent: Intent? = nil) {
    event = EvidenceEvent(
      caseID: saga.id.rawValue, type: .rotationStep,
      detail: Self.detail(changes, of: saga, fence: lease.fence, intent: intent),
      subject: Array(
        #"{"identity":"\#(saga.identity.id.description)","target":"\#(saga.target.description)"}"#.utf8),
      job: saga.credential.rawValue, worker: lease.owner)
  }

  static func bind(_ rows: [RecordStep], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.event.caseID))
    parameters.append(rows.map(\.event.type.rawValue))
    parameters.append(rows.map(\.event.head))
    parameters.append(rows.map(\.event.middle))
    parameters.append(rows.map(\.event.tail))
  }

  /// Written out with its keys in order, because every rotation writes several: action, effects (id, state, code, time),
  /// fence, from, intent, moves (state, time), proofs (kind, result, version, time), reason, version.
  private static func detail(_ changes: SagaChanges, of saga: Saga, fence: Int64, intent: Intent?) -> [UInt8] {
    var bytes = Array(#"{"action":"\#(saga.action.rawValue)""#.utf8)
    func append(_ text: String) { bytes += Array(text.utf8) }
    func list<Element>(_ key: String, _ elements: [Element], _ body: (Element) -> Void) {
      guard !elements.isEmpty else { return }
      append(#","\#(key)":["#)
      for (index, element) in elements.enumerated() {
        append(index == 0 ? "[" : ",[")
        body(element)
        append("]")
      }
      append("]")
    }
    list("effects", changes.outcomes) { outcome in
      append(#""\#(outcome.effect.leafText)","\#(outcome.state)","#)
      CanonicalJSON.append(String((outcome.code ?? "").prefix(200)), to: &bytes)
      append(",\(outcome.settledAt.leafMicros)")
    }
    append(#","fence":\#(fence)"#)
    if let first = changes.moves.first { append(#","from":"\#(first.from.rawValue)""#) }
    if let intent {
      append(
        #","intent":{"authorization":"\#(intent.authorization.description)","effect":"\#(intent.effect.leafText)","#
          + #""permit":"\#(intent.permit.leafText)","verb":"\#(intent.verb.rawValue)"}"#)
    }
    list("moves", changes.moves) { append(#""\#($0.to.rawValue)",\#($0.at.leafMicros)"#) }
    list("proofs", changes.proofs) { proof in
      append(
        #""\#(proof.kind.rawValue)","\#(proof.result.rawValue)",\#(proof.version ?? 0),\#(proof.observedAt.leafMicros)"#
      )
    }
    if let reason = changes.reason {
      append(#","reason":"#)
      CanonicalJSON.append(String(reason.prefix(200)), to: &bytes)
    }
    if let version = saga.newVersion { append(#","version":\#(version)"#) }
    append("}")
    return bytes
  }
}

extension Date {
  /// Microseconds since 1970, as leaves write times.
  fileprivate var leafMicros: Int64 { Int64(microsecondsSince1970) }
}
