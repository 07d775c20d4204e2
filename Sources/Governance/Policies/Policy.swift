package import Foundation

/// Lifetimes of the secrets of an identity. Times in seconds.
package struct Policy: Sendable, Equatable {
  package enum OnExpiry: String, Sendable, CaseIterable {
    case rotate
    case revoke
  }

  package let id: PolicyID
  package let name: String
  /// 10 s … 10 years.
  package let rotationPeriod: Double
  /// Spread of due times; at most the period.
  package let rotationJitter: Double
  /// How long old and new secret both work; at most 90 days.
  package let overlap: Double
  package let settle: Double
  /// Time kept free for retries before the hard expiry.
  package let retryReserve: Double
  /// What the end of a secret's period leads to. The end of the identity always revokes.
  package let onExpiry: OnExpiry
  /// Characters, 16…128.
  package let secretLength: Int

  package init(
    id: PolicyID = .make(), name: String, rotationPeriod: Double, rotationJitter: Double, overlap: Double,
    settle: Double = 10, retryReserve: Double = 3600, onExpiry: OnExpiry = .rotate, secretLength: Int = 32
  ) {
    self.id = id
    self.name = name
    self.rotationPeriod = rotationPeriod
    self.rotationJitter = rotationJitter
    self.overlap = overlap
    self.settle = settle
    self.retryReserve = retryReserve
    self.onExpiry = onExpiry
    self.secretLength = secretLength
  }

  /// The last moment at which a rotation can begin and still be over at `hardExpiry`, retries included.
  package func latestStart(hardExpiry: Date) -> Date {
    hardExpiry.addingTimeInterval(-(retryReserve + overlap + settle))
  }

  func validate() throws(GovernanceError) {
    _ = try FieldRule.text(name, field: "name", maximum: 100)
    try Self.check(rotationPeriod, field: "period", in: 10...315_360_000)
    try Self.check(rotationJitter, field: "jitter", in: 0...rotationPeriod)
    try Self.check(overlap, field: "overlap", in: 0...7_776_000)
    try Self.check(settle, field: "settle", in: 0...86_400)
    try Self.check(retryReserve, field: "retry-reserve", in: 0...2_592_000)
    try Self.check(Double(secretLength), field: "secret-length", in: 16...128)
    guard overlap < rotationPeriod else { throw FieldRule.invalid("overlap", "shorter than the period") }
  }

  private static func check(
    _ value: Double, field: String, in range: ClosedRange<Double>
  ) throws(GovernanceError) {
    guard range.contains(value) else {
      throw FieldRule.invalid(field, "\(Int(range.lowerBound)) to \(Int(range.upperBound))")
    }
  }
}
