package import Foundation

/// What a feed would change. Pure: feed and known people in, changes out.
package struct FeedPlan: Sendable {
  package enum Verdict: Sendable, Equatable {
    case apply
    /// More removals than the breaker lets pass: `feed_mass_change`.
    case quarantine
  }

  package let verdict: Verdict
  /// New people, and those whose attributes or presence changed.
  package let changed: [PersonAttributes]
  /// External ids that the source no longer knows.
  package let removed: [String]
  /// Active people who would stop being active, by state or by absence.
  package let removals: Int
  package let activeBefore: Int

  /// Throws `feed_replayed` for a delivery that is not newer, `feed_confusable_name` for an id that looks like another
  /// source's or a known one, and `already_exists` for an id of another source.
  /// - Parameter known: people of this source.
  /// - Parameter others: external ids of all other sources.
  package init(
    feed: PersonFeed, source: IdentitySource, known: [PersonRecord], others: [String], isReleased: Bool
  ) throws {
    // To the microsecond: what the database keeps of the last one.
    guard feed.sequence > source.sequence, FactTime(feed.asOf) > source.asOf.map({ FactTime($0) }) ?? .always else {
      throw GovernanceError.refused([.feedReplayed])
    }
    let before = Dictionary(known.map { ($0.attributes.externalID, $0) }) { first, _ in first }
    var looks = Dictionary((known.map(\.attributes.externalID) + others).map { (ConfusableText.skeleton($0), $0) }) {
      first, _ in first
    }
    let foreign = Set(others)
    var changed: [PersonAttributes] = []
    var removals = 0
    for person in feed.people {
      if foreign.contains(person.externalID) {
        throw GovernanceError(
          code: .alreadyExists,
          message: "person \"\(person.externalID)\" belongs to another source; one source per person")
      }
      let skeleton = ConfusableText.skeleton(person.externalID)
      if let other = looks[skeleton], other != person.externalID {
        throw GovernanceError.refused([.feedConfusableName])
      }
      looks[skeleton] = person.externalID
      let record = before[person.externalID]
      if record?.attributes != person || record?.isRemoved == true { changed.append(person) }
      if record?.attributes.state == .active && person.state != .active { removals += 1 }
    }
    let present = Set(feed.people.map(\.externalID))
    removed = known.filter { !$0.isRemoved && !present.contains($0.attributes.externalID) }
      .map(\.attributes.externalID).sorted()
    removals += removed.filter { before[$0]?.attributes.state == .active }.count
    activeBefore = known.filter { $0.attributes.state == .active && !$0.isRemoved }.count
    self.removals = removals
    self.changed = changed
    verdict = !isReleased && source.breaker.trips(removals: removals, of: activeBefore) ? .quarantine : .apply
  }
}

/// What became of a delivery.
package enum FeedResult: Sendable, Equatable {
  /// `voided`: identities that lost an authorization.
  case applied(changed: Int, removed: Int, voided: Int)
  /// Nothing was changed; two people must release it, or a sound one must come.
  case quarantined(feed: UUID, removals: Int, of: Int)
}
