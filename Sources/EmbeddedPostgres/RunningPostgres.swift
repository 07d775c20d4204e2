import Foundation

/// A server that answers. It outlives this process; `EmbeddedPostgres.stop` ends it.
package struct RunningPostgres: Sendable {
  package let socketDirectory: String
  /// Of TCP where it listens, and in the socket's name.
  package let port: Int
  package let superuser: String
  package let processID: Int32
  /// What was done to get here, a sentence each.
  package let actions: [String]
  /// False: it ran before.
  package let startedHere: Bool

  /// Through the socket, as the superuser, without a password: with `.scram` the caller adds it.
  package func databaseURL(database: String) -> String {
    "postgresql://\(encode(superuser))@/\(encode(database))?host=\(encode(socketDirectory))&port=\(port)"
  }

  private func encode(_ text: String) -> String {
    let unreserved = CharacterSet(
      charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    // Nil is documented for text that is no Unicode only, which a String always is.
    return text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
  }
}
