/// How many connections, and how long callers wait for one.
package struct PoolConfiguration: Hashable, Sendable {
  /// Default 16; a small server's `max_connections` of 100 then serves several of our processes.
  package var maximumConnections: Int
  /// Callers beyond this many waiting ones are refused at once with `.poolExhausted`. Default 10 000.
  package var maximumWaiters: Int
  /// From asking to having a connection, including attempts to reconnect while the server restarts. Default 10 s.
  package var acquireTimeout: Duration
  /// `run()` closes connections idle for longer. Default 5 min.
  package var idleTimeout: Duration
  /// A connection idle for longer is asked for a sign of life before it is lent. Default 30 s, less than the idle
  /// limits of common firewalls.
  package var keepAlive: Duration

  package init(
    maximumConnections: Int = 16, maximumWaiters: Int = 10_000, acquireTimeout: Duration = .seconds(10),
    idleTimeout: Duration = .seconds(300), keepAlive: Duration = .seconds(30)
  ) {
    self.maximumConnections = maximumConnections
    self.maximumWaiters = maximumWaiters
    self.acquireTimeout = acquireTimeout
    self.idleTimeout = idleTimeout
    self.keepAlive = keepAlive
  }
}
