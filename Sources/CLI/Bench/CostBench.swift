/// What each of the queue's guarantees costs: the same jobs moved by plain SQL with one guarantee more at a time, and then
/// by workers.
struct CostBench {
  let server: BenchServer
  let jobs: Int

  struct Result {
    let plain: Throughput
    let fenced: Throughput
    let archived: Throughput
    let workers: Throughput
  }

  func run(_ label: String) async throws -> Result {
    Result(
      plain: try await plain(.delete), fenced: try await plain(.deleteIfFenced),
      archived: try await plain(.archiveIfFenced),
      workers: try await DrainBench(server: server, jobs: jobs, workers: 2, groups: 100, concurrency: 2000).run(label))
  }

  private func plain(_ finish: LimitBench.Finish) async throws -> Throughput {
    try await LimitBench(server: server, jobs: jobs, connections: 2, batch: 500, finish: finish).run()
  }
}
