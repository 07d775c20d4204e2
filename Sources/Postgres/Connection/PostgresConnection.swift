import CLibPQ
import DequeModule
package import Logging
import Synchronization

/// One connection: an actor that runs on its connection loop, so nothing here blocks a thread of Swift's pool.
///
/// Operations take turns in the order they came. A task that is cancelled while its operation is under way has the
/// server cancel it and waits for that; while it waits for its turn, it leaves when the turn comes.
package actor PostgresConnection {
  /// How long a cancelled statement may take to end before the connection is given up, and how often we ask.
  static let cancelPatience = Duration.seconds(5)
  static let cancelInterval = Duration.milliseconds(250)

  nonisolated let configuration: PostgresConfiguration
  nonisolated let loop: ConnectionLoop
  /// Such as 150018.
  nonisolated package let serverVersion: Int
  nonisolated package let backendProcessID: Int32
  nonisolated let socket: Int32
  // Behind a lock and not the actor, because the pool asks from outside.
  nonisolated let machine = Mutex(ConnectionStateMachine())

  /// nil once closed.
  var handle: ConnectionHandle?
  var prepared = PreparedStatements()
  var notifications: Deque<PostgresNotifications.Element> = []
  private var isTaken = false
  private var turns: Deque<UnsafeContinuation<Void, Never>> = []
  /// The number of the operation under way, so that late timers and cancellations do not hit the next one.
  private var operation: UInt64 = 0
  private var cancelRequestsInFlight = 0
  private var cancelWaiter: UnsafeContinuation<Void, Never>?

  nonisolated package var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  private init(_ handle: ConnectionHandle, configuration: PostgresConfiguration, loop: ConnectionLoop) {
    self.handle = handle
    self.configuration = configuration
    self.loop = loop
    serverVersion = Int(PQserverVersion(handle.pointer))
    backendProcessID = PQbackendPID(handle.pointer)
    socket = handle.socket
  }

  deinit {
    // Nobody holds the connection, so nobody waits on it.
    handle?.finish()
  }

  /// One connection without a pool; the caller closes it. Throws `.connectionFailed`, `.authenticationFailed`,
  /// `.timedOut`, `.cancelled` or `.invalidConfiguration`, with the server's SQLSTATE if it answered.
  package static func connect(_ configuration: PostgresConfiguration, logger: Logger) async throws
    -> PostgresConnection
  {
    let loop = ConnectionLoop.shared
    let handle = try await ConnectionAttempt(configuration, loop: .forLogin).run()
    let connection = PostgresConnection(handle, configuration: configuration, loop: loop)
    logger.debug("connected", metadata: ["postgres.pid": "\(connection.backendProcessID)"])
    return connection
  }

  /// An operation under way fails with `.closed`.
  package func close() async {
    machine.withLock { $0.close() }
    loop.wake(socket)
    await takeTurn()
    handle?.finish()
    handle = nil
    giveTurn()
  }

  // MARK: One operation at a time

  enum Cancellation {
    case allowed
    /// For what must be said even so: COMMIT, ROLLBACK.
    case ignored
  }

  /// Runs `body` when it is this caller's turn. Interrupted by the task's cancellation and after `timeout`; then `body`
  /// fails with SQLSTATE 57014, and this throws `.cancelled` or `.timedOut`.
  func operate<Value: Sendable>(
    named name: String?, timeout: Duration?, cancellation: Cancellation = .allowed,
    _ body: (isolated PostgresConnection, OpaquePointer) async throws -> Value
  ) async throws -> Value {
    await takeTurn()
    defer { giveTurn() }
    if cancellation == .allowed, Task.isCancelled { throw Self.interrupted(.cancelled, name) }
    if let refusal = machine.withLock({ $0.begin() }) { throw refusal }
    guard let handle else { throw PostgresError.closed }
    operation += 1
    let number = operation
    let timer = timeout.map { timeout in
      loop.schedule(after: timeout) { [weak self] in
        self?.assumeIsolated { $0.interrupt(number, .timedOut) }
      }
    }
    defer { timer.map(loop.cancel) }
    let outcome: Result<Value, any Error>
    do {
      outcome = .success(
        try await withTaskCancellationHandler {
          try await withTaskExecutorPreference(loop) { try await body(self, handle.pointer) }
        } onCancel: { [loop] in
          guard cancellation == .allowed else { return }
          loop.execute { [weak self] in self?.assumeIsolated { $0.interrupt(number, .cancelled) } }
        })
    } catch {
      outcome = .failure(error)
    }
    return try await end(outcome, handle, name)
  }

  private func end<Value>(
    _ outcome: Result<Value, any Error>, _ handle: ConnectionHandle, _ name: String?
  ) async throws -> Value {
    while cancelRequestsInFlight > 0, machine.withLock({ $0.isUsable }) {
      await withUnsafeContinuation { cancelWaiter = $0 }
    }
    // Only now: from here on a late timer finds another number.
    operation += 1
    let interruption = machine.withLock { $0.interruption } ?? lastInterruption
    lastInterruption = nil
    var stopped = false
    if case .failure(let error as PostgresError) = outcome { stopped = error.sqlState == .queryCanceled }
    if PQstatus(handle.pointer) != CONNECTION_OK { machine.withLock { $0.breakDown() } }
    let transaction = Self.transaction(handle)
    machine.withLock { $0.end(transaction: transaction, stopped: stopped) }
    switch outcome {
    case .success(let value): return value
    case .failure(let error):
      let code = (error as? PostgresError)?.code
      if let interruption, stopped || code == .connectionLost || code == .cancelled {
        throw Self.interrupted(interruption, name)
      }
      if machine.withLock({ $0.state == .closed }) { throw PostgresError.closed }
      throw error
    }
  }

  private static func transaction(_ handle: ConnectionHandle) -> ConnectionStateMachine.Transaction {
    switch PQtransactionStatus(handle.pointer) {
    case PQTRANS_IDLE: .none
    case PQTRANS_INERROR: .failed
    default: .open
    }
  }

  private static func interrupted(_ reason: ConnectionStateMachine.Interruption, _ name: String?) -> PostgresError {
    switch reason {
    case .cancelled:
      PostgresError(code: .cancelled, message: "the calling task was cancelled", statement: name)
    case .timedOut:
      PostgresError(
        code: .timedOut, message: "the statement took longer than its timeout and was cancelled", statement: name)
    }
  }

  private func takeTurn() async {
    guard isTaken else {
      isTaken = true
      return
    }
    await withUnsafeContinuation { turns.append($0) }
  }

  private func giveTurn() {
    if let next = turns.popFirst() { next.resume() } else { isTaken = false }
  }

  // MARK: Interruption

  /// Kept apart from the machine, which forgets it when the connection breaks down.
  private var lastInterruption: ConnectionStateMachine.Interruption?

  private func interrupt(_ number: UInt64, _ reason: ConnectionStateMachine.Interruption) {
    guard number == operation, machine.withLock({ $0.interrupt(reason) }) else { return }
    lastInterruption = reason
    loop.schedule(after: Self.cancelPatience) { [weak self] in
      self?.assumeIsolated { $0.giveUp(number) }
    }
    sendCancelRequest(number)
    // An operation that waits for a notification has nothing the server could cancel.
    if isWaitingForNotification { loop.wake(socket) }
  }

  var isWaitingForNotification = false

  private func sendCancelRequest(_ number: UInt64) {
    guard number == operation, let handle, !isWaitingForNotification, machine.withLock({ $0.isUsable }),
      let request = PQgetCancel(handle.pointer).map(CancelHandle.init)
    else { return }
    cancelRequestsInFlight += 1
    BlockingThreads.shared.execute { [self] in
      request.cancelAndFree()
      loop.execute { [self] in assumeIsolated { $0.cancelRequestWasSent(number) } }
    }
  }

  private func cancelRequestWasSent(_ number: UInt64) {
    cancelRequestsInFlight -= 1
    cancelWaiter?.resume()
    cancelWaiter = nil
    guard number == operation else { return }
    // The request may have reached the server before the statement did.
    loop.schedule(after: Self.cancelInterval) { [weak self] in
      self?.assumeIsolated { $0.sendCancelRequest(number) }
    }
  }

  private func giveUp(_ number: UInt64) {
    guard number == operation else { return }
    machine.withLock { $0.breakDown() }
    loop.wake(socket)
    cancelWaiter?.resume()
    cancelWaiter = nil
  }
}
