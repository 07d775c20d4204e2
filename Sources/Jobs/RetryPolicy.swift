/// Back-off with full jitter: a random time between zero and base · 2^failures, capped.
package struct RetryPolicy: Sendable {
  /// Seconds.
  package let base: Double
  /// Seconds.
  package let cap: Double
  /// Failures after which a job that is not relentless is quarantined.
  package let maximumFailures: Int32

  package init(base: Double = 0.5, cap: Double = 300, maximumFailures: Int32 = 12) {
    self.base = base
    self.cap = cap
    self.maximumFailures = maximumFailures
  }

  package static let standard = RetryPolicy()

  /// The longest wait after `failures` failures, in seconds.
  package func ceiling(failures: Int32) -> Double {
    // 2^30 · base exceeds any cap; the exponent is bounded so that it never overflows.
    min(cap, base * Double(1 << min(max(Int(failures), 0), 30)))
  }

  /// Seconds to wait after the `failures`-th failure.
  package func delay(failures: Int32, using generator: inout some RandomNumberGenerator) -> Double {
    Double.random(in: 0...ceiling(failures: failures), using: &generator)
  }
}
