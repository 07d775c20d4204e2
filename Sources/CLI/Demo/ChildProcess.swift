import Foundation
import Synchronization

/// This program again, as a child, with its output in a file.
final class ChildProcess: Sendable {
  let label: String
  let outputPath: String
  let processID: Int32
  private let ended: Ended

  /// - Parameter onExit: called once, on a thread of its own.
  init(_ label: String, _ arguments: [String], folder: String, onExit: @escaping @Sendable () -> Void = {}) throws {
    self.label = label
    outputPath = "\(folder)/\(label).log"
    guard FileManager.default.createFile(atPath: outputPath, contents: nil),
      let output = FileHandle(forWritingAtPath: outputPath)
    else { throw POSIXError(.EIO) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    let ended = Ended()
    process.terminationHandler = { _ in
      ended.set()
      onExit()
    }
    try process.run()
    processID = process.processIdentifier
    self.ended = ended
  }

  /// Remembers the end and wakes who waits for it.
  private final class Ended: Sendable {
    private let state = Mutex<(isSet: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

    var isSet: Bool { state.withLock { $0.isSet } }

    func set() {
      let waiters = state.withLock { state in
        state.isSet = true
        defer { state.waiters = [] }
        return state.waiters
      }
      for waiter in waiters { waiter.resume() }
    }

    func wait() async {
      await withCheckedContinuation { continuation in
        let isSet = state.withLock { state in
          if !state.isSet { state.waiters.append(continuation) }
          return state.isSet
        }
        if isSet { continuation.resume() }
      }
    }
  }

  var isRunning: Bool { !ended.isSet }

  func send(_ signal: Int32) { if isRunning { kill(processID, signal) } }

  func wait() async { await ended.wait() }

  /// SIGTERM, and SIGKILL after `patience`.
  func stop(patience: Duration = .seconds(20)) async {
    send(SIGTERM)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.wait() }
      group.addTask {
        do {
          try await Task.sleep(for: patience)
          self.send(SIGKILL)
        } catch {
          // Cancelled because it ended in time.
        }
      }
      await group.next()
      group.cancelAll()
    }
  }

  var output: String { (try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? "" }
}
