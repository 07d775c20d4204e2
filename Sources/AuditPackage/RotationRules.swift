import Foundation
import MerkleLog

/// Who granted what, in all cases of a package.
struct Authorities {
  struct Grant {
    let leaf: EvidenceLeaf
    let actions: [String]
    var voidedAt: [Int64] = []
  }

  private var grants: [String: Grant] = [:]

  init(_ cases: [UUID: [EvidenceLeaf]]) {
    for leaf in cases.values.joined() where leaf.type == .authorizationGranted {
      guard let id = leaf.detail["authorization"]?.string, grants[id] == nil else { continue }
      grants[id] = Grant(leaf: leaf, actions: leaf.detail["actions"]?.array?.compactMap(\.string) ?? [])
    }
    for leaf in cases.values.joined() where leaf.type == .authorizationVoided {
      guard let id = leaf.detail["authorization"]?.string, grants[id]?.leaf.caseID == leaf.caseID else { continue }
      grants[id]?.voidedAt.append(leaf.at)
    }
  }

  subscript(id: String) -> Grant? { grants[id] }
}

/// What must hold in a rotation's case: the approval before the permit, the permit before the effect, the proof after it.
/// Pure.
struct RotationRules {
  typealias Deviation = PackageVerifier.Deviation

  let caseID: UUID
  let leaves: [EvidenceLeaf]
  let authorities: Authorities

  private struct Walk {
    var state = "planned"
    /// Proof kinds that passed since the last intent to set a secret.
    var passed: Set<String> = []
    /// Intents without outcome.
    var intended: [String: String] = [:]
    var permits: Set<String> = []
    var finished = false
  }

  var deviations: [Deviation] {
    guard leaves.contains(where: { $0.type == .rotationOpened || $0.type == .rotationStep }) else { return [] }
    guard let first = leaves.first, first.type == .rotationOpened, first.sequence == 1 else {
      return [deviation(nil, .order, "it does not begin with its opening")]
    }
    var found: [Deviation] = []
    checkOpening(first, &found)
    var walk = Walk()
    for leaf in leaves.dropFirst() {
      switch leaf.type {
      case .rotationStep: step(leaf, &walk, &found)
      case .rotationCancelled:
        settle(leaf, &walk, &found)
        if walk.finished { found.append(deviation(leaf, .order, "it was cancelled after its end")) }
        if leaf.detail["from"]?.string != walk.state {
          found.append(deviation(leaf, .order, "it was cancelled in another state than it was in"))
        }
        walk.finished = true
      case .rotationOpened: found.append(deviation(leaf, .order, "it is opened twice"))
      default: break
      }
    }
    return found
  }

  private func deviation(_ leaf: EvidenceLeaf?, _ code: Deviation.Code, _ text: String) -> Deviation {
    Deviation(caseID: caseID, sequence: leaf?.sequence, code: code, text: text)
  }

  // MARK: Authority

  private func checkOpening(_ leaf: EvidenceLeaf, _ found: inout [Deviation]) {
    guard let action = leaf.detail["action"]?.string, let authorization = leaf.detail["authorization"]?.string else {
      return found.append(deviation(leaf, .leaf, "the opening has no action or no authorization"))
    }
    let problem = problem(
      with: authorization, for: action, at: leaf.at, digest: leaf.detail["digest"]?.string, mustHold: false)
    if let problem { found.append(deviation(leaf, .approval, problem)) }
  }

  /// Nil: the authorization was granted by an approved request with that digest, and held at that time.
  private func problem(
    with authorization: String, for action: String, at time: Int64, digest: String?, mustHold: Bool = true
  ) -> String? {
    guard let grant = authorities[authorization] else {
      return "the package does not show who granted authorization \(authorization.prefix(36))"
    }
    guard grant.actions.contains(action) else { return "the authorization does not grant \(action)" }
    if let digest, grant.leaf.detail["digest"]?.string != digest { return "the authorization is for another digest" }
    guard grant.leaf.at <= time else { return "it was authorized only later" }
    if mustHold {
      if let until = grant.leaf.detail["until"]?.integer, until <= time { return "the authorization was over" }
      if grant.voidedAt.contains(where: { $0 < time }) { return "the authorization was voided before" }
    }
    return nil
  }

  // MARK: Steps

  private func step(_ leaf: EvidenceLeaf, _ walk: inout Walk, _ found: inout [Deviation]) {
    if walk.finished { found.append(deviation(leaf, .order, "something happened after the end")) }
    settle(leaf, &walk, &found)
    for proof in leaf.detail["proofs"]?.array ?? [] {
      guard let parts = proof.array, parts.count == 4, let kind = parts[0].string, let result = parts[1].string else {
        found.append(deviation(leaf, .leaf, "a proof is not written as proofs are"))
        continue
      }
      if result == "passed" { walk.passed.insert(kind) } else { walk.passed.remove(kind) }
    }
    move(leaf, &walk, &found)
    intend(leaf, &walk, &found)
  }

  /// Outcomes, each of an intent before it.
  private func settle(_ leaf: EvidenceLeaf, _ walk: inout Walk, _ found: inout [Deviation]) {
    for effect in leaf.detail["effects"]?.array ?? [] {
      guard let parts = effect.array, parts.count == 4, let id = parts[0].string, let outcome = parts[1].string else {
        found.append(deviation(leaf, .leaf, "an effect is not written as effects are"))
        continue
      }
      if walk.intended.removeValue(forKey: id) == nil {
        found.append(
          deviation(leaf, .effect, "an effect was \(outcome.prefix(20)), but no permitted intent came before it"))
      }
    }
  }

