package import Foundation
package import Postgres

extension GovernanceStore {
  // MARK: Sources

  package func addSource(_ source: IdentitySource, in runner: some StatementRunner) async throws {
    _ = try FieldRule.text(source.name, field: "source", maximum: 100)
    guard (0...1).contains(source.breaker.share) else { throw FieldRule.invalid("break-share", "0 to 1") }
    guard (0...1_000_000).contains(source.breaker.persons) else {
      throw FieldRule.invalid("break-persons", "0 to 1000000")
    }
    if let age = source.maximumAge {
      guard (60...31_536_000).contains(age) else { throw FieldRule.invalid("maximum-age", "60 s to 365 d") }
    }
    guard try await runner.execute(InsertSource(source: source)) == 1 else {
      throw GovernanceError(code: .alreadyExists, message: "source \"\(source.name)\" exists already")
    }
  }

  package func sources(in runner: some StatementRunner) async throws -> [IdentitySource] {
    try await runner.query(ListSources())
  }

  // MARK: Feeds

  /// Takes a complete delivery of a source. What changed voids what rests on it, in this transaction; a delivery that trips
  /// the breaker is put into quarantine and changes nothing, and the source counts as untrustworthy until it is released or
  /// a sound one comes.
  package func take(
    _ feed: PersonFeed, from source: String, in transaction: Transaction
  ) async throws -> FeedResult {
    try await take(feed, from: source, released: nil, in: transaction)
  }

  private func take(
    _ feed: PersonFeed, from name: String, released: UUID?, in transaction: Transaction
  ) async throws -> FeedResult {
    guard let source = try await transaction.queryFirst(LockSource(name: name)) else {
      throw GovernanceError.unknown("source", name)
    }
    guard source.kind != .manual else { throw FieldRule.invalid("source", "one that is fed, not kept by hand") }
    try await transaction.query(LockMassChange())
    let known = try await transaction.query(FindPersonRecords(source: name, externalID: nil))
    let plan = try FeedPlan(
      feed: feed, source: source, known: known, others: try await transaction.query(ListOtherPeople(source: name)),
      isReleased: released != nil)
    if plan.verdict == .quarantine {
      let id = UUID()
      let content = JSONText(text: String(decoding: try JSONEncoder().encode(feed.people), as: UTF8.self))
      let inserted = try await transaction.execute(
        InsertFeed(
          id: id, source: name, feed: feed, removals: plan.removals, state: "quarantined", content: content))
      guard inserted == 1 else { throw GovernanceError.refused([.feedReplayed]) }
      try await transaction.execute(
        AdvanceSource(source: name, asOf: nil, sequence: source.sequence, state: "quarantined"))
      return .quarantined(feed: id, removals: plan.removals, of: plan.activeBefore)
    }
    if released == nil {
      let inserted = try await transaction.execute(
        InsertFeed(id: UUID(), source: name, feed: feed, removals: plan.removals, state: "applied", content: nil))
      guard inserted == 1 else { throw GovernanceError.refused([.feedReplayed]) }
    }
    try await transaction.execute(SettleFeeds(source: name, released: released))
    try await transaction.execute(
      AdvanceSource(source: name, asOf: feed.asOf, sequence: feed.sequence, state: "ok"))
    let voided = try await apply(plan, known: known, source: name, asOf: feed.asOf, in: transaction)
    return .applied(changed: plan.changed.count, removed: plan.removed.count, voided: voided)
  }

  private func apply(
    _ plan: FeedPlan, known: [PersonRecord], source: String, asOf: Date, in transaction: Transaction
  ) async throws -> Int {
    let before = Dictionary(known.map { ($0.attributes.externalID, $0) }) { first, _ in first }
    var changes: [PersonChange] = []
    for person in plan.changed {
      if let old = before[person.externalID] {
        changes.append(PersonChange(id: old.id, from: old.attributes, to: person))
      }
    }
    for id in plan.removed {
      guard let old = before[id] else { continue }
      var gone = old.attributes
      gone.state = .terminated
      changes.append(PersonChange(id: old.id, from: old.attributes, to: gone))
    }
    try await upsert(plan.changed, source: source, asOf: asOf, in: transaction)
    if !plan.removed.isEmpty {
      try await transaction.execute(RemovePeople(source: source, externalIDs: plan.removed, asOf: asOf))
    }
    return try await changePeople(changes, cause: asOf, in: transaction).count
  }

