import CLibPQ
import Synchronization

/// From a configuration to an open connection: the blocking part on a helper thread, the rest on the loop.
actor ConnectionAttempt {
  /// The outcome of the part on the helper thread. It cannot be interrupted, so whoever waits may leave, and what comes
  /// late is closed.
  private enum Start {
    case pending
    case waiting(UnsafeContinuation<Void, Never>)
    case done(Result<ConnectionHandle, PostgresError>)
    case abandoned
  }

  private let loop: ConnectionLoop
  private let configuration: PostgresConfiguration
  private let start = Mutex(Start.pending)
  private var interruption: PostgresError?
  private var socket: Int32 = -1

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  init(_ configuration: PostgresConfiguration, loop: ConnectionLoop) {
    self.configuration = configuration
    self.loop = loop
  }

  /// To be called once. Ends at the connect timeout and when the task is cancelled.
  func run() async throws -> ConnectionHandle {
    try configuration.validate()
    let timeout = PostgresError(
      code: .timedOut, message: "no connection within \(configuration.connectTimeout); is the server reachable?")
    let timer = loop.schedule(after: configuration.connectTimeout) { [self] in
      assumeIsolated { $0.interrupt(timeout) }
    }
    defer { loop.cancel(timer) }
    return try await withTaskCancellationHandler {
      let handle = try await started()
      do {
        try await poll(handle)
        guard PQsetnonblocking(handle.pointer, 1) == 0 else { throw failure(handle) }
        return handle
      } catch {
        handle.finish()
        throw error
      }
    } onCancel: { [self] in
      loop.execute { [self] in
        assumeIsolated { $0.interrupt(PostgresError(code: .cancelled, message: "cancelled while connecting")) }
      }
    }
  }

  private func interrupt(_ error: PostgresError) {
    if interruption == nil { interruption = error }
    loop.wake(socket)
    let waiting = start.withLock { start -> UnsafeContinuation<Void, Never>? in
      guard case .waiting(let continuation) = start else { return nil }
      start = .abandoned
      return continuation
    }
    waiting?.resume()
  }

  private func started() async throws -> ConnectionHandle {
    BlockingThreads.shared.execute { [self] in
      let result = Self.start(configuration)
      let waiting = start.withLock { start -> UnsafeContinuation<Void, Never>? in
        switch start {
        case .pending:
          start = .done(result)
          return nil
        case .waiting(let continuation):
          start = .done(result)
          return continuation
        case .done, .abandoned:
          if case .success(let handle) = result { handle.finish() }
          return nil
        }
      }
      waiting?.resume()
    }
    await withUnsafeContinuation { continuation in
      let isDone = start.withLock { start in
        if case .pending = start {
          start = .waiting(continuation)
          return false
        }
        return true
      }
      if isDone { continuation.resume() }
    }
    switch start.withLock({ $0 }) {
    case .done(let result): return try result.get()
    case .pending, .waiting, .abandoned:
      throw interruption ?? PostgresError(code: .cancelled, message: "cancelled while connecting")
    }
  }

  private static func start(_ configuration: PostgresConfiguration) -> Result<ConnectionHandle, PostgresError> {
    do {
      guard let handle = try ConnectionParameters(resolving: configuration).start() else {
        return .failure(PostgresError(code: .connectionFailed, message: "out of memory"))
      }
      return .success(handle)
    } catch let error as PostgresError {
      return .failure(error)
    } catch {
      return .failure(PostgresError(code: .connectionFailed, message: "the addresses could not be read"))
    }
  }

  private func poll(_ handle: ConnectionHandle) async throws {
    guard PQstatus(handle.pointer) != CONNECTION_BAD else { throw failure(handle) }
    // Before the first call libpq wants us to wait until the socket is writable (manual, 34.1).
    var interest = ConnectionLoop.Interest.readableOrWritable
    while true {
      if let interruption { throw interruption }
      socket = handle.socket
      await loop.wait(for: socket, interest)
      if let interruption { throw interruption }
      switch PQconnectPoll(handle.pointer) {
      case PGRES_POLLING_OK: return
      case PGRES_POLLING_READING: interest = .readable
      case PGRES_POLLING_WRITING: interest = .readableOrWritable
      default: throw failure(handle)
      }
    }
  }

  private func failure(_ handle: ConnectionHandle) -> PostgresError {
    .connecting(handle.errorMessage, configuration: configuration)
  }
}
