import Postgres
import Secrets
import Targets

/// Makes a login accept exactly one secret; makes it, and the identity, if they are not there.
struct SetSecret {
  enum Creation { case allowed, refused }

  let identity: TargetIdentity
  let login: String
  let secret: SecretBytes
  let rights: PrivilegeSet
  /// Of the identity. A missing login of an identity that is there is always made.
  let creation: Creation

  func run(_ client: PostgresClient, _ context: EffectContext) async throws {
    guard identity.logins.contains(login) else { throw EffectRefusal(.other, .undefinedObject) }
    let groups = try ApprovedRights(rights).groups
    try await client.withConnection { connection in
      let verifier = try await connection.verifier(of: secret, for: login)
      try await FencedTransaction.run(
        on: connection, identity: identity, context: context, expecting: creation == .allowed ? .mayBeNew : .isOurs
      ) { fenced in
        if fenced.roles[identity.name] == nil, creation == .refused {
          throw EffectRefusal(.nameConflict, .undefinedObject)
        }
        let held = try await fenced.transaction.pipeline([
          AnyStatement(HideFromServerLog()), AnyStatement(ReadMemberships(member: identity.name)),
        ])[1].rows(of: ReadMemberships.self)
        try await fenced.execute(changes(verifier, groups.filter { !held.contains($0) }, fenced))
      }
    }
  }

  private func changes(_ verifier: String, _ missing: [String], _ fenced: FencedTransaction) -> [UtilityStatement] {
    let login: [UtilityStatement] =
      switch identity.mode {
      case .alternating: member(verifier, fenced)
      case .single: single(verifier, fenced)
      }
    return login + missing.map { "GRANT \(identifier: $0) TO \(identifier: identity.name)" }
      + [fenced.marking(identity.name, fence: fenced.context.fence)]
  }

  private func single(_ verifier: String, _ fenced: FencedTransaction) -> [UtilityStatement] {
    fenced.roles[login] == nil
      ? ["CREATE ROLE \(identifier: login) LOGIN PASSWORD \(literal: verifier)"] : [altering(verifier)]
  }

  private func member(_ verifier: String, _ fenced: FencedTransaction) -> [UtilityStatement] {
    let owner = identity.name
    var changes: [UtilityStatement] = []
    if fenced.roles[owner] == nil { changes.append("CREATE ROLE \(identifier: owner) NOLOGIN") }
    let existing = fenced.roles[login]
    if let existing {
      changes.append(altering(verifier))
      if !existing.isMemberOfOwner { changes.append("GRANT \(identifier: owner) TO \(identifier: login)") }
    } else {
      changes.append(
        "CREATE ROLE \(identifier: login) LOGIN PASSWORD \(literal: verifier) IN ROLE \(identifier: owner)")
      changes.append(fenced.marking(login, fence: nil))
    }
    if existing?.actsAsOwner != true {
      changes.append("ALTER ROLE \(identifier: login) SET role = \(literal: owner)")
    }
    return changes
  }

  /// Also undoes a block and an expiry: both would make the right secret fail.
  private func altering(_ verifier: String) -> UtilityStatement {
    "ALTER ROLE \(identifier: login) LOGIN PASSWORD \(literal: verifier) VALID UNTIL 'infinity'"
  }
}

/// The rights this driver can give: membership in group roles. Others are read and compared only.
struct ApprovedRights {
  let groups: [String]

  init(_ rights: PrivilegeSet) throws(EffectRefusal) {
    var groups: [String] = []
    for entry in rights.entries {
      guard entry.hasPrefix("member:") else { throw EffectRefusal(.other, .featureNotSupported) }
      let group = String(entry.dropFirst("member:".count))
      guard PostgresTargetSettings.isName(group) else { throw EffectRefusal(.other, .nameTooLong) }
      groups.append(group)
    }
    self.groups = groups
  }
}

extension FencedTransaction {
  /// Adds what is missing.
  func grant(_ groups: [String]) async throws {
    guard !groups.isEmpty else { return }
    let held = Set(try await transaction.query(ReadMemberships(member: identity.name)))
    for group in groups where !held.contains(group) {
      try await execute("GRANT \(identifier: group) TO \(identifier: identity.name)")
    }
  }
}
