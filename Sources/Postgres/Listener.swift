import CLibPQ
import Logging

/// Notifications on a connection of its own, kept alive until the task is cancelled.
///
/// The first element is `.mayHaveMissed`, and again after each reconnect: look for work then, since nothing is kept by
/// the server for those who do not listen. Ends when the task is cancelled.
package struct PostgresNotifications: AsyncSequence, Sendable {
  package enum Element: Hashable, Sendable {
    case notification(channel: String, payload: String)
    case mayHaveMissed
  }

  package typealias Failure = Never

  let configuration: PostgresConfiguration
  let channels: [String]
  let logger: Logger

  package func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(configuration: configuration, channels: channels, logger: logger)
  }

  package struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let configuration: PostgresConfiguration
    fileprivate let channels: [String]
    fileprivate let logger: Logger
    private var connection: PostgresConnection?
    private var backoff = Backoff(first: .milliseconds(100), limit: .seconds(15))

    fileprivate init(configuration: PostgresConfiguration, channels: [String], logger: Logger) {
      self.configuration = configuration
      self.channels = channels
      self.logger = logger
    }

    package mutating func next() async -> Element? { await next(isolation: nil) }

    package mutating func next(isolation actor: isolated (any Actor)?) async -> Element? {
      while !Task.isCancelled {
        do {
          if let connection {
            return try await connection.nextNotification()
          }
          let connection = try await PostgresConnection.connect(configuration, logger: logger)
          self.connection = connection
          for channel in channels { try await connection.execute("LISTEN \(identifier: channel)") }
          backoff.reset()
          return .mayHaveMissed
        } catch {
          let code = (error as? PostgresError)?.code.rawValue ?? "unknown"
          await connection?.close()
          connection = nil
          guard !Task.isCancelled else { break }
          logger.info("listening was interrupted; reconnecting", metadata: ["error.code": "\(code)"])
          do {
            try await Task.sleep(for: backoff.next())
          } catch {
            break
          }
        }
      }
      await connection?.close()
      connection = nil
      return nil
    }
  }
}

extension PostgresConnection {
  /// Suspends until one arrives. Occupies the connection meanwhile.
  func nextNotification() async throws -> PostgresNotifications.Element {
    try await operate(named: "LISTEN", timeout: nil) { connection, handle in
      connection.isWaitingForNotification = true
      defer { connection.isWaitingForNotification = false }
      while true {
        connection.collectNotifications(handle)
        if let first = connection.notifications.popFirst() { return first }
        try connection.checkInterruption("LISTEN")
        try await connection.wait(.readable, "LISTEN")
        guard PQconsumeInput(handle) == 1 else { throw connection.lost("LISTEN") }
        guard PQstatus(handle) == CONNECTION_OK else { throw connection.lost("LISTEN") }
      }
    }
  }

  private func collectNotifications(_ handle: OpaquePointer) {
    while let notification = PQnotifies(handle) {
      notifications.append(
        .notification(
          channel: String(cString: notification.pointee.relname), payload: String(cString: notification.pointee.extra)))
      PQfreemem(notification)
    }
  }
}
