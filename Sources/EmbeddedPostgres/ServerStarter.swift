import Foundation
import Glibc

/// Finds or starts the server of a data folder; the caller holds its lock.
struct ServerStarter {
  let configuration: EmbeddedPostgres.Configuration
  let folder: DataFolder
  let user: ServerUser
  let server: ServerInstallation

  func start(_ actions: inout [String]) async throws(EmbeddedPostgresError) -> RunningPostgres {
    switch Postmaster.state(of: folder) {
    case .absent: break
    case .alive(let postmaster):
      if let running = try await reuse(postmaster, &actions) { return running }
    case .stale(let processID, let isReused): try await clear(processID, isReused, &actions)
    }
    if folder.clusterMajor() == nil {
      guard !folder.exists(folder.cluster) else { throw damagedCluster }
      let initializer = ClusterInitializer(configuration: configuration, folder: folder, user: user, server: server)
      try await initializer.initialize(&actions)
    }
    return try await launch(&actions)
  }

  func stop(_ postmaster: Postmaster) async throws(EmbeddedPostgresError) {
    let outcome = try await user.run(
      [server.program("pg_ctl"), "stop", "--mode=fast", "--wait", "--timeout=60", "--pgdata=\(folder.cluster)"],
      home: folder.path)
    guard outcome.succeeded else {
      throw EmbeddedPostgresError(
        code: .stopFailed,
        message: """
          The server in \(folder.path), process \(postmaster.processID), did not stop: \(outcome.output.suffix(300)). \
          See \(folder.log).
          """)
    }
    Endpoint(port: postmaster.port, socketDirectory: postmaster.socketDirectory).removeShortFolder()
  }

  /// Nil after it had to be stopped, because it does not listen where it should.
  private func reuse(
    _ postmaster: Postmaster, _ actions: inout [String]
  ) async throws(EmbeddedPostgresError) -> RunningPostgres? {
    if configuration.listenOnLoopback && !postmaster.listensOnTCP && postmaster.isReady {
      try await stop(postmaster)
      actions.append("stopped process \(postmaster.processID), which did not listen on 127.0.0.1")
      return nil
    }
    // It may be starting still: somebody else's start, or recovery after a crash.
    guard let ready = await waitUntilReady() else {
      throw EmbeddedPostgresError(
        code: .startFailed,
        message: """
          Process \(postmaster.processID) runs in \(folder.cluster) and does not become ready. See \(folder.log), or \
          stop it with: kill -INT \(postmaster.processID)
          """)
    }
    actions.append("used the server that runs already, process \(ready.processID)")
    return running(ready, actions, startedHere: false)
  }

  private func launch(_ actions: inout [String]) async throws(EmbeddedPostgresError) -> RunningPostgres {
    let files = ServerFiles(configuration: configuration)
    let socketDirectory = try Endpoint.socketDirectory(in: folder, for: user, &actions)
    for attempt in 1... {
      let endpoint = Endpoint(port: try choosePort(attempt), socketDirectory: socketDirectory)
      try folder.write(Array(files.settings(endpoint).utf8), to: folder.cluster + "/" + ServerFiles.name, for: user)
      try folder.write(Array(files.access.utf8), to: folder.cluster + "/pg_hba.conf", for: user)
      let logStart = logSize
      let outcome = try await user.run(
        environment + [
          server.program("pg_ctl"), "start", "--wait", "--timeout=60", "--silent", "--pgdata=\(folder.cluster)",
          "--log=\(folder.log)",
        ], home: folder.path)
      if outcome.succeeded, case .alive(let postmaster) = Postmaster.state(of: folder) {
        try endpoint.record(in: folder, for: user)
        actions.append(describe(postmaster))
        return running(postmaster, actions, startedHere: true)
      }
      let log = logTail(from: logStart)
      // Between choosing a port and listening on it, somebody else may take it.
      guard configuration.listenOnLoopback, configuration.port == nil, attempt < 3,
        log.contains("Address already in use")
      else { throw startFailed(outcome, log) }
      actions.append("port \(endpoint.port) was taken meanwhile; chose another")
    }
    preconditionFailure("the loop has no end")
  }

