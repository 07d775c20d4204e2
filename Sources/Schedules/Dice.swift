import Synchronization

/// A seed's numbers and the clock that only the schedule moves.
final class Dice: Sendable {
  private struct State {
    var generator: SeededGenerator
    var now = 1_800_000_000.0
  }

  private let state: Mutex<State>

  init(seed: UInt64) { state = Mutex(State(generator: SeededGenerator(seed: seed))) }

  func chance(_ share: Double) -> Bool { state.withLock { $0.generator.chance(share) } }

  func number(_ range: ClosedRange<Int>) -> Int { state.withLock { Int.random(in: range, using: &$0.generator) } }

  func pick<Element: Sendable>(_ elements: [Element]) -> Element { elements[number(0...elements.count - 1)] }

  /// Seconds since 1970.
  var now: Double { state.withLock { $0.now } }

  func advance(by seconds: Double) { state.withLock { $0.now += seconds } }
}
