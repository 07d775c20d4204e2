import Schedules

/// How a percentile changes between two kinds of rounds that took turns, and how much of that may be chance. Pure.
struct PairedChange {
  let rounds: [(without: [Double], with: [Double])]

  init(_ rounds: [(without: [Double], with: [Double])]) { self.rounds = rounds }

  func without(_ share: Double) -> Double { Self.percentile(share, rounds.map(\.without)) }

  func with(_ share: Double) -> Double { Self.percentile(share, rounds.map(\.with)) }

  /// The middle 90 % of the changes that a thousand other choices of as many rounds give, each round whole, so that what one
  /// round had in common stays together. 0: no change; 0.2: a fifth more.
  func interval(_ share: Double) -> (low: Double, high: Double) {
    var random = SeededGenerator(seed: 1)
    var changes: [Double] = []
    for _ in 0..<1000 {
      let chosen = rounds.map { _ in rounds[Int.random(in: rounds.indices, using: &random)] }
      let before = Self.percentile(share, chosen.map(\.without))
      changes.append(before > 0 ? Self.percentile(share, chosen.map(\.with)) / before - 1 : 0)
    }
    changes.sort()
    return (changes[50], changes[949])
  }

  /// Of every second round without to the others: what is measured where nothing was changed.
  func amongWithout(_ share: Double) -> Double {
    let halves = [0, 1].map { rest in
      rounds.indices.filter { $0 % 2 == rest }.map { rounds[$0].without }
    }
    let first = Self.percentile(share, halves[0])
    return first > 0 ? Self.percentile(share, halves[1]) / first - 1 : 0
  }

  private static func percentile(_ share: Double, _ rounds: [[Double]]) -> Double {
    var sample = Sample()
    for value in rounds.joined() { sample.add(value) }
    return sample.percentile(share)
  }
}
