import DequeModule
import Glibc
import Synchronization

/// A few threads for the libpq calls that block: looking up names (`getaddrinfo`) and `PQcancel`, which opens a
/// connection of its own and waits for it.
final class BlockingThreads: Sendable {
  private struct State {
    var work: Deque<@Sendable () -> Void> = []
    var threads = 0
    var idle = 0
  }

  static let shared = BlockingThreads(maximum: 4)

  private let maximum: Int
  private let state = Mutex(State())
  private let signal: Semaphore

  init(maximum: Int) {
    self.maximum = maximum
    signal = Semaphore()
  }

  func execute(_ work: @escaping @Sendable () -> Void) {
    let startsThread = state.withLock { state in
      state.work.append(work)
      guard state.idle < state.work.count, state.threads < maximum else { return false }
      state.threads += 1
      state.idle += 1
      return true
    }
    if startsThread { Thread.start(named: "postgres-block") { [self] in run() } }
    signal.signal()
  }

  private func run() -> Never {
    while true {
      signal.wait()
      let work = state.withLock { state in
        state.idle -= 1
        return state.work.popFirst()
      }
      work?()
      state.withLock { $0.idle += 1 }
    }
  }
}

/// Sendable without the compiler's check: a POSIX semaphore is made for use by several threads, and its storage neither
/// moves nor goes away before `deinit`.
private final class Semaphore: @unchecked Sendable {
  private let storage = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  init() { sem_init(storage, 0, 0) }

  deinit {
    sem_destroy(storage)
    storage.deallocate()
  }

  func signal() { sem_post(storage) }

  func wait() {
    while sem_wait(storage) != 0 {}
  }
}
