import Testing

@testable import Jobs

@Suite struct RetryPolicyTests {
  @Test func doublesUntilTheCap() {
    let policy = RetryPolicy(base: 1, cap: 60)
    #expect(policy.ceiling(failures: 0) == 1)
    #expect(policy.ceiling(failures: 3) == 8)
    #expect(policy.ceiling(failures: 6) == 60)
    #expect(policy.ceiling(failures: .max) == 60)
  }

  @Test func jitterIsFull() {
    let policy = RetryPolicy(base: 1, cap: 60)
    var generator = SystemRandomNumberGenerator()
    let delays = (0..<200).map { _ in policy.delay(failures: 5, using: &generator) }
    #expect(delays.allSatisfy { (0...32).contains($0) })
    #expect(delays.contains { $0 < 8 } && delays.contains { $0 > 24 })
  }
}
