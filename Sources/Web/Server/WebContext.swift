import HTTPTypes
import Hummingbird
import NIOCore

/// What a request carries besides itself: where it comes from.
struct WebContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  /// The address without the port; empty when there is none.
  let remote: String

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    remote = source.channel.remoteAddress?.ipAddress ?? ""
  }
}
