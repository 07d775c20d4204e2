import Testing

@testable import Web

@Suite struct BadTokenLimiterTests {
  private let start = ContinuousClock.now

  @Test func turnsAnAddressAwayAfterTwentyAndLetsItBackInTime() {
    var limiter = BadTokenLimiter()
    for _ in 0..<20 { limiter.fail("a", at: start) }
    #expect(limiter.blockedFor("a", at: start) == nil)
    limiter.fail("a", at: start)
    #expect(limiter.blockedFor("a", at: start) == 3)
    #expect(limiter.blockedFor("b", at: start) == nil)
    #expect(limiter.blockedFor("a", at: start + .seconds(4)) == nil)
  }

  @Test func whoGoesOnIsNotPunishedForever() {
    var limiter = BadTokenLimiter()
    for _ in 0..<10_000 { limiter.fail("a", at: start) }
    #expect(limiter.blockedFor("a", at: start) == 3)
    #expect(limiter.blockedFor("a", at: start + .seconds(70)) == nil)
  }

  @Test func staysSmallUnderManyAddresses() {
    var limiter = BadTokenLimiter()
    for _ in 0..<25 { limiter.fail("attacker", at: start) }
    for number in 0..<30_000 { limiter.fail("address \(number)", at: start) }
    #expect(limiter.count <= BadTokenLimiter.addresses)
    #expect(limiter.blockedFor("attacker", at: start) != nil)
  }
}
