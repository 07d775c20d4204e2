import Foundation
import Jobs
import Synchronization

/// What a worker process of a benchmark tells, a line each: `S subject nanoseconds` when a job starts, `C microseconds jobs`
/// for a claim, `L microseconds` for a look. Nanoseconds are the machine's monotonic clock, the same in all processes.
final class BenchTrace: WorkerObserver {
  private let lines = Mutex("")

  /// Nanoseconds.
  static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  func began(_ job: ClaimedJob) {
    let now = Self.now
    lines.withLock { $0 += "S \(job.subject.rawValue.uuidString) \(now)\n" }
  }

  func claimed(jobs: Int, in duration: Duration) {
    lines.withLock { $0 += "C \(Int(duration.seconds * 1e6)) \(jobs)\n" }
  }

  func looked(in duration: Duration) {
    lines.withLock { $0 += "L \(Int(duration.seconds * 1e6))\n" }
  }

  func flush() {
    let text = lines.withLock { lines in
      defer { lines = "" }
      return lines
    }
    if !text.isEmpty { FileHandle.standardOutput.write(Data(text.utf8)) }
  }

  /// What the lines of several processes say.
  struct Reading {
    var starts: [UUID: UInt64] = [:]
    /// Milliseconds of each claim that brought jobs, and of each look.
    var claims = Sample()
    var looks = Sample()

    init(_ text: String) {
      for line in text.split(separator: "\n") {
        let words = line.split(separator: " ")
        guard words.count >= 2 else { continue }
        switch words[0] {
        case "S" where words.count == 3:
          if let id = UUID(uuidString: String(words[1])), let time = UInt64(words[2]) { starts[id] = time }
        case "C" where words.count == 3:
          if let time = Double(words[1]), words[2] != "0" { claims.add(time / 1000) }
        case "L":
          if let time = Double(words[1]) { looks.add(time / 1000) }
        default: continue
        }
      }
    }
  }
}
