/// How the connection is protected; the modes and their meaning are libpq's `sslmode`.
package struct TLSOptions: Hashable, Sendable {
  package enum Mode: String, Sendable {
    case disable
    /// Encrypts if the server can. Protects from nobody who can alter traffic.
    case prefer
    /// Encrypts, without knowing to whom; with a root certificate libpq checks it as `verifyCA` does.
    case require
    case verifyCA = "verify-ca"
    /// The certificate must be signed by the root and name the host.
    case verifyFull = "verify-full"
  }

  package var mode: Mode
  /// PEM. nil: libpq's default, `~/.postgresql/root.crt`.
  package var rootCertificatePath: String?
  package var clientCertificatePath: String?
  /// Must not be readable by others, or libpq refuses it.
  package var clientKeyPath: String?

  package init(
    mode: Mode = .prefer, rootCertificatePath: String? = nil, clientCertificatePath: String? = nil,
    clientKeyPath: String? = nil
  ) {
    self.mode = mode
    self.rootCertificatePath = rootCertificatePath
    self.clientCertificatePath = clientCertificatePath
    self.clientKeyPath = clientKeyPath
  }
}