  private func intend(_ leaf: EvidenceLeaf, _ walk: inout Walk, _ found: inout [Deviation]) {
    guard let intent = leaf.detail["intent"] else { return }
    guard let permit = intent["permit"]?.string, let effect = intent["effect"]?.string,
      let verb = intent["verb"]?.string,
      let authorization = intent["authorization"]?.string, let action = leaf.detail["action"]?.string
    else { return found.append(deviation(leaf, .leaf, "an intent is not written as intents are")) }
    if !walk.permits.insert(permit).inserted { found.append(deviation(leaf, .permit, "a permit was used twice")) }
    walk.intended[effect] = verb
    // From here on the target may have another secret: what was proven before says nothing about it.
    if verb == "set_secret" { walk.passed = [] }
    if let problem = problem(with: authorization, for: action, at: leaf.at, digest: nil) {
      found.append(deviation(leaf, .permit, problem))
    }
  }

  private func move(_ leaf: EvidenceLeaf, _ walk: inout Walk, _ found: inout [Deviation]) {
    let moves = leaf.detail["moves"]?.array ?? []
    guard !moves.isEmpty else { return }
    if leaf.detail["from"]?.string != walk.state {
      found.append(
        deviation(
          leaf, .order, "it goes on from \(leaf.detail["from"]?.string?.prefix(20) ?? "nothing"), but was \(walk.state)"
        ))
    }
    let action = leaf.detail["action"]?.string ?? ""
    for move in moves {
      guard let state = move.array?.first?.string else {
        found.append(deviation(leaf, .leaf, "a move is not written as moves are"))
        continue
      }
      let missing = Self.needed(toEnter: state, action: action).filter { !walk.passed.contains($0) }
      if !missing.isEmpty {
        found.append(
          deviation(leaf, .verification, "it became \(state) without proof of \(missing.joined(separator: ", "))"))
      }
      if state == "abandoned", action == "revoke" { checkWaiver(leaf, &found) }
      walk.state = state
      if ["done", "rolled_back", "cancelled", "abandoned"].contains(state) { walk.finished = true }
    }
  }

  /// A revocation that ends without proof needs the signed word of a person who did not ask for it.
  private func checkWaiver(_ leaf: EvidenceLeaf, _ found: inout [Deviation]) {
    guard leaf.detail["waiver"]?["digest"]?.string?.count == 64 else {
      return found.append(deviation(leaf, .verification, "a revocation ended without proof and without a waiver"))
    }
    guard UUID(uuidString: leaf.actor) != nil else {
      return found.append(deviation(leaf, .approval, "a waiver that no person gave"))
    }
    if leaf.actor == leaves.first?.actor {
      found.append(deviation(leaf, .separation, "who asked for the revocation waived its proof"))
    }
  }

  /// Proofs without which a state is a mere claim.
  private static func needed(toEnter state: String, action: String) -> [String] {
    switch (state, action) {
    case ("verified", _): ["negative_control", "login", "identity"]
    case ("rights_equal", _): ["rights"]
    case ("published", _): ["negative_control", "login", "identity", "rights"]
    case ("old_refused", _): ["old_refused"]
    case ("sessions_ended", "revoke"): ["sessions_ended"]
    case ("residue_zero", _): ["residue"]
    case ("done", "revoke"): ["residue"]
    case ("done", "rotate"): ["old_refused"]
    default: []
    }
  }
}

/// What must hold in a request's case: one digest from submission to grant, and nobody approving their own.
struct RequestRules {
  typealias Deviation = PackageVerifier.Deviation

  let caseID: UUID
  let leaves: [EvidenceLeaf]

  var deviations: [Deviation] {
    guard leaves.contains(where: { $0.type == .authorizationGranted || $0.type == .approvalDecided }) else { return [] }
    var found: [Deviation] = []
    func deviate(_ leaf: EvidenceLeaf, _ code: Deviation.Code, _ text: String) {
      found.append(Deviation(caseID: caseID, sequence: leaf.sequence, code: code, text: text))
    }
    var submitted: EvidenceLeaf?
    var approvals: [String: EvidenceLeaf] = [:]
    for leaf in leaves {
      switch leaf.type {
      case .requestSubmitted: submitted = leaf
      case .approvalDecided:
        if leaf.detail["digest"] != submitted?.detail["digest"] || submitted == nil {
          deviate(leaf, .approval, "it decides about another digest than was submitted")
        }
        if leaf.actor == leaf.detail["requester"]?.string {
          deviate(leaf, .separation, "requester and approver are one person")
        }
        if leaf.actor == leaf.detail["beneficiary"]?.string {
          deviate(leaf, .separation, "beneficiary and approver are one person")
        }
        if let delegator = leaf.detail["acting_for"]?.string,
          [leaf.detail["requester"]?.string, leaf.detail["beneficiary"]?.string].contains(delegator)
        {
          deviate(leaf, .separation, "it was decided for the requester or the beneficiary")
        }
        if let id = leaf.detail["approval"]?.string { approvals[id] = leaf }
      case .authorizationGranted:
        guard let request = submitted, leaf.detail["digest"] == request.detail["digest"] else {
          deviate(leaf, .approval, "it grants another digest than was submitted")
          continue
        }
        let actions = leaf.detail["actions"]?.array?.compactMap(\.string) ?? []
        let asked = request.detail["actions"]?.array?.compactMap(\.string) ?? []
        if !Set(actions).isSubset(of: asked) { deviate(leaf, .approval, "it grants more than was asked for") }
        guard let id = leaf.detail["approval"]?.string else {
          if actions != ["revoke"] || request.detail["origin"]?.string != "policy" {
            deviate(leaf, .approval, "it was granted without an approval")
          }
          continue
        }
        guard let approval = approvals[id], approval.detail["decision"]?.string == "approve" else {
          deviate(leaf, .approval, "no approval came before it")
          continue
        }
      default: break
      }
    }
    return found
  }
}