  /// Set after the change of user, so that a library in it is loaded, and makes its files, as the server's user.
  private var environment: [String] {
    guard !configuration.environment.isEmpty else { return [] }
    return ["/usr/bin/env"] + configuration.environment.map { "\($0.key)=\($0.value)" }.sorted()
  }

  private func choosePort(_ attempt: Int) throws(EmbeddedPostgresError) -> Int {
    if let port = configuration.port { return port }
    guard configuration.listenOnLoopback else { return 5432 }
    let recorded = attempt == 1 ? Endpoint.recorded(in: folder)?.port : nil
    guard let port = Endpoint.freePort(preferring: recorded) else {
      throw folder.failure("given a TCP port", folder.path)
    }
    return port
  }

  /// PostgreSQL itself handles a file whose process is gone. It does not when the id belongs to another program now, or to
  /// an ended process that nobody has collected, as in a container without an init.
  private func clear(
    _ processID: Int32?, _ isReused: Bool, _ actions: inout [String]
  ) async throws(EmbeddedPostgresError) {
    let owner = processID.map { "process \($0)" } ?? "no process"
    // Backends notice within a moment that their postmaster is gone; a new one must not start beside them.
    guard await waitUntilNobodyRuns() else {
      throw EmbeddedPostgresError(
        code: .startFailed,
        message: """
          The server of \(folder.cluster) is gone, and processes of it still run there. End the processes whose \
          /proc/*/cwd is that folder, and start again.
          """)
    }
    guard isReused else {
      actions.append("found the postmaster.pid of \(owner), which is gone without a proper stop: the server recovers")
      return
    }
    try Endpoint.removeLeftSockets(of: folder, user)
    try folder.remove(Postmaster.pidFile(folder))
    actions.append("removed a stale postmaster.pid, which names \(owner), now no server of this cluster")
  }

  private func waitUntilNobodyRuns() async -> Bool {
    let deadline = ContinuousClock.now + .seconds(10)
    while Postmaster.anyRuns(in: folder) {
      guard ContinuousClock.now < deadline, await pause(.milliseconds(50)) else { return false }
    }
    return true
  }

  /// False when cancelled.
  private func pause(_ duration: Duration) async -> Bool {
    do {
      try await Task.sleep(for: duration)
      return true
    } catch {
      return false
    }
  }

  private func waitUntilReady() async -> Postmaster? {
    let deadline = ContinuousClock.now + .seconds(60)
    while case .alive(let postmaster) = Postmaster.state(of: folder) {
      if postmaster.isReady { return postmaster }
      guard ContinuousClock.now < deadline, await pause(.milliseconds(50)) else { return nil }
    }
    return nil
  }

  private func running(_ postmaster: Postmaster, _ actions: [String], startedHere: Bool) -> RunningPostgres {
    RunningPostgres(
      socketDirectory: postmaster.socketDirectory, port: postmaster.port, superuser: configuration.superuser,
      processID: postmaster.processID, actions: actions, startedHere: startedHere)
  }

  private func describe(_ postmaster: Postmaster) -> String {
    let place = configuration.listenOnLoopback ? "127.0.0.1:\(postmaster.port) and " : ""
    let asUser = user.prefix.isEmpty ? "" : " as user \(user.name)"
    return """
      started PostgreSQL \(server.major)\(asUser), process \(postmaster.processID), \
      on \(place)\(postmaster.socketDirectory)/.s.PGSQL.\(postmaster.port)
      """
  }

  private var logSize: Int {
    var status = stat()
    return stat(folder.log, &status) == 0 ? Int(status.st_size) : 0
  }

  /// What this start wrote: earlier lines may hold statements.
  private func logTail(from start: Int) -> String {
    guard let text = folder.read(folder.log) else { return "" }
    return String(decoding: text.utf8.dropFirst(start), as: UTF8.self)
  }

  private func startFailed(_ outcome: Command.Outcome, _ log: String) -> EmbeddedPostgresError {
    let reason = log.isEmpty ? outcome.output : log
    return EmbeddedPostgresError(
      code: .startFailed,
      message: "PostgreSQL did not start: \(reason.suffix(600)). The whole log is \(folder.log).")
  }

  private var damagedCluster: EmbeddedPostgresError {
    EmbeddedPostgresError(
      code: .startFailed,
      message: "\(folder.cluster) is there and is no cluster. Restore it from a backup, or move it away.")
  }
}
