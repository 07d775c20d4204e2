/// Pure: what is due when. A binary heap; removed timers leave their key behind until it surfaces or outnumbers the rest.
struct TimerQueue<ID: Hashable, Action> {
  private struct Key {
    let deadline: ContinuousClock.Instant
    let id: ID
  }

  private var heap: [Key] = []
  private var actions: [ID: Action] = [:]

  var count: Int { actions.count }

  mutating func insert(_ id: ID, at deadline: ContinuousClock.Instant, _ action: Action) {
    actions[id] = action
    heap.append(Key(deadline: deadline, id: id))
    siftUp(heap.count - 1)
  }

  /// A timer that has fired or never was is ignored.
  mutating func remove(_ id: ID) {
    actions.removeValue(forKey: id)
    // Most timers are timeouts that never fire; without this the heap would grow with every statement.
    guard heap.count > 2 * actions.count + 64 else { return }
    heap = heap.filter { actions[$0.id] != nil }.sorted { $0.deadline < $1.deadline }
  }

  /// Earliest first.
  mutating func removeDue(at now: ContinuousClock.Instant) -> [Action] {
    var due: [Action] = []
    while let first = heap.first, first.deadline <= now {
      removeFirst()
      if let action = actions.removeValue(forKey: first.id) { due.append(action) }
    }
    return due
  }

  /// For `epoll_wait`: rounded up, at most a minute; -1 with no timer.
  func milliseconds(from now: ContinuousClock.Instant) -> Int32 {
    guard let first = heap.first else { return -1 }
    let wait = now.duration(to: first.deadline)
    guard wait > .zero else { return 0 }
    guard wait < .seconds(60) else { return 60_000 }
    let (seconds, attoseconds) = wait.components
    return Int32(seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1)
  }

  private mutating func removeFirst() {
    let last = heap.removeLast()
    guard !heap.isEmpty else { return }
    heap[0] = last
    siftDown(0)
  }

  private mutating func siftUp(_ start: Int) {
    var index = start
    while index > 0 {
      let parent = (index - 1) / 2
      guard heap[index].deadline < heap[parent].deadline else { return }
      heap.swapAt(index, parent)
      index = parent
    }
  }

  private mutating func siftDown(_ start: Int) {
    var index = start
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
        if heap[child].deadline < heap[least].deadline { least = child }
      }
      guard least != index else { return }
      heap.swapAt(index, least)
      index = least
    }
  }
}
