import Foundation
import Logging
import Postgres
import Secrets
import Targets
import TestSupport
import Testing

/// What the driver reports, and what the target then holds, when the connection between them breaks.
@Suite(.timeLimit(.minutes(2))) struct FaultProxyTests {
  @Test func aCommitWithoutItsAnswerIsUnknownAndHasHappened() async throws {
    try await withProxy { target, proxy in
      proxy.choose { $0 == 1 ? .dropCommitAnswer : .none }
      #expect(await isUnknown { try await target.set(target.a, "first") })
      #expect(proxy.injected == [.dropCommitAnswer])
      // Asked past the proxy: the target has done it, and the same change once more is harmless.
      #expect(await direct(target, "first") == .accepted(identity: target.identity.name, sessionUser: target.a))
      let again = try await target.set(target.a, "first")
      #expect(again == .done)
      #expect(await direct(target, "first") == .accepted(identity: target.identity.name, sessionUser: target.a))
    }
  }

  @Test(arguments: 1...12) func aConnectionThatIsCutLeavesAllOrNothing(request: Int) async throws {
    for fault in [
      ConnectionFault.cutBefore(request: request), .cutDuring(request: request), .cutAfter(request: request),
    ] {
      try await withProxy { target, proxy in
        proxy.choose { $0 == 1 ? fault : .none }
        _ = try? await target.set(target.a, "first")
        let roles = try await target.server.texts(
          "SELECT rolname::text FROM pg_roles WHERE starts_with(rolname, \(literal: target.identity.name)) ORDER BY 1")
        #expect(roles == [] || roles == [target.identity.name, target.a], "\(fault)")
        proxy.choose { _ in .none }
        // A pooled connection that still waits for its fault may be the next to break, once.
        if await isUnknown({ try await target.set(target.a, "first") }) {
          #expect(try await target.set(target.a, "first") == .done, "\(fault)")
        }
        #expect(await direct(target, "first") == .accepted(identity: target.identity.name, sessionUser: target.a))
      }
    }
  }

  @Test func aTargetThatHangsOrResetsCannotTell() async throws {
    try await withProxy { target, proxy in
      for fault in [ConnectionFault.hang, .reset] {
        proxy.choose { _ in fault }
        let result = await target.driver.authenticate(
          login: target.a, secret: SecretBytes("any"), deadline: .now + .seconds(2))
        guard case .cannotTell = result else {
          Issue.record("\(fault) was taken for \(result)")
          continue
        }
        #expect(proxy.injected.contains(fault))
      }
    }
  }

  private func withProxy(_ body: (TargetFixture, FaultProxy) async throws -> Void) async throws {
    let server = try await TestServer.shared()
    let proxy = try FaultProxy(target: server.port)
    defer { proxy.stop() }
    let target = TargetFixture(
      server: server, driver: try TargetFixture.makeDriver(server, overriding: ["port": "\(proxy.port)"]),
      identity: TargetIdentity(name: "id_" + UUID().uuidString.prefix(8).lowercased(), mode: .alternating),
      mark: UUID().uuidString)
    try await body(target, proxy)
    await target.driver.close()
  }

  /// A login past the proxy.
  private func direct(_ target: TargetFixture, _ secret: String) async -> ProbeResult {
    do {
      let driver = try TargetFixture.makeDriver(target.server)
      let result = await driver.authenticate(
        login: target.a, secret: SecretBytes(secret), deadline: TargetFixture.deadline)
      await driver.close()
      return result
    } catch {
      return .cannotTell(cause: "\(error)")
    }
  }

  /// An error that is thrown means unknown, too.
  private func isUnknown(_ change: () async throws -> EffectOutcome) async -> Bool {
    guard let outcome = try? await change() else { return true }
    guard case .unknown = outcome else { return false }
    return true
  }
}
