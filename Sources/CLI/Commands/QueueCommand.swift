import ArgumentParser
import Foundation

struct QueueCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "queue", abstract: "What the queue did lately, and what operators did to it. Changes nothing.",
    subcommands: [Show.self, Actions.self], defaultSubcommand: Show.self)

  struct Show: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Work per minute and kind, workers, and how much may run on each target.",
      discussion: "Read from what workers report every few seconds; costs the queue nothing. Times in seconds.")
    @Option(help: "How far back, 1 to 1440.") var minutes = 10
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard (1...1440).contains(minutes) else { throw ValidationError("--minutes must be 1 to 1440") }
    }

    func run(_ session: Session) async throws {
      let minutes = try await session.client.query(ListQueueMinutes(minutes: Int32(minutes)))
      let workers = try await session.client.query(SumLiveWorkers()).first
      let targets = try await session.client.query(ListTargets())
      session.output.report(
        [("workers_alive", "\(workers?.count ?? 0)"), ("in_flight", "\(workers?.inFlight ?? 0)")],
        [
          Output.Table(
            name: "minutes",
            headings: [
              "minute", "kind", "claimed", "done", "failed", "snoozed", "blocked", "quarantined", "lost", "waited_mean",
              "waited_most", "ran_mean", "ran_most",
            ], rows: minutes, empty: "No job ran in the last \(self.minutes) minutes."),
          Output.Table(
            name: "targets", headings: ["target"] + ListTargets.stateHeadings,
            rows: targets.map { [$0.name] + $0.state }, empty: "No target yet."),
        ])
    }
  }

  struct Actions: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "What operators did, newest first.")
    @Option(help: "At most this many, 1 to 10000.") var limit = 100
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard (1...10_000).contains(limit) else { throw ValidationError("--limit must be 1 to 10000") }
    }

    func run(_ session: Session) async throws {
      let actions = try await session.client.query(ListOperatorActions(limit: Int64(limit)))
      session.output.table(
        ["at", "actor", "action", "target", "identity", "jobs", "detail", "reason"], actions,
        empty: "No operator has changed anything.")
    }
  }
}
