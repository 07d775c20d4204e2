import Foundation
import Postgres
import Secrets
import Targets
import Testing

/// Nothing of an identity outlives it, and what cannot be taken is named.
@Suite(.timeLimit(.minutes(3))) struct PostgresRevocationTests {
  @Test func removesARoleWithObjectsInFiveDatabases() async throws {
    let target = try await TargetFixture.make()
    let (name, server) = (target.identity.name, target.server)
    let databases = ["app", "other"] + (1...3).map { "\(name)_\($0)" }
    for database in databases.dropFirst(2) { try await server.run("CREATE DATABASE \(database)") }
    #expect(try await target.set(target.a, "secret", rights: PrivilegeSet(["member:makers"])) == .done)
    for database in databases {
      try await server.run(
        """
        CREATE SCHEMA \(name) AUTHORIZATION \(name); CREATE TABLE \(name).mine (); ALTER TABLE \(name).mine OWNER TO \(name);
        CREATE TABLE \(name)_lent (); ALTER TABLE \(name)_lent OWNER TO keyturn_admin;
        """, in: database)
      let admin = try await PostgresConnection.connect(
        server.configuration(user: "keyturn_admin", password: TestServer.adminPassword, database: database),
        logger: .init(label: "test"))
      try await admin.executeScript("GRANT SELECT, INSERT ON \(name)_lent TO \(name)")
      await admin.close()
      let session = try await target.connect(target.a, "secret", database: database)
      try await session.executeScript("ALTER DEFAULT PRIVILEGES IN SCHEMA \(name) GRANT SELECT ON TABLES TO makers")
      await session.close()
    }
    try await server.run("ALTER ROLE \(name) IN DATABASE other SET work_mem = '8MB'")
    let residue = try await target.residue()
    for database in databases {
      #expect(residue.contains("owner:\(name):\(database):table:\(name).mine"), "\(database)")
      #expect(
        residue.contains("acl:\(name):\(database):table:public.\(name)_lent:INSERT by keyturn_admin"), "\(database)")
      #expect(
        residue.contains("owner:\(name):\(database):default acl:for role \(name) in schema \(name) on tables"),
        "\(residue)")
    }
    #expect(residue.contains("setting:\(name):other"))
    #expect(residue.contains { $0.hasPrefix("member:\(name):makers by ") })
    // A schema changes hands only to somebody who might have made it.
    let refused = try await target.revoke()
    #expect(refused == .refused(.insufficientRights, code: "42501 permission denied for database app"))
    for database in databases { try await server.run("GRANT CREATE ON DATABASE \(database) TO keyturn_admin") }
    let outcome = try await target.revoke()
    #expect(outcome == .done)
    #expect(try await target.residue() == [])
    for database in databases {
      let heirs = try await server.texts(
        "SELECT tableowner::text FROM pg_tables WHERE schemaname = \(literal: name)", in: database)
      #expect(heirs == ["keyturn_admin"], "\(database): what was owned is handed over, never dropped")
    }
    for database in databases.dropFirst(2) { try await server.run("DROP DATABASE \(database)") }
    for database in ["app", "other"] {
      try await server.run(
        """
        DROP SCHEMA \(name) CASCADE; DROP TABLE \(name)_lent; REVOKE CREATE ON DATABASE \(database) FROM keyturn_admin
        """, in: database)
    }
  }

  @Test func aSessionThatSetARoleBeforeRevocationIsGoneAfterIt() async throws {
    let target = try await TargetFixture.make()
    #expect(try await target.set(target.a, "secret", rights: PrivilegeSet(["member:makers"])) == .done)
    let session = try await target.connect(target.a, "secret")
    try await session.executeScript("SET ROLE makers; CREATE TABLE \(target.identity.name)_escaped (n int)")
    #expect(try await target.revoke() == .done)
    await #expect(throws: PostgresError.self) {
      try await session.executeScript("INSERT INTO \(target.identity.name)_escaped VALUES (1)")
    }
    await session.close()
    let rows = try await target.server.texts(
      "SELECT count(*)::text FROM \(identifier: target.identity.name + "_escaped")")
    #expect(rows == ["0"])
    #expect(try await target.residue() == [])
    try await target.server.run("DROP TABLE \(target.identity.name)_escaped")
  }

  @Test func namesThePreparedTransactionThatStandsInTheWay() async throws {
    let target = try await TargetFixture.make()
    let name = target.identity.name
    #expect(try await target.set(target.a, "secret", rights: PrivilegeSet(["member:makers"])) == .done)
    let session = try await target.connect(target.a, "secret", database: "other")
    try await session.executeScript("BEGIN; CREATE TABLE \(name)_p (); PREPARE TRANSACTION '\(name)'")
    await session.close()
    #expect(
      try await target.revoke() == .refused(.residue, code: "55006 prepared transaction \(name) in other"))
    #expect(
      try await target.apply(.drop(names: target.identity.names, of: target.identity), fence: 9)
        == .refused(.residue, code: "55006 prepared transaction \(name) in other"))
    // The strongest cut held all the same.
    #expect(await target.probe(target.a, "secret") == .refused(.blocked, code: "28000"))
    #expect(try await target.residue().contains("prepared:\(name):other:\(name)"))
    try await target.server.run("ROLLBACK PREPARED '\(name)'", in: "other")
    #expect(try await target.revoke() == .done)
    #expect(try await target.residue() == [])
  }

  @Test func namesTheReplicationSlotThatStandsInTheWay() async throws {
    let target = try await TargetFixture.make()
    let name = target.identity.name
    #expect(try await target.set(target.a, "secret") == .done)
    let other = try await TargetFixture.make()
    let longer = TargetFixture(
      server: target.server, driver: other.driver, identity: TargetIdentity(name: name + "_more", mode: .single),
      mark: "more")
    #expect(try await longer.set(name + "_more", "secret") == .done)
    try await target.server.run(
      """
      SELECT pg_create_physical_replication_slot('\(target.a)_slot'); SELECT pg_create_physical_replication_slot('\(name)_more_slot')
      """)
    #expect(try await target.residue().contains("slot:\(target.a):*:\(target.a)_slot"))
    #expect(try await !target.residue().contains { $0.contains("more_slot") })
    #expect(try await target.revoke() == .refused(.residue, code: "55006 replication slot \(target.a)_slot"))
    try await target.server.run("SELECT pg_drop_replication_slot('\(target.a)_slot')")
    #expect(try await target.revoke() == .done)
    #expect(try await target.residue() == [])
    try await target.server.run("SELECT pg_drop_replication_slot('\(name)_more_slot')")
    #expect(try await longer.revoke() == .done)
  }

  @Test func removesUserMappingsAndPolicies() async throws {
    let target = try await TargetFixture.make()
    let (name, server) = (target.identity.name, target.server)
    #expect(try await target.set(target.a, "secret") == .done)
    try await server.run(
      """
      CREATE FOREIGN DATA WRAPPER \(name)_w; CREATE SERVER \(name)_v FOREIGN DATA WRAPPER \(name)_w;
      ALTER SERVER \(name)_v OWNER TO keyturn_admin; CREATE USER MAPPING FOR \(name) SERVER \(name)_v;
      CREATE TABLE \(name)_t (); ALTER TABLE \(name)_t OWNER TO keyturn_admin;
      CREATE POLICY \(name)_p ON \(name)_t TO \(name);
      """)
    let residue = try await target.residue()
    #expect(residue.contains { $0.hasPrefix("owner:\(name):app:user mapping:") }, "\(residue)")
    #expect(
      residue.contains { $0.hasPrefix("acl:\(name):app:policy:\(name)_p on public.\(name)_t:POLICY") }, "\(residue)")
    #expect(try await target.revoke() == .done)
    #expect(try await target.residue() == [])
    try await server.run("DROP TABLE \(name)_t; DROP SERVER \(name)_v; DROP FOREIGN DATA WRAPPER \(name)_w")
  }

  @Test func namesTheGrantorOfWhatARevokeDoesNotReach() async throws {
    let target = try await TargetFixture.make()
    let (name, server) = (target.identity.name, target.server)
    #expect(try await target.set(target.a, "secret") == .done)
    try await server.run(
      """
      CREATE ROLE \(name)_giver LOGIN; CREATE TABLE \(name)_t (); ALTER TABLE \(name)_t OWNER TO \(name)_giver;
      SET ROLE \(name)_giver; GRANT DELETE ON \(name)_t TO \(name); RESET ROLE;
      """, in: "other")
    let left = "acl:\(name):other:table:public.\(name)_t:DELETE by \(name)_giver"
    let outcome = try await target.revoke()
    #expect(outcome == .refused(.residue, code: "42501 \(left)"))
    #expect(try await target.residue().contains(left))
    try await server.run("SET ROLE \(name)_giver; REVOKE DELETE ON \(name)_t FROM \(name)", in: "other")
    #expect(try await target.revoke() == .done)
    #expect(try await target.residue() == [])
    try await server.run("DROP TABLE \(name)_t; DROP ROLE \(name)_giver", in: "other")
  }
}
