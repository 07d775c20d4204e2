/// Where and how the HTTP server listens.
package struct WebConfiguration: Sendable {
  /// A name or an address. Anything but this host needs TLS.
  package var host: String
  /// 0: any free one.
  package var port: Int
  /// PEM files, both or none.
  package var certificatePath: String?
  package var keyPath: String?
  /// Connections at once; more wait in the kernel's queue.
  package var maximumConnections: Int
  /// Seconds that a client may take to send its headers, to send its body, and to take an answer; a connection may be idle for
  /// twice as long.
  package var patience: Double
  /// Seconds that requests have to end when the server is told to stop.
  package var grace: Double
  /// Wait for notifications on a connection of its own; not behind a pooler.
  package var listens: Bool

  package init(
    host: String = "127.0.0.1", port: Int = 8440, certificatePath: String? = nil, keyPath: String? = nil,
    maximumConnections: Int = 10_000, patience: Double = 15, grace: Double = 10, listens: Bool = true
  ) {
    self.host = host
    self.port = port
    self.certificatePath = certificatePath
    self.keyPath = keyPath
    self.maximumConnections = maximumConnections
    self.patience = patience
    self.grace = grace
    self.listens = listens
  }

  package var isSecure: Bool { certificatePath != nil }

  /// Names the first setting that cannot work, and what would.
  package func validate() throws(WebError) {
    guard !host.isEmpty, host.utf8.count <= 253 else { throw .invalid("the host to listen on is empty or too long") }
    guard (0...65535).contains(port) else { throw .invalid("the port must be 0 to 65535") }
    guard (certificatePath == nil) == (keyPath == nil) else {
      throw .invalid("give both a certificate and its key, or none")
    }
    guard isSecure || ["127.0.0.1", "::1", "localhost"].contains(host) else {
      throw .invalid(
        "secrets do not travel in the clear: give --tls-certificate and --tls-key to listen on \(host), or listen on "
          + "127.0.0.1")
    }
    guard (1...1_000_000).contains(maximumConnections) else { throw .invalid("connections must be 1 to 1000000") }
    guard patience >= 1, patience <= 600 else { throw .invalid("patience must be 1 to 600 seconds") }
    guard grace >= 0, grace <= 600 else { throw .invalid("grace must be 0 to 600 seconds") }
  }
}

package struct WebError: Error, Equatable, CustomStringConvertible {
  package enum Code: String, Sendable {
    case invalidConfiguration = "invalid_configuration"
    /// The address is taken, or is not this host's.
    case cannotListen = "cannot_listen"
    case unusableCertificate = "unusable_certificate"
  }

  package let code: Code
  package let message: String

  package init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  static func invalid(_ message: String) -> WebError { WebError(code: .invalidConfiguration, message: message) }

  package var description: String { message }

  package static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}
