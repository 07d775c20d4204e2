import Targets

/// What an identity holds, from what the server shows of its roles. Pure.
///
/// A group is the unit of approval: what an approved group may do is its owners' business. Unless it leads out of what access
/// lists rule: predefined roles and role attributes count wherever they are reached, and so does the right to admit others.
struct RoleRights {
  let names: Set<String>
  let reach: [ReachedRole]

  init(names: [String], reach: [ReachedRole]) {
    self.names = Set(names)
    self.reach = reach
  }

  /// Groups, at any depth.
  var groups: [String] { reach.map(\.name).filter { !names.contains($0) } }

  /// `member:<group>` → who put the identity into it.
  var givers: [String: [String]] {
    Dictionary(
      reach.filter { !names.contains($0.name) && !$0.grantors.isEmpty }.map { ("member:\($0.name)", $0.grantors) }
    ) { first, _ in first }
  }

  var held: [String] {
    reach.flatMap { role -> [String] in
      var rights = role.attributes.map { "attribute:\($0)" }
      guard !names.contains(role.name) else { return rights }
      if role.depth == 1 || role.isPredefined { rights.append("member:\(role.name)") }
      if role.mayAdmit { rights.append("admin:\(role.name)") }
      return rights
    }
  }

  /// Right → who gave it; an owner gives itself nothing.
  static func givers(_ entries: [AccessEntry]) -> [String: [String]] {
    Dictionary(grouping: entries.filter { $0.privilege != nil }, by: \.right)
      .mapValues { Set($0.map(\.grantor)).sorted() }
  }

  /// What was given by name, and containers it owns; what it owns else it can have made with the rights it has.
  static func held(_ entries: [AccessEntry]) -> [String] {
    entries.filter { $0.privilege != nil || $0.isContainer }.map(\.right)
  }
}