  private func upsert(
    _ people: [PersonAttributes], source: String, asOf: Date, in transaction: Transaction
  ) async throws {
    guard !people.isEmpty else { return }
    do {
      try await transaction.execute(
        UpsertPeople(ids: people.map { _ in .make() }, people: people, source: source, asOf: asOf))
    } catch let error as PostgresError where error.sqlState == .uniqueViolation {
      // Within a delivery addresses were compared; this one belongs to somebody of another source.
      throw GovernanceError.refused([.feedDuplicateEmail])
    }
    try await transaction.execute(SetManagers(people: people))
  }

  /// One person of two that a quarantined feed needs. Applies it with the second one; nil while one is missing.
  package func release(
    _ feed: UUID, by person: String, reason: String, in transaction: Transaction
  ) async throws -> FeedResult? {
    let who = try await activeOperator(person, reason: reason, in: transaction)
    guard let row = try await transaction.queryFirst(LockFeed(id: feed)), let content = row.content else {
      throw GovernanceError.unknown("quarantined feed", feed.uuidString.lowercased())
    }
    let inserted = try await transaction.execute(
      InsertFeedRelease(feed: feed, person: who.person.id, reason: who.reason))
    guard inserted == 1 else { throw GovernanceError.refused([.releaserCountedAlready]) }
    guard try await transaction.queryFirst(CountFeedReleases(feed: feed)) ?? 0 >= 2 else { return nil }
    if try await transaction.queryFirst(LockSource(name: row.source))?.kind == .scim {
      // Nothing is held: the client sends again what was refused.
      try await transaction.execute(SettleFeeds(source: row.source, released: feed))
      try await transaction.execute(AdvanceSource(source: row.source, asOf: nil, sequence: row.sequence, state: "ok"))
      return .applied(changed: 0, removed: 0, voided: 0)
    }
    let people = try JSONDecoder().decode([PersonAttributes].self, from: Data(content.text.utf8))
    return try await take(
      PersonFeed(people: people, asOf: row.asOf, sequence: row.sequence, digest: row.digest), from: row.source,
      released: feed, in: transaction)
  }

  // MARK: One person

  /// Adds or changes one person of a source that is kept by hand or pushes single people (SCIM). Returns the identities that
  /// lost an authorization.
  @discardableResult
  package func put(
    _ person: PersonAttributes, source: String, in transaction: Transaction
  ) async throws -> [IdentityID] {
    let person = try person.validated()
    let owner = try await transaction.queryFirst(FindSourceOfPerson(externalID: person.externalID))
    guard owner == nil || owner == source else {
      throw GovernanceError(
        code: .alreadyExists, message: "person \"\(person.externalID)\" belongs to another source; change it there")
    }
    // One writer of a source at a time: what is counted below holds.
    let record = try await transaction.queryFirst(LockSource(name: source))
    guard let record else { throw GovernanceError.unknown("source", source) }
    let old = try await transaction.queryFirst(FindPersonRecords(source: source, externalID: person.externalID))
    try await check(person, against: old, of: record, in: transaction)
    if let old, PersonChange(id: old.id, from: old.attributes, to: person).trigger != nil {
      try await transaction.query(LockMassChange())
    }
    let now = try await transaction.queryFirst(ReadClock()) ?? Date()
    try await upsert([person], source: source, asOf: now, in: transaction)
    if record.kind != .manual {
      try await transaction.execute(
        AdvanceSource(
          source: source, asOf: now, sequence: record.sequence + 1, state: record.isQuarantined ? "quarantined" : "ok"))
    }
    guard let old else { return [] }
    return try await changePeople(
      [PersonChange(id: old.id, from: old.attributes, to: person)], cause: now, in: transaction)
  }

