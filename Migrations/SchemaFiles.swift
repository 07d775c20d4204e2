import Crypto

/// The SQL files of this folder, in order, each with its checksum.
///
/// A new file is `NNNN_words.sql`, begins with `-- breaking: yes|no` and `-- reason: …`, and gets a line in `files`. A file
/// is frozen once a release has it: its checksum is stored in every database.
package enum SchemaFiles {
  package struct File: Sendable {
    package let version: Int32
    package let name: String
    package let sql: String
    /// A binary that does not know it must not run on a schema that has it.
    package let isBreaking: Bool
    package let reason: String
    /// SHA-256, lower-case hexadecimal.
    package let checksum: String

    init(_ name: String, _ bytes: [UInt8]) {
      self.name = name
      version = Int32(name.prefix(4)) ?? 0
      sql = String(decoding: bytes, as: UTF8.self)
      let lines = sql.split(separator: "\n", maxSplits: 2, omittingEmptySubsequences: false)
      isBreaking = lines.first == "-- breaking: yes"
      reason = lines.dropFirst().first.map { String($0.dropFirst("-- reason: ".count)) } ?? ""
      checksum = SHA256.hash(data: bytes).map { byte in
        let digits = String(byte, radix: 16)
        return digits.count == 1 ? "0" + digits : digits
      }.joined()
    }
  }

  package static let files: [File] = [
    File("0001_roles_and_schemas", PackageResources._001_roles_and_schemas_sql),
    File("0002_jobs", PackageResources._002_jobs_sql),
    File("0003_governance", PackageResources._003_governance_sql),
    File("0004_lifecycle", PackageResources._004_lifecycle_sql),
    File("0005_views", PackageResources._005_views_sql),
    File("0006_queue", PackageResources._006_queue_sql),
    File("0007_saga", PackageResources._007_saga_sql),
    File("0008_side_states", PackageResources._008_side_states_sql),
    File("0009_targets", PackageResources._009_targets_sql),
    File("0010_contain", PackageResources._010_contain_sql),
    File("0011_evidence", PackageResources._011_evidence_sql),
    File("0012_governance_facts", PackageResources._012_governance_facts_sql),
    File("0013_recheck_and_provisioning", PackageResources._013_recheck_and_provisioning_sql),
    File("0015_provisioning_clients", PackageResources._015_provisioning_clients_sql),
    File("0016_complete_evidence", PackageResources._016_complete_evidence_sql),
    File("0017_governance_joints", PackageResources._017_governance_joints_sql),
    File("0018_evidence_by_statement", PackageResources._018_evidence_by_statement_sql),
    File("0019_waivers", PackageResources._019_waivers_sql),
    File("0020_rotation_commits", PackageResources._020_rotation_commits_sql),
    File("0021_retention_and_repair", PackageResources._021_retention_and_repair_sql),
    File("0022_permits_look_up_less", PackageResources._022_permits_look_up_less_sql),
  ]

  /// The version the binary needs.
  package static var requiredVersion: Int32 { files.last?.version ?? 0 }
}
