import Foundation
package import Jobs
import Lifecycle

/// The worker and its maintenance, ended in the right order by SIGTERM or SIGINT. The pool's upkeep is the caller's: it ends
/// the client.
package struct WorkerService: Sendable {
  package let worker: Worker
  let maintenance: Maintenance
  let incarnation: IncarnationKeeper
  /// Nil: another process seals.
  let evidence: EvidenceService?

  /// Returns when the worker has stopped: at the first signal it drains, at the second it gives back at once.
  package func run() async {
    await withTaskGroup(of: Void.self) { services in
      services.addTask { await maintenance.run() }
      services.addTask { await incarnation.run() }
      if let evidence { services.addTask { await evidence.run() } }
      services.addTask {
        for await _ in StopSignals.stream() { worker.stop() }
      }
      await worker.run()
      services.cancelAll()
    }
  }
}

/// SIGTERM and SIGINT as a stream, or other signals.
package enum StopSignals {
  package static func stream(of signals: [Int32] = [SIGTERM, SIGINT]) -> AsyncStream<Int32> {
    AsyncStream { continuation in
      // Sources are kept by the handler that ends them.
      let sources = signals.map { number in
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler { continuation.yield(number) }
        source.resume()
        return UncheckedSource(source)
      }
      continuation.onTermination = { _ in
        for source in sources { source.value.cancel() }
      }
    }
  }

  /// Dispatch sources may be cancelled from any thread (dispatch_source_cancel); nothing else is called on them here.
  private struct UncheckedSource: @unchecked Sendable {
    let value: any DispatchSourceSignal
    init(_ value: any DispatchSourceSignal) { self.value = value }
  }
}
