import DequeModule

/// Pure: who gets a connection. Whoever is told to connect owns a place among the maximum until `connected…` or
/// `failed` gives it back; there is no connecting in the background.
struct PoolStateMachine<Connection: Sendable> {
  typealias Instant = ContinuousClock.Instant

  enum Acquisition {
    case lease(Connection, idleSince: Instant)
    case connect
    /// Until a `Grant` for this number.
    case wait(Int)
    case refuse(Refusal)
  }

  enum Refusal {
    case closed
    case tooManyWaiters
  }

  /// To whom a connection, or a free place, goes.
  enum Grant: Sendable {
    case lease(Connection)
    case connect
  }

  struct Release {
    var grant: (waiter: Int, grant: Grant)?
    var close: Connection?
  }

  private let maximumConnections: Int
  private let maximumWaiters: Int
  private var idle: Deque<(connection: Connection, since: Instant)> = []
  private var waiters: Deque<Int> = []
  private var lastWaiter = 0
  private(set) var isClosed = false
  /// Connections lent, idle or being made.
  private(set) var size = 0

  init(maximumConnections: Int, maximumWaiters: Int) {
    self.maximumConnections = maximumConnections
    self.maximumWaiters = maximumWaiters
  }

  var idleCount: Int { idle.count }
  var waiterCount: Int { waiters.count }

  /// The most recently used first, so that those not needed grow idle.
  mutating func acquire() -> Acquisition {
    if isClosed { return .refuse(.closed) }
    if let (connection, since) = idle.popLast() { return .lease(connection, idleSince: since) }
    if size < maximumConnections {
      size += 1
      return .connect
    }
    guard waiters.count < maximumWaiters else { return .refuse(.tooManyWaiters) }
    lastWaiter += 1
    waiters.append(lastWaiter)
    return .wait(lastWaiter)
  }

  mutating func release(_ connection: Connection, isReusable: Bool, at now: Instant) -> Release {
    guard isReusable, !isClosed else {
      var release = freePlace()
      release.close = connection
      return release
    }
    if let waiter = waiters.popFirst() { return Release(grant: (waiter, .lease(connection))) }
    idle.append((connection, now))
    return Release()
  }

  /// A place is free: an attempt failed, or a waiter left after it was granted one.
  mutating func freePlace() -> Release {
    if !isClosed, let waiter = waiters.popFirst() { return Release(grant: (waiter, .connect)) }
    size -= 1
    return Release()
  }

  /// False: it has been granted something already.
  mutating func removeWaiter(_ number: Int) -> Bool {
    guard let index = waiters.firstIndex(of: number) else { return false }
    waiters.remove(at: index)
    return true
  }

  mutating func removeIdle(since limit: Instant) -> [Connection] {
    var removed: [Connection] = []
    while let first = idle.first, first.since <= limit {
      removed.append(first.connection)
      idle.removeFirst()
      size -= 1
    }
    return removed
  }

  mutating func close() -> (connections: [Connection], waiters: [Int]) {
    isClosed = true
    defer {
      size -= idle.count
      idle = []
      waiters = []
    }
    return (idle.map(\.connection), Array(waiters))
  }
}
