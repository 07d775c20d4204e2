/// Pure: full jitter, a random part of a doubling limit, so that many clients of one server come back spread out.
struct Backoff {
  let first: Duration
  let limit: Duration
  private var attempt = 0

  init(first: Duration, limit: Duration) {
    self.first = first
    self.limit = limit
  }

  mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
    let ceiling = min(limit, first * (1 << min(attempt, 16)))
    attempt += 1
    return ceiling * Double.random(in: 0..<1, using: &generator)
  }

  mutating func next() -> Duration {
    var generator = SystemRandomNumberGenerator()
    return next(using: &generator)
  }

  mutating func reset() { attempt = 0 }
}
