import Foundation
import Logging
import NIOCore
import NIOSSL
import Synchronization

/// The certificate that new connections are shown. Read anew when told to, and when its files have changed; one that cannot be
/// used is not taken, and the one before stays.
final class ServerCertificate: Sendable {
  private struct Pair {
    let chain: [NIOSSLCertificateSource]
    let key: NIOSSLPrivateKeySource
  }

  private struct State {
    var current: Pair
    /// Of the files as they were last tried.
    var stamp: Stamp
  }

  /// By which a file that was replaced or written is told from what it was.
  private struct Stamp: Equatable {
    let files: [[Int64]]

    init(_ paths: [String]) {
      files = paths.map { path in
        var status = stat()
        guard stat(path, &status) == 0 else { return [] }
        return [
          Int64(status.st_dev), Int64(status.st_ino), Int64(status.st_size), Int64(status.st_mtim.tv_sec),
          Int64(status.st_mtim.tv_nsec),
        ]
      }
    }
  }

  enum Cause: String, Sendable {
    case told
    case changed
  }

  private let certificatePath: String
  private let keyPath: String
  private let logger: Logger
  private let state: Mutex<State>

  /// Throws `.unusableCertificate` naming both files.
  init(certificatePath: String, keyPath: String, logger: Logger) throws(WebError) {
    self.certificatePath = certificatePath
    self.keyPath = keyPath
    self.logger = logger
    let stamp = Stamp([certificatePath, keyPath])
    state = Mutex(State(current: try Self.read(certificatePath, keyPath), stamp: stamp))
  }

  /// For a server that asks at each handshake.
  var configuration: TLSConfiguration {
    let current = state.withLock { $0.current }
    var tls = TLSConfiguration.makeServerConfiguration(
      certificateChain: current.chain, privateKey: current.key)
    tls.minimumTLSVersion = .tlsv12
    tls.sslContextCallback = { [self] _, promise in
      let current = state.withLock { $0.current }
      var shown = NIOSSLContextConfigurationOverride()
      (shown.certificateChain, shown.privateKey) = (current.chain, current.key)
      promise.succeed(shown)
    }
    return tls
  }

  /// Reads the files again. False: what they hold cannot be used, and was not taken.
  @discardableResult
  func reload(_ cause: Cause) -> Bool {
    // Before they are read: what is written meanwhile is tried again.
    let stamp = Stamp([certificatePath, keyPath])
    do {
      let read = try Self.read(certificatePath, keyPath)
      state.withLock { $0 = State(current: read, stamp: stamp) }
      logger.info(
        "certificate read again", metadata: ["file": "\(certificatePath)", "cause": "\(cause.rawValue)"])
      return true
    } catch {
      state.withLock { $0.stamp = stamp }
      logger.error(
        "new certificate not taken, the one before stays",
        metadata: ["error": "\(error)", "cause": "\(cause.rawValue)"])
      return false
    }
  }

  func reloadIfChanged() {
    let stamp = Stamp([certificatePath, keyPath])
    if state.withLock({ $0.stamp != stamp }) { reload(.changed) }
  }

  /// Looks at the files every five seconds, until cancelled.
  func watch() async throws {
    while true {
      try await Task.sleep(for: .seconds(5))
      reloadIfChanged()
    }
  }

  private static func read(_ certificatePath: String, _ keyPath: String) throws(WebError) -> Pair {
    do {
      let chain = try NIOSSLCertificate.fromPEMFile(certificatePath).map { NIOSSLCertificateSource.certificate($0) }
      let key = NIOSSLPrivateKeySource.privateKey(try NIOSSLPrivateKey(file: keyPath, format: .pem))
      // Refused here, by its name, and not when the first client comes.
      _ = try NIOSSLContext(configuration: .makeServerConfiguration(certificateChain: chain, privateKey: key))
      return Pair(chain: chain, key: key)
    } catch {
      throw WebError(
        code: .unusableCertificate,
        message:
          "the certificate \(certificatePath) or its key \(keyPath) cannot be used; both must be PEM files that this "
          + "user may read, and belong together")
    }
  }
}
