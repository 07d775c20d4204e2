import APIModel
import Hummingbird
import Lifecycle

/// `GET /health/live`: the process answers. `GET /health/ready`: send it requests.
struct HealthRoutes: Sendable {
  let lifecycle: CredentialLifecycle
  let isStopping: @Sendable () -> Bool
  let waiting: @Sendable () -> Int

  func add(to router: Router<WebContext>) {
    router.get("/health/live") { _, _ in
      JSONBody.response(HealthResponse(status: "ok", checks: [:]))
    }
    router.get("/health/ready") { _, _ in await ready() }
  }

  private func ready() async -> Response {
    var checks: [String: String] = [:]
    var problem: String?
    if isStopping() {
      checks["server"] = "draining"
      problem = "draining"
    }
    do {
      checks["database"] = try await lifecycle.answers() ? "ok" : "no answer"
    } catch {
      checks["database"] = "unavailable"
      problem = problem ?? "database_unavailable"
    }
    checks["waiting"] = "\(waiting())"
    // Reading goes on; whoever watches should know.
    checks["incarnation"] = await lifecycle.incarnation.doubt().map { "observe_only: \($0.rawValue)" } ?? "ok"
    return JSONBody.response(
      HealthResponse(status: problem ?? "ok", checks: checks), status: problem == nil ? .ok : .serviceUnavailable)
  }
}
