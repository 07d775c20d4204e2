import Foundation
import Testing

@testable import Jobs

@Suite struct ClaimFrontierTests {
  private let key = ClaimFrontier.Key(bucket: 1, id: UUID())
  private let other = ClaimFrontier.Key(bucket: 2, id: UUID())

  private func arrivals(
    _ groups: [ClaimFrontier.Key] = [], oldest: Int64 = 100, next: Int64 = 100, last: Int64, leak: Bool = false
  ) -> ClaimFrontier.Arrivals {
    .init(oldest: oldest, next: next, lastPosition: last, groups: groups.map { ($0, leak) })
  }

  private func report(
    _ key: ClaimFrontier.Key, first: Int64?, claimTo: Int64, room: Int32 = 10, taken: Int32 = 10
  ) -> ClaimFrontier.Report {
    .init(key: key, first: first, claimTo: claimTo, room: room, taken: taken)
  }

  @Test func theHorizonWaitsForTransactionsInProgress() {
    var frontier = ClaimFrontier()
    frontier.note(arrivals(oldest: 90, next: 100, last: 500))
    #expect(frontier.horizon == 0)
    // 500 was read before this snapshot, whose next transaction is 110; 95 may still insert below 500.
    frontier.note(arrivals(oldest: 95, next: 110, last: 600))
    #expect(frontier.horizon == 0)
    frontier.note(arrivals(oldest: 109, next: 120, last: 700))
    #expect(frontier.horizon == 0)
    frontier.note(arrivals(oldest: 110, next: 130, last: 800))
    #expect(frontier.horizon == 500)
  }

  @Test func theNextNumberKeepsItsEpochAcrossTheWrap() {
    #expect(ClaimFrontier.next(snapshotEnd: 740, age: 742) == 745)
    #expect(ClaimFrontier.next(snapshotEnd: 5 << 32 + 10, age: 9) == 5 << 32 + 12)
    // 0xFFFF_FFFE is the snapshot's end, 5 is next: the distance from 3 is 2.
    #expect(ClaimFrontier.next(snapshotEnd: 0xFFFF_FFFE, age: 2) == 0x1_0000_0005)
    #expect(ClaimFrontier.next(snapshotEnd: 0xF000_0000, age: Int32(bitPattern: 0xF000_0000 - 3)) == 0xF000_0000)
  }

  @Test func withNothingInProgressTheHorizonIsOneLookBehind() {
    var frontier = ClaimFrontier()
    frontier.note(arrivals(oldest: 100, next: 100, last: 500))
    frontier.note(arrivals(oldest: 105, next: 105, last: 600))
    #expect(frontier.horizon == 500)
    frontier.note(arrivals(oldest: 106, next: 106, last: 600))
    #expect(frontier.horizon == 600)
  }

  private func cursor(_ frontier: inout ClaimFrontier) -> Int64? { frontier.next(limit: 1)?.groups.first?.cursor }

  @Test func theCursorNeverPassesTheHorizonOrALiveRow() {
    var frontier = ClaimFrontier()
    frontier.note(arrivals([key], last: 500))
    frontier.note(arrivals([key], oldest: 101, next: 101, last: 600))
    #expect(cursor(&frontier) == 0)
    frontier.note(report(key, first: nil, claimTo: 900), horizon: 500, lanes: .ordinary, at: .now)
    #expect(cursor(&frontier) == 501)
    frontier.note(report(key, first: 300, claimTo: 900), horizon: 600, lanes: .ordinary, at: .now)
    #expect(cursor(&frontier) == 501)
    frontier.note(report(key, first: 550, claimTo: 900), horizon: 600, lanes: .ordinary, at: .now)
    #expect(cursor(&frontier) == 550)
    frontier.note(report(key, first: nil, claimTo: 560), horizon: 600, lanes: .ordinary, at: .now)
    #expect(cursor(&frontier) == 561)
  }

