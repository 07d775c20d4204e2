package import Foundation
package import Governance
package import Targets

/// What a look at a target means. Pure: what the target shows, what our rows say it should, and nothing else.
package struct DiscoveryAssessment: Sendable {
  /// A case: an identity, with its credential when it has one.
  package struct Case: Sendable, Equatable {
    package enum State: String, Sendable {
      /// Never issued.
      case none
      case pending
      case active
      case revoking
      case revoked
      /// Revoked without proof, by a person's word.
      case waived
    }

    package let identity: IdentityID
    package let onTarget: TargetIdentity
    /// The mark by which the target knows it; nil before there is a credential.
    package let mark: String?
    package let state: State
    /// A saga is open: the target is on its way from one state to the next.
    package let isMoving: Bool
    package let currentLogin: String?
    /// Logins of versions that are not over.
    package let liveLogins: Set<String>

    package init(
      identity: IdentityID, onTarget: TargetIdentity, mark: String?, state: State, isMoving: Bool,
      currentLogin: String?, liveLogins: Set<String>
    ) {
      self.identity = identity
      self.onTarget = onTarget
      self.mark = mark
      self.state = state
      self.isMoving = isMoving
      self.currentLogin = currentLogin
      self.liveLogins = liveLogins
    }
  }

  package struct Finding: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
      /// Can log in, and no case knows it.
      case unexplainedLogin = "unexplained_login"
      /// Carries a mark of ours that no case has: another installation, or rows that were lost.
      case unknownMark = "unknown_mark"
      /// Has the name of a case that was issued, and not its mark: somebody else has made it theirs.
      case markLost = "mark_lost"
      /// Has the mark of a case under a name that is not the case's.
      case renamed
      /// A case says that it is there.
      case vanished
      /// The login that must work is blocked, or its time was ended, by somebody else.
      case disabled
      /// A case says that it must be gone.
      case leftBehind = "left_behind"
      /// Somebody else is a member of an identity, and so can act as it.
      case shared
      /// Of a trial that was killed.
      case staleTrial = "stale_trial"

      /// An identity of ours is other than it was approved.
      var isDrift: Bool { [.markLost, .renamed, .vanished, .disabled, .shared].contains(self) }
    }

    package let kind: Kind
    /// On the target.
    package let name: String
    package let identity: IdentityID?
    package let detail: String

    /// - Parameter identity: the case's name on the target.
    static func vanished(_ name: String, of identity: String, _ id: IdentityID) -> Finding {
      Finding(
        kind: .vanished, name: name, identity: id,
        detail: "\(identity) says that it is there; somebody else has removed or renamed it")
    }
  }

  package let findings: [Finding]
  /// Logins on the target, and of these those of cases.
  package let logins: Int
  package let governed: Int

  /// - Parameters:
  ///   - before: the cases before the target was looked at, by which something may be missed. A case must have stood still
  ///     from before to after.
  ///   - after: the cases after, by which something is explained: rows are written before the target changes.
  ///   - admins: the engine's own logins.
  package init(
    observed: [ObservedLogin], before: [Case], after: [Case], admins: Set<String>, now: Date
  ) {
    let names = Names(after)
    let trialsOver = Set(
      TargetTrial.stale(in: observed, now: Int64(now.timeIntervalSince1970)).compactMap(\.mark))
    var findings: [Finding] = []
    var governed = 0
    for login in observed where !admins.contains(login.name) {
      let judgement = names.judge(login, trialsOver: trialsOver)
      if judgement.isGoverned, login.canLogin { governed += 1 }
      if let finding = judgement.finding { findings.append(finding) }
      if !judgement.isGoverned, let finding = names.sharing(login) { findings.append(finding) }
    }
    let standing = after.filter { one in !one.isMoving && before.contains(one) }
    findings += standing.flatMap { Self.missing($0, observed, now: now) }
    self.findings = findings.sorted { ($0.kind.rawValue, $0.name) < ($1.kind.rawValue, $1.name) }
    self.governed = governed
    logins = observed.count { $0.canLogin && !admins.contains($0.name) }
  }

  /// Whose a name or a mark is.
  private struct Names {
    let byName: [String: Case]
    let byMark: [String: Case]

    init(_ cases: [Case]) {
      byName = Dictionary(cases.flatMap { one in one.onTarget.names.map { ($0, one) } }) { first, _ in first }
      byMark = Dictionary(cases.compactMap { one in one.mark.map { ($0, one) } }) { first, _ in first }
    }

    func judge(_ login: ObservedLogin, trialsOver: Set<String>) -> (finding: Finding?, isGoverned: Bool) {
      guard let mark = login.mark else { return (judgeUnmarked(login), false) }
      guard let one = byMark[mark] else { return (judgeUnknown(login, mark, trialsOver), false) }
      guard one.onTarget.names.contains(login.name) else {
        return (
          Finding(
            kind: .renamed, name: login.name, identity: one.identity,
            detail: "carries the mark of \(one.onTarget.name); somebody else has renamed it"), true
        )
      }
      return (judgeOurs(login, one), true)
    }

    /// Found beside what else is found of the login: it may be explained as a login and not as this.
    func sharing(_ login: ObservedLogin) -> Finding? {
      guard byName[login.name] == nil else { return nil }
      let groups = login.notes.compactMap { $0.hasPrefix("member:") ? String($0.dropFirst("member:".count)) : nil }
      guard let group = groups.first(where: { byName[$0]?.mark != nil }), let one = byName[group] else { return nil }
      return Finding(
        kind: .shared, name: login.name, identity: one.identity, detail: "is a member of \(group) and can act as it")
    }

    private func judgeUnmarked(_ login: ObservedLogin) -> Finding? {
      if let one = byName[login.name] {
        guard one.mark != nil, one.state != .revoked else {
          return login.canLogin
            ? Finding(
              kind: .unexplainedLogin, name: login.name, identity: one.identity,
              detail: "has a name that is kept for \(one.onTarget.name), which was not issued or is revoked") : nil
        }
        return Finding(
          kind: .markLost, name: login.name, identity: one.identity,
          detail: "no longer carries the mark of \(one.onTarget.name); somebody else has changed its comment")
      }
      guard login.canLogin else { return nil }
      let notes = login.notes.isEmpty ? "" : "; " + login.notes.prefix(8).joined(separator: " ")
      return Finding(
        kind: .unexplainedLogin, name: login.name, identity: nil,
        detail: "can log in, \(login.sessions) sessions are open\(notes)")
    }

    private func judgeUnknown(_ login: ObservedLogin, _ mark: String, _ trialsOver: Set<String>) -> Finding? {
      if mark.hasPrefix(TargetTrial.markPrefix) {
        guard trialsOver.contains(mark) else { return nil }
        return Finding(
          kind: .staleTrial, name: login.name, identity: nil,
          detail: "was left by a trial that was killed; `keyturn target test` clears it away")
      }
      if let one = byName[login.name], one.mark != nil, one.state != .revoked {
        return Finding(
          kind: .markLost, name: login.name, identity: one.identity,
          detail: "carries another mark than \(one.onTarget.name) has: \(mark.prefix(100))")
      }
      return Finding(
        kind: .unknownMark, name: login.name, identity: nil,
        detail: "carries a mark that no identity here has: \(mark.prefix(100)); another installation, or rows were lost"
      )
    }

    private func judgeOurs(_ login: ObservedLogin, _ one: Case) -> Finding? {
      guard !one.isMoving else { return nil }
      let isOver =
        one.state == .revoked || one.state == .waived
        || one.state == .active && login.name != one.onTarget.name && !one.liveLogins.contains(login.name)
      guard isOver else { return nil }
      return Finding(
        kind: .leftBehind, name: login.name, identity: one.identity,
        detail: one.state == .waived
          ? "the proof of \(one.onTarget.name)'s revocation was waived, and it is there\(login.canLogin ? "; it can log in" : "")"
          : "\(one.onTarget.name) says that it is gone\(login.canLogin ? ", and it can log in" : "")")
    }
  }

  /// What a case that stands still lacks.
  private static func missing(_ one: Case, _ observed: [ObservedLogin], now: Date) -> [Finding] {
    guard one.state == .active, let current = one.currentLogin else { return [] }
    var findings: [Finding] = []
    func add(_ kind: Finding.Kind, _ name: String, _ detail: String) {
      findings.append(Finding(kind: kind, name: name, identity: one.identity, detail: detail))
    }
    for name in Set([one.onTarget.name, current]).sorted() {
      guard let login = observed.first(where: { $0.name == name }) else {
        findings.append(.vanished(name, of: one.onTarget.name, one.identity))
        continue
      }
      guard name == current else { continue }
      if !login.canLogin {
        add(.disabled, name, "is the current login of \(one.onTarget.name), and may not log in")
      } else if let until = login.validUntil, until <= now {
        add(.disabled, name, "is the current login of \(one.onTarget.name), and its time was ended")
      }
    }
    return findings
  }
}
