import CLibPQ
import Glibc
import Synchronization

/// A thread that polls sockets, keeps timers, and is the serial executor of the actors that own connections: whatever
/// touches an open `PGconn` runs here, and nothing here waits, so one thread serves any number of connections.
///
/// Also a task executor: a continuation resumes on a thread of Swift's pool before the task goes on to its actor, which would
/// wake two threads for every answer of a server; with this preference it resumes here.
///
/// Sendable without the compiler's check: `inbox` is behind a lock, `thread` is atomic, the descriptors never change, and
/// `waiters`, `timers` are touched on the loop's thread only, which every entry point asserts.
final class ConnectionLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
  enum Interest {
    case readable
    case readableOrWritable
  }

  struct TimerID: Hashable, Sendable {
    fileprivate let value: UInt64
  }

  private enum Work {
    case job(UnownedJob)
    case action(@Sendable () -> Void)
  }

  private struct Inbox {
    var work: [Work] = []
    /// The thread sleeps, or is about to, and must be woken. False while it is awake: it looks again by itself.
    var isAsleep = false
  }

  /// One for the process; it never ends.
  static let shared = ConnectionLoop(named: "postgres-loop")

  /// For connections until they are open: a login by SCRAM computes for milliseconds on our side, in which the shared loop
  /// would serve nobody. As many as there are processors, up to four.
  private static let forLogins = (0..<min(4, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))).map { _ in
    ConnectionLoop(named: "postgres-login")
  }
  private static let nextLogin = Atomic<Int>(0)

  /// Those for logins take turns.
  static var forLogin: ConnectionLoop {
    forLogins[nextLogin.add(1, ordering: .relaxed).oldValue % forLogins.count]
  }

  private let inbox = Mutex(Inbox())
  private let thread = Atomic<UInt>(0)
  private let lastTimer = Atomic<UInt64>(0)
  private let poll: Int32
  private let wakeup: Int32
  private var waiters: [Int32: UnsafeContinuation<Void, Never>] = [:]
  private var timers = TimerQueue<TimerID, @Sendable () -> Void>()

  private init(named name: String) {
    poll = epoll_create1(Int32(EPOLL_CLOEXEC))
    wakeup = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    precondition(poll >= 0 && wakeup >= 0, "no file descriptors left for the connection loop: \(errno)")
    var event = epoll_event()
    event.events = EPOLLIN.rawValue
    event.data.fd = wakeup
    epoll_ctl(poll, EPOLL_CTL_ADD, wakeup, &event)
    Thread.start(named: name) { [self] in run() }
  }

  // MARK: From any thread

  func enqueue(_ job: consuming ExecutorJob) { add(.job(UnownedJob(job))) }

  func execute(_ action: @escaping @Sendable () -> Void) { add(.action(action)) }

  @discardableResult
  func schedule(after delay: Duration, _ action: @escaping @Sendable () -> Void) -> TimerID {
    let id = TimerID(value: lastTimer.add(1, ordering: .relaxed).newValue)
    let deadline = ContinuousClock.now.advanced(by: delay)
    onLoop { [self] in timers.insert(id, at: deadline, action) }
    return id
  }

  func cancel(_ timer: TimerID) {
    onLoop { [self] in timers.remove(timer) }
  }

  var isCurrent: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

  func checkIsolated() { precondition(isCurrent, "a connection was touched outside of its loop") }

  func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

  func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }

  // MARK: On the loop

  /// Suspends until the socket is ready, or `wake` is called. One waiter per socket: connections take turns.
  func wait(
    for socket: Int32, _ interest: Interest, isolation: isolated (any Actor)? = #isolation
  ) async {
    await withUnsafeContinuation { continuation in
      precondition(isCurrent)
      guard socket >= 0, arm(socket, interest) else { return continuation.resume() }
      let former = waiters.updateValue(continuation, forKey: socket)
      precondition(former == nil, "two operations wait on one connection")
    }
  }

  func wake(_ socket: Int32) {
    precondition(isCurrent)
    waiters.removeValue(forKey: socket)?.resume()
  }

  /// One shot: an idle connection the server has closed must not keep the loop awake.
  private func arm(_ socket: Int32, _ interest: Interest) -> Bool {
    var event = epoll_event()
    event.events = EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLONESHOT.rawValue
    if interest == .readableOrWritable { event.events |= EPOLLOUT.rawValue }
    event.data.fd = socket
    // libpq closes and opens sockets while it tries hosts, so whether this number is registered is the kernel's to know.
    if epoll_ctl(poll, EPOLL_CTL_MOD, socket, &event) == 0 { return true }
    return epoll_ctl(poll, EPOLL_CTL_ADD, socket, &event) == 0
  }

  private func add(_ work: Work) {
    let mustWake = inbox.withLock { inbox in
      inbox.work.append(work)
      defer { inbox.isAsleep = false }
      return inbox.isAsleep
    }
    if mustWake { eventfd_write(wakeup, 1) }
  }

  private func onLoop(_ action: @escaping @Sendable () -> Void) {
    if isCurrent { action() } else { execute(action) }
  }

  private func run() {
    thread.store(UInt(pthread_self()), ordering: .relaxed)
    var batch: [Work] = []
    var events = [epoll_event](repeating: epoll_event(), count: 256)
    while true {
      for action in timers.removeDue(at: .now) { action() }
      // What runs here leads to more of it; sockets and timers have their turn after a few rounds.
      for _ in 0..<8 {
        inbox.withLock { inbox in swap(&batch, &inbox.work) }
        if batch.isEmpty { break }
        for work in batch {
          switch work {
          case .job(let job):
            job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
          case .action(let action): action()
          }
        }
        batch.removeAll(keepingCapacity: true)
      }
      let timeout = inbox.withLock { inbox in
        inbox.isAsleep = inbox.work.isEmpty
        return inbox.isAsleep ? timers.milliseconds(from: .now) : 0
      }
      let count = epoll_wait(poll, &events, Int32(events.count), timeout)
      inbox.withLock { $0.isAsleep = false }
      for event in events.prefix(Int(max(count, 0))) {
        if event.data.fd == wakeup {
          var value: eventfd_t = 0
          eventfd_read(wakeup, &value)
        } else {
          wake(event.data.fd)
        }
      }
    }
  }
}