  @Test func anEmptyGroupIsAskedAgainForAWhileAndThenForgotten() {
    var frontier = ClaimFrontier()
    let start = ContinuousClock.now
    frontier.note(arrivals([key], last: 10))
    _ = frontier.next(limit: 9)
    frontier.note(report(key, first: nil, claimTo: 0, taken: 3), horizon: 0, lanes: .ordinary, at: start)
    #expect(!frontier.hasWork)
    frontier.unparkAll()
    #expect(frontier.next(limit: 9)?.groups.count == 1)
    frontier.note(
      report(key, first: nil, claimTo: 0, taken: 0), horizon: 0, lanes: .ordinary, at: start + .seconds(2))
    frontier.unparkAll()
    #expect(!frontier.hasWork)
    frontier.note(arrivals([key], last: 11))
    #expect(frontier.hasWork)
  }

  @Test func aFullGroupIsAskedAgainWhenAJobEndsAndAtThePoll() {
    var frontier = ClaimFrontier()
    frontier.note(arrivals([key], last: 10))
    let full = report(key, first: 1, claimTo: 5, room: 0, taken: 0)
    for wake in [{ $0.freed(self.key) }, { $0.unparkAll() }] as [(inout ClaimFrontier) -> Void] {
      _ = frontier.next(limit: 9)
      frontier.note(full, horizon: 0, lanes: .ordinary, at: .now + .seconds(9))
      #expect(!frontier.hasWork)
      wake(&frontier)
      #expect(frontier.hasWork)
    }
  }

  @Test func aGroupThatGivesAllItIsAskedForIsAskedAgain() {
    var frontier = ClaimFrontier()
    frontier.note(arrivals([key, other], last: 10))
    var turns: [ClaimFrontier.Key] = []
    for _ in 1...4 {
      guard let next = frontier.next(limit: 1)?.groups.first else { break }
      turns.append(next.key)
      frontier.note(report(next.key, first: 1, claimTo: 5), horizon: 0, lanes: .ordinary, at: .now)
    }
    #expect(turns == [key, other, key, other])
  }

  @Test func leaksGoFirst() {
    var frontier = ClaimFrontier()
    frontier.note(arrivals([key], last: 10))
    frontier.note(arrivals([other], last: 11, leak: true))
    let first = frontier.next(limit: 9)
    #expect(first?.lanes == .leak)
    #expect(first?.groups.map(\.key) == [other])
    let second = frontier.next(limit: 9)
    #expect(second?.lanes == .ordinary)
    #expect(second?.groups.map(\.key) == [key, other])
  }

  @Test func leaksThatFindNoRoomAreAskedForAgainAsLeaks() {
    for wake in [{ $0.freed(self.key) }, { $0.unparkAll() }] as [(inout ClaimFrontier) -> Void] {
      var frontier = ClaimFrontier()
      frontier.note(arrivals([key], last: 30, leak: true))
      #expect(frontier.next(limit: 9)?.lanes == .leak)
      frontier.note(report(key, first: 1, claimTo: 5), horizon: 0, lanes: .leak, at: .now)
      #expect(frontier.next(limit: 9)?.lanes == .ordinary)
      // Nothing ordinary waits, and long since: without the leaks the group would be forgotten.
      frontier.note(
        report(key, first: 1, claimTo: 5, room: 1, taken: 0), horizon: 0, lanes: .ordinary, at: .now - .seconds(9))
      frontier.unparkAll()
      while let next = frontier.next(limit: 9) {
        frontier.note(report(key, first: 1, claimTo: 5, room: 0, taken: 0), horizon: 0, lanes: next.lanes, at: .now)
      }
      #expect(!frontier.hasWork)
      wake(&frontier)
      #expect(frontier.next(limit: 9)?.lanes == .leak)
      frontier.note(report(key, first: 1, claimTo: 5, taken: 3), horizon: 0, lanes: .leak, at: .now)
      #expect(frontier.next(limit: 9)?.lanes == .ordinary)
    }
  }

  @Test func aGroupThatOthersClaimFromIsAskedAgainButNotForEver() {
    var frontier = ClaimFrontier()
    frontier.note(arrivals([key], last: 10))
    var asked = 0
    while let next = frontier.next(limit: 1) {
      asked += 1
      frontier.missed(next.groups[0].key, lanes: .ordinary)
    }
    #expect(asked == ClaimFrontier.patience)
    frontier.unparkAll()
    #expect(frontier.hasWork)
  }
}
