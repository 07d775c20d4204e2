import Foundation

/// Every setting of a process that is not a command's own argument.
package struct DaemonConfiguration: Sendable {
  /// `postgresql://…`; nil: the embedded cluster in the data folder. May hold a password: never printed.
  package var databaseURL: String?
  /// Holds the embedded cluster and the key file.
  package var dataDirectory: String
  /// Nil: `vault.keys` in the data folder.
  package var keyFile: String?
  /// What this host remembers of the database; nil: beside the key file, with `.incarnation` after its name.
  package var incarnationFile: String?
  /// Nil: `evidence.key` in the data folder.
  package var evidenceKeyFile: String?
  /// Where the evidence log is published: a folder or `s3://bucket/prefix`. Nil: `evidence` in the data folder.
  package var evidenceStore: String?
  /// `verifier key@URL` of each witness.
  package var evidenceWitnesses: [String] = []
  /// Of an authority that stamps checkpoints (RFC 3161 over HTTP), once an hour. Nil: none does.
  package var evidenceTimestampURL: String?
  /// The name of a log that is made. Nil: one with random digits.
  package var evidenceOrigin: String?
  /// 1…1000.
  package var maximumConnections: Int

  package init(
    databaseURL: String? = nil, dataDirectory: String, keyFile: String? = nil, incarnationFile: String? = nil,
    maximumConnections: Int = 8
  ) {
    self.databaseURL = databaseURL
    self.dataDirectory = dataDirectory
    self.keyFile = keyFile
    self.incarnationFile = incarnationFile
    self.maximumConnections = maximumConnections
  }

  package var evidence: EvidenceService.Configuration {
    .init(
      keyFile: evidenceKeyFile ?? dataDirectory + "/evidence.key", store: evidenceStore ?? dataDirectory + "/evidence",
      witnesses: evidenceWitnesses, timestampURL: evidenceTimestampURL, origin: evidenceOrigin)
  }

  package var keyFilePath: String { keyFile ?? dataDirectory + "/vault.keys" }
  package var incarnationFilePath: String { incarnationFile ?? keyFilePath + ".incarnation" }

  /// `/var/lib/keyturn` for root, otherwise `~/.local/share/keyturn`.
  package static var defaultDataDirectory: String {
    getuid() == 0 ? "/var/lib/keyturn" : NSHomeDirectory() + "/.local/share/keyturn"
  }
}