  /// What a complete delivery is checked for, for one person of many that come one by one.
  private func check(
    _ person: PersonAttributes, against old: PersonRecord?, of source: IdentitySource, in transaction: Transaction
  ) async throws {
    if let manager = person.manager {
      _ = try await self.person(manager, in: transaction)
      let isCircle = try await transaction.queryFirst(IsAbove(person: person.externalID, of: manager)) ?? false
      guard !isCircle else { throw GovernanceError.refused([.feedCyclicManagers]) }
    }
    if old == nil {
      let skeleton = ConfusableText.skeleton(person.externalID)
      let others = try await transaction.query(FindLookalikes(externalID: person.externalID))
      guard !others.contains(where: { ConfusableText.skeleton($0) == skeleton }) else {
        throw GovernanceError.refused([.feedConfusableName])
      }
    }
    guard source.kind == .scim, old?.attributes.state == .active, person.state != .active,
      let counts = try await transaction.queryFirst(CountDeactivated(source: source.name)), !counts.isReleased
    else { return }
    guard
      !source.breaker.trips(
        removals: Int(counts.deactivated) + 1, of: Int(counts.active + counts.deactivated))
    else { throw GovernanceError.refused([.feedMassChange]) }
  }

  /// A push was refused with `feed_mass_change`, and that transaction is rolled back: from now on the source is not trusted to
  /// grant. Two people release it; for four hours after that removals pass, so that the client can try again. Returns the
  /// delivery to release, the same one until then.
  package func quarantinePushes(of name: String, in transaction: Transaction) async throws -> UUID {
    guard let source = try await transaction.queryFirst(LockSource(name: name)) else {
      throw GovernanceError.unknown("source", name)
    }
    if let held = try await transaction.queryFirst(FindQuarantinedFeed(source: name)) { return held }
    let counts = try await transaction.queryFirst(CountDeactivated(source: name))
    let id = UUID.ordered()
    let now = try await transaction.queryFirst(ReadClock()) ?? Date()
    let feed = try PersonFeed(
      people: [], asOf: now, sequence: source.sequence + 1, digest: Array(repeating: 0, count: 32))
    try await transaction.execute(
      InsertFeed(
        id: id, source: name, feed: feed, removals: Int(counts?.deactivated ?? 0) + 1, state: "quarantined",
        content: JSONText(text: "[]")))
    try await transaction.execute(
      AdvanceSource(source: name, asOf: nil, sequence: source.sequence + 1, state: "quarantined"))
    return id
  }

  package func personRecord(_ externalID: String, in runner: some StatementRunner) async throws -> PersonRecord {
    guard let source = try await runner.queryFirst(FindSourceOfPerson(externalID: externalID)),
      let record = try await runner.queryFirst(FindPersonRecords(source: source, externalID: externalID))
    else { throw GovernanceError.unknown("person", externalID) }
    return record
  }

  /// A login at a helpdesk or directory is this person's. Two logins of one person are one vote.
  package func addAccount(
    realm: String, login: String, of person: String, in runner: some StatementRunner
  ) async throws {
    let realm = try FieldRule.text(realm, field: "realm", maximum: 100)
    let login = try FieldRule.text(login, field: "login", maximum: 200)
    let person = try await self.person(person, in: runner)
    guard try await runner.execute(InsertPersonAccount(realm: realm, login: login, person: person.id)) == 1 else {
      throw GovernanceError(code: .alreadyExists, message: "the login is registered already; a login is one person's")
    }
  }

  /// Throws `approver_unknown` for a login that nobody registered.
  package func person(realm: String, login: String, in runner: some StatementRunner) async throws -> Person {
    guard let person = try await runner.queryFirst(FindPersonByAccount(realm: realm, login: login)) else {
      throw GovernanceError.refused([.approverUnknown])
    }
    return person
  }
}
