import Foundation
import Glibc

/// The server of a cluster, as `postmaster.pid` and the kernel tell of it.
///
/// The file's lines: process id, cluster, start time, port, socket folder, TCP address, shared memory key, status.
struct Postmaster: Sendable {
  let processID: Int32
  let port: Int
  let socketDirectory: String
  let listensOnTCP: Bool
  let isReady: Bool

  enum State: Sendable {
    case absent
    case alive(Postmaster)
    /// The file is left over; its process is gone, or the id belongs to another program now.
    case stale(processID: Int32?, isReused: Bool)
  }

  static func state(of folder: DataFolder) -> State {
    guard let text = folder.read(pidFile(folder)) else { return .absent }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let processID = lines.first.flatMap({ Int32($0.trimmingCharacters(in: .whitespaces)) }), processID > 1 else {
      return .stale(processID: nil, isReused: true)
    }
    guard runs(processID, in: folder.cluster) else {
      return .stale(processID: processID, isReused: kill(processID, 0) == 0 || errno == EPERM)
    }
    func line(_ index: Int) -> String {
      lines.indices.contains(index) ? lines[index].trimmingCharacters(in: .whitespaces) : ""
    }
    return .alive(
      Postmaster(
        processID: processID, port: Int(line(3)) ?? 0, socketDirectory: line(4), listensOnTCP: !line(5).isEmpty,
        isReady: line(7) == "ready"))
  }

  static func pidFile(_ folder: DataFolder) -> String { folder.cluster + "/postmaster.pid" }

  /// Whether any process works in the cluster: backends may outlive a postmaster that was killed.
  static func anyRuns(in folder: DataFolder) -> Bool {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: "/proc").contains { name in
        Int32(name).map { runs($0, in: folder.cluster) } ?? false
      }
    } catch {
      return true  // Without /proc we cannot tell.
    }
  }

  /// A server's working folder is its cluster. An id alone proves nothing, since ids are given out again; a name neither.
  private static func runs(_ processID: Int32, in cluster: String) -> Bool {
    var target = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/\(processID)/cwd", &target, target.count - 1)
    guard count > 0 else { return false }
    return String(decoding: target.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) == cluster
  }
}
