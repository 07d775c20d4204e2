import Foundation
import Postgres

/// What goes into one commit.
struct WriteBatch {
  var steps: [StepWriter.PendingStep] = []
  var settlements: [StepWriter.PendingSettlement] = []

  var count: Int { steps.count + settlements.count }
  var isEmpty: Bool { count == 0 }

  var halves: (WriteBatch, WriteBatch) {
    let (steps, settlements) = (steps.count / 2, settlements.count / 2)
    // With one of each, the halves are the step and the settlement.
    let cut = count == 2 && self.steps.count == 1 ? 1 : steps
    return (
      WriteBatch(steps: Array(self.steps[..<cut]), settlements: Array(self.settlements[..<settlements])),
      WriteBatch(steps: Array(self.steps[cut...]), settlements: Array(self.settlements[settlements...]))
    )
  }
}

/// Steps whose guard failed, by number. Thrown so that the transaction is rolled back.
struct StepsFailed: Error {
  var errors: [Int: JobsError] = [:]
}

struct WriteAnswers {
  /// For each settlement.
  var written: [Bool]
}

/// The statements for a batch, and what their results mean: pure.
///
/// First the groups, then the leases of all steps, then the steps' entries in waves: the first entry of every step, the
/// second, and so on, the same statements of a wave together. Rows are in the order of their subjects, so that two
/// processes lock in the same order.
struct WritePlan {
  private enum Meaning {
    case nothing
    /// Element i belongs to step `steps[i]`.
    case guards([Int], JobsError)
    case single(Int, Step.Expectation, String)
    /// Element i belongs to settlement `settlements[i]`.
    case settlements([Int])
  }

  private(set) var statements: [AnyStatement] = []
  private var meanings: [Meaning] = []
  private let settlementCount: Int

  init(_ batch: WriteBatch) {
    settlementCount = batch.settlements.count
    add(AnyStatement(PreferKeys()), .nothing)
    let settlements = batch.settlements.indices.sorted {
      batch.settlements[$0].settlement.lease.subject < batch.settlements[$1].settlement.lease.subject
    }
    addVerdicts(settlements.compactMap { batch.settlements[$0].settlement.groupVerdict })
    addSteps(batch.steps.map(\.step))
    addSettlements(batch.settlements, settlements)
  }

  private mutating func add(_ statement: AnyStatement, _ meaning: Meaning) {
    statements.append(statement)
    meanings.append(meaning)
  }

  /// One per group and batch: a failure outweighs a success.
  private mutating func addVerdicts(_ verdicts: [(group: LimitGroupID, failed: Bool)]) {
    guard !verdicts.isEmpty else { return }
    var failed: [LimitGroupID: Bool] = [:]
    for verdict in verdicts { failed[verdict.group, default: false] = failed[verdict.group] == true || verdict.failed }
    let rows = failed.map { JudgeGroups(group: $0.key, failed: $0.value) }
      .sorted { $0.group.rawValue.isBefore($1.group.rawValue) }
    add(AnyStatement(Batched(rows: rows)), .nothing)
  }

  private mutating func addSteps(_ steps: [Step]) {
    guard !steps.isEmpty else { return }
    let order = steps.indices.sorted { steps[$0].lease.subject < steps[$1].lease.subject }
    add(
      AnyStatement(Batched(rows: order.map { HoldLeases(lease: steps[$0].lease) })),
      .guards(order, JobsError(code: .leaseLost, message: "the job's lease is no longer held by this worker")))
    for wave in 0..<(steps.map(\.entries.count).max() ?? 0) {
      var batches: [(type: any BatchStatement.Type, rows: [any BatchStatement], steps: [Int])] = []
      var places: [ObjectIdentifier: Int] = [:]
      for index in order where steps[index].entries.count > wave {
        switch steps[index].entries[wave] {
        case .single(let statement, let expectation):
          add(statement, .single(index, expectation, statement.name))
        case .batch(let row):
          let type = type(of: row)
          let place = places[ObjectIdentifier(type)] ?? batches.count
          if place == batches.count {
            places[ObjectIdentifier(type)] = place
            batches.append((type, [], []))
          }
          batches[place].rows.append(row)
          batches[place].steps.append(index)
        }
      }
      for batch in batches {
        add(
          batch.type.batch(batch.rows),
          .guards(
            batch.steps,
            JobsError(code: .guardFailed, message: "changed nothing", statement: batch.type.name)))
      }
    }
  }

  private mutating func addSettlements(_ pending: [StepWriter.PendingSettlement], _ order: [Int]) {
    var archives: [Int] = []
    var moved: [Int] = []
    var givenBack: [Int] = []
    for index in order {
      switch pending[index].settlement.kind {
      case .archive:
        if pending[index].isMoved || pending[index].settlement.location == nil {
          moved.append(index)
        } else {
          archives.append(index)
        }
      case .giveBack: givenBack.append(index)
      }
    }
    if !archives.isEmpty {
      add(
        AnyStatement(Batched(rows: archives.map { ArchiveJobs(settlement: pending[$0].settlement) })),
        .settlements(archives))
    }
    if !moved.isEmpty {
      add(
        AnyStatement(Batched(rows: moved.map { ArchiveMovedJobs(settlement: pending[$0].settlement) })),
        .settlements(moved))
    }
    let followed = moved.map {
      GiveBackJobs(lease: pending[$0].settlement.lease, giveBack: GiveBack(always: false))
    }
    let given = givenBack.compactMap { index -> GiveBackJobs? in
      guard case .giveBack(let giveBack) = pending[index].settlement.kind else { return nil }
      return GiveBackJobs(lease: pending[index].settlement.lease, giveBack: giveBack)
    }
    if !(followed + given).isEmpty {
      add(AnyStatement(Batched(rows: followed + given)), .settlements(moved + givenBack))
    }
  }

  /// Throws `StepsFailed` when a guard failed.
  func answers(_ results: [PipelineResult]) throws -> WriteAnswers {
    var answers = WriteAnswers(written: [Bool](repeating: false, count: settlementCount))
    var failed = StepsFailed()
    for (result, meaning) in zip(results, meanings) {
      switch meaning {
      case .nothing: break
      case .single(let step, let expectation, let name):
        if case .exactly(let wanted) = expectation, result.affectedRows != wanted, failed.errors[step] == nil {
          failed.errors[step] = JobsError(
            code: .guardFailed, message: "changed \(result.affectedRows) rows instead of \(wanted)", statement: name)
        }
      case .guards(let steps, let error):
        let numbers = try result.rows(of: BatchNumbers.self).first ?? []
        guard numbers.count != steps.count else { continue }
        let held = Set(numbers)
        for (place, step) in steps.enumerated() where !held.contains(place + 1) && failed.errors[step] == nil {
          failed.errors[step] = error
        }
      case .settlements(let settlements):
        for number in try result.rows(of: BatchNumbers.self).first ?? [] {
          answers.written[settlements[number - 1]] = true
        }
      }
    }
    if !failed.errors.isEmpty { throw failed }
    return answers
  }
}

extension SubjectID: Comparable {
  package static func < (left: SubjectID, right: SubjectID) -> Bool { left.rawValue.isBefore(right.rawValue) }
}

extension UUID {
  /// By bytes, as the database orders.
  func isBefore(_ other: UUID) -> Bool {
    func halves(_ id: UUID) -> (UInt64, UInt64) {
      withUnsafeBytes(of: id.uuid) { bytes in
        (
          UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
          UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        )
      }
    }
    return halves(self) < halves(other)
  }
}
