import Foundation
import Glibc

/// The benchmark that started this worker process. Without it the worker ends by itself: the next figures would share the
/// machine with it.
struct BenchParent {
  private let process = getppid()

  var isGone: Bool { getppid() != process }
}

/// Worker processes of a benchmark and what they report.
final class BenchWorkers {
  struct Progress {
    var begun = 0
    var held = 0
    var peakResidentMB = 0
  }

  private let children: [ChildProcess]

  init(
    _ count: Int, server: BenchServer, run: String, concurrency: Int, work: Int = 0, poll: Double = 0.25,
    trace: Bool = false
  ) throws {
    children = try (1...count).map { number in
      try ChildProcess(
        "worker-\(run)-\(number)",
        [
          "bench-worker", "--url", server.url, "--name", "bench-\(number)", "--concurrency", "\(concurrency)", "--work",
          "\(work)", "--poll", "\(poll)",
        ] + (trace ? ["--trace"] : []),
        folder: server.folder)
    }
  }

  /// Each with the arguments that `arguments` gives for its number, from 1.
  init(_ count: Int, server: BenchServer, run: String, arguments: (Int) -> [String]) throws {
    children = try (1...count).map { number in
      try ChildProcess("worker-\(run)-\(number)", arguments(number), folder: server.folder)
    }
  }

  /// The last line of each, added up.
  var progress: Progress {
    get throws {
      var total = Progress()
      for child in children {
        guard let handle = FileHandle(forReadingAtPath: child.outputPath) else { continue }
        let end = try handle.seekToEnd()
        try handle.seek(toOffset: end > 200 ? end - 200 : 0)
        let text = String(decoding: try handle.readToEnd() ?? Data(), as: UTF8.self)
        try handle.close()
        guard text.hasSuffix("\n"), let line = text.split(separator: "\n").last else { continue }
        let numbers = line.split(separator: " ").compactMap { Int($0) }
        guard numbers.count >= 2 else { throw BenchError(description: "\(child.label): \(line)") }
        total.begun += numbers[0]
        total.held += numbers[1]
        total.peakResidentMB = max(total.peakResidentMB, numbers.count > 2 ? numbers[2] : 0)
      }
      return total
    }
  }

  func waitUntil(_ condition: (Progress) -> Bool) async throws {
    while true {
      guard children.allSatisfy(\.isRunning) else {
        throw BenchError(description: "a worker ended: \(children.map(\.output).joined())")
      }
      if condition(try progress) { return }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  /// What traced workers have told so far.
  var traced: String { children.map(\.output).joined() }

  var tracedByPath: [(path: String, output: String)] { children.map { ($0.outputPath, $0.output) } }

  var processorSeconds: Double { children.reduce(0) { $0 + ProcessorTime.seconds(of: $1.processID) } }

  func stop() async { for child in children { await child.stop() } }
}

struct BenchError: Error, CustomStringConvertible {
  let description: String
}
