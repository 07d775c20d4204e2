import CLibPQ
import Glibc

/// A detached thread of the operating system, for work that has to stay off Swift's cooperative pool.
enum Thread {
  private final class Body {
    let name: String
    let run: @Sendable () -> Void

    init(_ name: String, _ run: @escaping @Sendable () -> Void) {
      self.name = name
      self.run = run
    }
  }

  /// `name` is cut to 15 bytes by the kernel.
  static func start(named name: String, _ run: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(Body(name, run)).toOpaque()
    let failure = pthread_create(
      &thread, nil,
      { argument in
        let body = Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue()
        keyturn_name_current_thread(body.name)
        body.run()
        return nil
      }, argument)
    precondition(failure == 0, "the system gave no thread: \(failure)")
    pthread_detach(thread)
  }
}
