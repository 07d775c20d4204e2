import Foundation
import Governance
import Jobs
import Postgres
import Vault

/// Tells one consumer of its new versions by webhook, in order, each at least once: the message's id stays the same, so that
/// the receiver can tell repetitions. What is refused is retried with back-off for 72 hours.
struct DeliveryRunner: JobHandler {
  let lifecycle: CredentialLifecycle
  let writer: StepWriter

  private var client: PostgresClient { lifecycle.client }

  func handle(_ job: ClaimedJob, term: LeaseTerm) async -> JobOutcome {
    do {
      return try await deliver(to: ConsumerID(job.subject.rawValue), job.lease, term)
    } catch let error as JobsError where error.code == .leaseLost {
      return .abandon
    } catch let error as JobsError where error.code == .guardFailed && error.statement == TryDelivery.name {
      return .snooze(seconds: 3, reason: ReasonCode.observeOnly.rawValue)
    } catch {
      lifecycle.logger.warning("delivery interrupted", metadata: ["error": "\(error)"])
      return .retry(JobFailure(code: "internal"))
    }
  }

  private func deliver(to consumer: ConsumerID, _ lease: Lease, _ term: LeaseTerm) async throws -> JobOutcome {
    guard let webhook = try await client.queryFirst(FindWebhook(consumer: consumer)) else {
      try await client.execute(ExpireDeliveries(consumer: consumer))
      return .discard(reason: "the consumer has no webhook any more")
    }
    guard let sender = lifecycle.webhooks else {
      return .snooze(seconds: 30, reason: "this worker sends no webhooks")
    }
    let secret = try await lifecycle.vault.open(
      Envelope(bytes: webhook.envelope), context: .webhook(of: consumer))
    while true {
      let open = try await client.query(FindOpenDeliveries(consumer: consumer))
      guard !open.isEmpty else { return .done }
      for delivery in open {
        if Task.isCancelled || term.isLost { return .retry(JobFailure(code: "stopped")) }
        try await write(lease, TryDelivery(id: delivery.id, incarnation: await lifecycle.incarnation.claim()))
        let message = SignedWebhook(
          id: "msg_" + delivery.id.uuidString.lowercased(), url: webhook.url,
          body: Self.body(webhook, version: delivery.version), secret: secret, at: delivery.now)
        let outcome = await sender.send(message)
        if outcome.isDelivered {
          try await write(lease, SettleDelivery(id: delivery.id, state: "delivered", outcome: outcome.word))
          continue
        }
        guard delivery.isOld || outcome.isGone else {
          try await write(lease, SettleDelivery(id: delivery.id, state: "open", outcome: outcome.word))
          return .retry(JobFailure(code: "webhook \(outcome.word)"))
        }
        try await giveUp(delivery, outcome, of: consumer, webhook, lease)
      }
    }
  }

  private func giveUp(
    _ delivery: FindOpenDeliveries.Row, _ outcome: WebhookOutcome, of consumer: ConsumerID,
    _ webhook: FindWebhook.Row, _ lease: Lease
  ) async throws {
    var step = Step(lease)
    step.add(SettleDelivery(id: delivery.id, state: "expired", outcome: outcome.word))
    step.add(
      batched: RaiseAlarm(
        kind: "delivery_expired", subject: consumer.rawValue,
        detail: "\(webhook.identity): version \(delivery.version) could not be told by webhook (\(outcome.word))"))
    try await writer.commit(step)
  }

  private func write(_ lease: Lease, _ statement: some Statement) async throws {
    var step = Step(lease)
    step.add(statement)
    try await writer.commit(step)
  }

  /// Keys sorted; no secret.
  static func body(_ webhook: FindWebhook.Row, version: Int32) -> [UInt8] {
    let names = JSONText(encoding: ["credential": webhook.identity, "target": webhook.target]).text
    return Array((#"{"type":"version.published","version":\#(version),"# + names.dropFirst()).utf8)
  }
}

extension CredentialLifecycle {
  /// Makes jobs for what must be told: the deliveries are the truth, so a lost job loses nothing.
  func deliveryDuty(period: Double) -> MaintenanceDuty {
    MaintenanceDuty(name: "tell-consumers", period: period) { transaction in
      let consumers = try await transaction.query(FindUntoldConsumers())
      guard !consumers.isEmpty else { return "nothing to tell" }
      try await queue.enqueue(
        consumers.map {
          JobQueue.Order(
            kind: LifecycleJobs.notify, subject: SubjectID($0.rawValue), group: LimitGroupID($0.rawValue),
            lane: .operator, fence: 0)
        }, in: transaction)
      return "told \(consumers.count)"
    }
  }

  var consumerUpkeepDuty: MaintenanceDuty {
    MaintenanceDuty(name: "consumer-records", period: 3600) { transaction in
      "removed \(try await transaction.execute(TrimConsumerRecords())) records"
    }
  }
}
