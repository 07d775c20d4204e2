import EmbeddedPostgres
import Foundation

/// Processor time, which says on a shared machine what elapsed time does not.
enum ProcessorTime {
  /// Seconds of a server with all of its backends, those that ended included.
  static func seconds(ofServer server: RunningPostgres) -> Double {
    var ticks = fields(server.processID).map { $0.own + $0.ended } ?? 0
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    for process in names.compactMap(Int32.init) {
      guard let fields = fields(process), fields.parent == server.processID else { continue }
      ticks += fields.own
    }
    return Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  /// Seconds of one process; 0 when it has ended.
  static func seconds(of process: Int32) -> Double {
    Double(fields(process)?.own ?? 0) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  /// proc_pid_stat(5): what follows the name in parentheses is state, parent and, from the twelfth on, user and system
  /// ticks, then those of children that ended.
  private static func fields(_ process: Int32) -> (parent: Int32, own: Int, ended: Int)? {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return nil }
    let words = text.split(separator: ")").last?.split(separator: " ") ?? []
    guard words.count > 14, let parent = Int32(words[1]) else { return nil }
    let ticks = words[11...14].map { Int($0) ?? 0 }
    return (parent, ticks[0] + ticks[1], ticks[2] + ticks[3])
  }
}
