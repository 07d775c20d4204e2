import CLibPQ
import Glibc
import Logging
import Synchronization

/// The shell around `PoolStateMachine`: a lock, since every caller needs it briefly, and callers that wait.
final class ConnectionPool: Sendable {
  private typealias Machine = PoolStateMachine<PostgresConnection>
  private typealias Waiter = UnsafeContinuation<Result<Machine.Grant, PostgresError>, Never>

  private struct State {
    var machine: Machine
    var waiting: [Int: Waiter] = [:]
    /// For waiters that have their number but have not suspended yet.
    var early: [Int: Result<Machine.Grant, PostgresError>] = [:]
  }

  private static let cancelled = PostgresError(code: .cancelled, message: "cancelled while waiting for a connection")

  private let configuration: PostgresConfiguration
  private let logger: Logger
  private let state: Mutex<State>

  init(_ configuration: PostgresConfiguration, logger: Logger) {
    self.configuration = configuration
    self.logger = logger
    let pool = configuration.pool
    state = Mutex(
      State(machine: Machine(maximumConnections: pool.maximumConnections, maximumWaiters: pool.maximumWaiters)))
  }

  /// A connection that was alive a moment ago; to be given back with `release`. Throws `.poolExhausted`, `.closed`,
  /// `.cancelled` and what `PostgresConnection.connect` throws.
  func acquire() async throws -> PostgresConnection {
    let deadline = ContinuousClock.now.advanced(by: configuration.pool.acquireTimeout)
    while true {
      if Task.isCancelled { throw Self.cancelled }
      switch state.withLock({ $0.machine.acquire() }) {
      case .lease(let connection, let since):
        if await isFit(connection, idleSince: since) { return connection }
        await discard(connection)
      case .connect: return try await connect(until: deadline)
      case .refuse(.closed):
        throw PostgresError(code: .closed, message: "the client is closed")
      case .refuse(.tooManyWaiters):
        throw PostgresError(
          code: .poolExhausted,
          message: "all \(configuration.pool.maximumConnections) connections are in use and "
            + "\(configuration.pool.maximumWaiters) callers wait already; raise the pool's limits or lower concurrency")
      case .wait(let number):
        switch try await wait(number, until: deadline).get() {
        case .lease(let connection): return connection
        case .connect: return try await connect(until: deadline)
        }
      }
    }
  }

  func release(_ connection: PostgresConnection) async {
    let isReusable = connection.machine.withLock { $0.isReusable }
    await apply { $0.release(connection, isReusable: isReusable, at: .now) }
  }

  func closeIdle() async {
    let limit = ContinuousClock.now.advanced(by: .zero - configuration.pool.idleTimeout)
    for connection in state.withLock({ $0.machine.removeIdle(since: limit) }) { await connection.close() }
  }

  /// Lent connections are closed when they come back.
  func close() async {
    let (connections, waiters) = state.withLock { $0.machine.close() }
    let closed = PostgresError(code: .closed, message: "the client is closed")
    for waiter in waiters { deliver(.failure(closed), to: waiter) }
    for connection in connections { await connection.close() }
  }

  // MARK: Connecting

  /// Owns a place. Transient failures are repeated with jitter until the deadline: a restarting server costs a wait.
  private func connect(until deadline: ContinuousClock.Instant) async throws -> PostgresConnection {
    var backoff = Backoff(first: .milliseconds(50), limit: .seconds(2))
    while true {
      do {
        return try await PostgresConnection.connect(configuration, logger: logger)
      } catch {
        let pause = backoff.next()
        let isTransient = (error as? PostgresError)?.isTransientConnectionFailure ?? false
        let isClosed = state.withLock { $0.machine.isClosed }
        guard isTransient, !isClosed, !Task.isCancelled, ContinuousClock.now.advanced(by: pause) < deadline else {
          await apply { $0.freePlace() }
          throw error
        }
        do {
          try await Task.sleep(for: pause)
        } catch {
          await apply { $0.freePlace() }
          throw Self.cancelled
        }
      }
    }
  }

  private func discard(_ connection: PostgresConnection) async {
    await apply { $0.release(connection, isReusable: false, at: .now) }
  }

  /// An idle connection has nothing to read. If it has, that is good-bye or its forerunner (`FATAL` comes before the end
  /// of the stream); the harmless exceptions, such as a reloaded setting, are not worth telling apart.
  private func isFit(_ connection: PostgresConnection, idleSince: ContinuousClock.Instant) async -> Bool {
    var descriptor = pollfd(fd: connection.socket, events: Int16(POLLIN), revents: 0)
    // The pool has just taken it from the idle ones, so nobody else closes this descriptor meanwhile.
    if poll(&descriptor, 1, 0) != 0 { return false }
    guard idleSince.duration(to: .now) > configuration.pool.keepAlive else { return true }
    do {
      try await connection.ping(timeout: .seconds(2))
      return connection.machine.withLock { $0.isReusable }
    } catch {
      return false
    }
  }

  // MARK: Waiting

  private func wait(
    _ number: Int, until deadline: ContinuousClock.Instant
  ) async throws -> Result<Machine.Grant, PostgresError> {
    let exhausted = PostgresError(
      code: .poolExhausted,
      message: "no connection became free within \(configuration.pool.acquireTimeout), all "
        + "\(configuration.pool.maximumConnections) are in use; raise the pool's maximum or lower concurrency")
    let timer = ConnectionLoop.shared.schedule(after: ContinuousClock.now.duration(to: deadline)) { [weak self] in
      self?.leave(number, exhausted)
    }
    defer { ConnectionLoop.shared.cancel(timer) }
    return await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        park(number, continuation)
        // The handler may have run before there was anything to find.
        if Task.isCancelled { leave(number, Self.cancelled) }
      }
    } onCancel: {
      leave(number, Self.cancelled)
    }
  }

  private func park(_ number: Int, _ continuation: Waiter) {
    let result = state.withLock { state -> Result<Machine.Grant, PostgresError>? in
      if let result = state.early.removeValue(forKey: number) { return result }
      state.waiting[number] = continuation
      return nil
    }
    if let result { continuation.resume(returning: result) }
  }

  private func leave(_ number: Int, _ error: PostgresError) {
    let isWaiting = state.withLock { $0.machine.removeWaiter(number) }
    if isWaiting { deliver(.failure(error), to: number) }
  }

  private func deliver(_ result: Result<Machine.Grant, PostgresError>, to number: Int) {
    let continuation = state.withLock { state -> Waiter? in
      if let continuation = state.waiting.removeValue(forKey: number) { return continuation }
      state.early[number] = result
      return nil
    }
    continuation?.resume(returning: result)
  }

  private func apply(_ change: (inout Machine) -> Machine.Release) async {
    let release = state.withLock { change(&$0.machine) }
    if let (waiter, grant) = release.grant { deliver(.success(grant), to: waiter) }
    await release.close?.close()
  }
}
