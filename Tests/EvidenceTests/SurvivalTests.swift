import AuditPackage
import Evidence
import Foundation
import Governance
import MerkleLog
import Postgres
import TestSupport
import Testing

@testable import CLI

/// What is deleted elsewhere takes nothing from the evidence.
@Suite struct SurvivalTests {
  @Test func jobsArchivesTicketsAndPeopleMayGo() async throws {
    let world = try await EvidenceWorld.make()
    try await world.addIdentity("svc")
    // A ticket of the helpdesk, bound to the request and noted on.
    let request = try await world.submit([.issue, .rotate], "svc")
    try await world.owner(
      """
      INSERT INTO governance.ticket (id, kind, helpdesk, remote_id, remote_version, identity_id, request_id, request_revision,
        request_digest, subject, body)
      SELECT '00000000-0000-4000-8000-0000000000aa', 'request', 'rt', '4711', '1', r.identity_id, r.id, r.revision, r.digest,
        'Access for order intake', 'please' FROM governance.request AS r WHERE r.id = '\(request.id)';
      INSERT INTO governance.ticket_note (ticket_id, code, author, words)
      VALUES ('00000000-0000-4000-8000-0000000000aa', 'path', 'keyturn', 'bob approves');
      UPDATE governance.ticket SET remote_version = '2', contained_at = now() WHERE remote_id = '4711';
      """)
    _ = try await world.composition.lifecycle.decide(request.id, approve: true, by: "bob", sawDigest: request.digest)
    try await world.work()
    try await world.rotate(["svc"])
    try await world.work()
    try await world.approve([.revoke], "svc")
    try await world.work()
    try await world.seal()
    let cases = try await world.reader.opened(from: .distantPast, until: .distantFuture).map(\.caseID)
    let before = try await PackageBuilder(reader: world.reader).build(cases)

    // Jobs purged, the archive's partitions dropped, counts gone; the helpdesk forgot the ticket and its queue, and whoever
    // cleans up here followed.
    try await world.owner(
      """
      TRUNCATE jobs.job, jobs.statistic;
      DO $$
      DECLARE
        part regclass;
      BEGIN
        FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'jobs.job_archive'::regclass LOOP
          EXECUTE format('DROP TABLE %s', part);
        END LOOP;
      END
      $$;
      ALTER TABLE governance.ticket_note DISABLE TRIGGER ALL;
      DELETE FROM governance.ticket_note;
      DELETE FROM governance.ticket;
      """)
    try await world.seal()
    let content = try await PackageBuilder(reader: world.reader).build(cases)
    let report = try PackageVerifier(keys: [world.signer.key]).verify(Data(try content.encoded()))
    #expect(report.deviations == [])
    for (old, new) in zip(before.cases, content.cases) { #expect(new.leaves.starts(with: old.leaves)) }
    let path = world.folder + "/package.zip"
    try Data(try content.encoded()).write(to: URL(fileURLWithPath: path))
    for ended in [
      try await Program.verify([path, "--key", world.signer.key.vkey]),
      try await Program.secondVerifier([path, "--key", world.signer.key.vkey]),
    ] { #expect(ended.code == 0, "\(ended.output)\(ended.errors)") }

    // The summary tells all of it, in words: what was asked, what the ticket said, who decided, what was proven.
    let page = content.summary
    for words in [
      "Access for order intake", "bob approves", "ticket request: open", "rules at approval: allow",
      "approve by", "proof residue: passed", "proof old_refused: passed", "→ done", "deleted here",
    ] {
      #expect(page.contains(words), "\(words)")
    }
    #expect(!page.contains("{\"") && !page.contains("&quot;id&quot;"))

    // The people go too; the package goes on verifying, without their names.
    let client = world.client
    for person in ["alice", "bob", "carol"] {
      let id = try await world.composition.governance.person(person, in: client).id.rawValue
      _ = try await client.withTransaction {
        try await EvidenceLog().erase(person: id, by: id, reason: "left", in: $0)
      }
    }
    try await world.seal()
    let last = try await PackageBuilder(reader: world.reader).build(cases)
    #expect(try PackageVerifier(keys: [world.signer.key]).verify(Data(try last.encoded())).deviations == [])
    try await world.close()
  }
}
