import Foundation
import Postgres
import Secrets
import Targets
import Testing

/// What an identity may do, by where it comes from, in every database.
@Suite(.timeLimit(.minutes(3))) struct PostgresRightsTests {
  @Test func followsMembershipsToWhatLeadsBeyondAccessLists() async throws {
    let target = try await TargetFixture.make()
    let (name, server) = (target.identity.name, target.server)
    #expect(try await target.set(target.a, "secret", rights: PrivilegeSet(["member:readers"])) == .done)
    try await server.run(
      """
      CREATE ROLE \(name)_outer CREATEDB; CREATE ROLE \(name)_inner BYPASSRLS;
      GRANT \(name)_inner TO \(name)_outer; GRANT pg_read_all_data TO \(name)_inner; GRANT \(name)_outer TO \(name);
      CREATE ROLE \(name)_lent; GRANT \(name)_lent TO \(target.a) WITH ADMIN OPTION;
      """)
    #expect(
      try await target.rights()
        == PrivilegeSet([
          "member:readers", "member:\(name)_outer", "member:\(name)_lent", "member:pg_read_all_data",
          "attribute:createdb", "attribute:bypassrls", "admin:\(name)_lent",
        ]))
    try await server.run(
      "REVOKE \(name)_outer FROM \(name); REVOKE \(name)_lent FROM \(target.a); DROP ROLE \(name)_outer, \(name)_inner, \(name)_lent"
    )
  }

  @Test func readsEveryKindOfAccessListInEveryDatabase() async throws {
    let target = try await TargetFixture.make()
    let (name, server) = (target.identity.name, target.server)
    #expect(try await target.set(target.a, "secret") == .done)
    try await server.run(
      """
      CREATE TABLE \(name)_t (one int, two int); CREATE SEQUENCE \(name)_s;
      CREATE FUNCTION \(name)_f() RETURNS int LANGUAGE sql AS 'SELECT 1';
      CREATE SCHEMA \(name)_n; CREATE TYPE \(name)_y AS ENUM ('a');
      CREATE FOREIGN DATA WRAPPER \(name)_w; CREATE SERVER \(name)_v FOREIGN DATA WRAPPER \(name)_w;
      SELECT lo_create(0);
      GRANT SELECT ON \(name)_t TO \(name) WITH GRANT OPTION; GRANT UPDATE (two) ON \(name)_t TO \(target.a);
      GRANT USAGE ON SEQUENCE \(name)_s TO \(name); GRANT EXECUTE ON FUNCTION \(name)_f() TO \(name);
      GRANT CREATE ON SCHEMA \(name)_n TO \(name); GRANT USAGE ON TYPE \(name)_y TO \(name);
      GRANT USAGE ON FOREIGN DATA WRAPPER \(name)_w TO \(name); GRANT USAGE ON FOREIGN SERVER \(name)_v TO \(name);
      GRANT USAGE ON LANGUAGE sql TO \(name); GRANT CONNECT ON DATABASE other TO \(name);
      GRANT SET ON PARAMETER work_mem TO \(name); GRANT CREATE ON TABLESPACE pg_default TO \(name);
      DO $$ BEGIN EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO \(name)', (SELECT max(oid) FROM pg_largeobject_metadata)); END $$;
      ALTER DEFAULT PRIVILEGES IN SCHEMA \(name)_n GRANT SELECT ON TABLES TO \(name);
      """)
    let far = "\(name)_far"
    try await server.run("CREATE TABLE \(far) (); GRANT INSERT ON \(far) TO \(target.a)", in: "other")
    let large = try await server.texts("SELECT max(oid)::text FROM pg_largeobject_metadata")[0]
    #expect(
      try await target.rights()
        == PrivilegeSet([
          "acl:app:table:public.\(name)_t:SELECT*", "acl:app:table column:public.\(name)_t.two:UPDATE",
          "acl:app:sequence:public.\(name)_s:USAGE", "acl:app:function:public.\(name)_f():EXECUTE",
          "acl:app:schema:\(name)_n:CREATE", "acl:app:type:public.\(name)_y:USAGE",
          "acl:app:foreign-data wrapper:\(name)_w:USAGE", "acl:app:server:\(name)_v:USAGE",
          "acl:app:language:sql:USAGE", "acl:*:database:other:CONNECT", "acl:*:parameter ACL:work_mem:SET",
          "acl:*:tablespace:pg_default:CREATE", "acl:app:large object:\(large):SELECT",
          "acl:app:default acl:for role root_admin in schema \(name)_n on tables:SELECT",
          "acl:other:table:public.\(far):INSERT",
        ]))
    try await server.run(
      """
      DROP OWNED BY \(name), \(target.a); DROP SCHEMA \(name)_n; DROP SERVER \(name)_v; DROP FOREIGN DATA WRAPPER \(name)_w;
      DROP TABLE \(name)_t; DROP SEQUENCE \(name)_s; DROP FUNCTION \(name)_f(); DROP TYPE \(name)_y;
      SELECT lo_unlink(\(large))
      """)
    #expect(try await target.rights() == PrivilegeSet(["acl:other:table:public.\(far):INSERT"]))
  }

  @Test func tellsWhatIsHeldInheritedOwnedAndEverybodys() async throws {
    let target = try await TargetFixture.make()
    let (name, server) = (target.identity.name, target.server)
    try await server.run(
      """
      CREATE ROLE \(name)_group; CREATE TABLE \(name)_t (); GRANT SELECT ON \(name)_t TO \(name)_group;
      CREATE TABLE \(name)_open (); GRANT INSERT ON \(name)_open TO PUBLIC;
      CREATE FUNCTION \(name)_f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
      """)
    #expect(try await target.set(target.a, "secret", rights: PrivilegeSet(["member:makers"])) == .done)
    try await server.run(
      """
      GRANT \(name)_group TO \(name); CREATE TABLE \(name)_own (); ALTER TABLE \(name)_own OWNER TO \(name);
      CREATE SCHEMA \(name)_given AUTHORIZATION \(name)
      """)
    let rights = try await target.driver.readEffectiveRights(of: target.identity, deadline: TargetFixture.deadline)
    let owned = PrivilegeSet(["owner:app:table:public.\(name)_own", "owner:app:schema:\(name)_given"])
    #expect(rights.owned == owned)
    // A schema is given, a table can have been made.
    #expect(
      rights.held == PrivilegeSet(["member:makers", "member:\(name)_group", "owner:app:schema:\(name)_given"]))
    #expect(rights.held == (try await target.rights()))
    #expect(rights.inherited["\(name)_group"] == PrivilegeSet(["acl:app:table:public.\(name)_t:SELECT"]))
    #expect(rights.inherited["makers"]?.entries.contains("acl:other:schema:public:CREATE") == true)
    for entry in [
      "acl:app:table:public.\(name)_open:INSERT", "acl:app:database:app:CONNECT",
      "acl:app:function:public.\(name)_f():EXECUTE",
    ] {
      #expect(rights.fromPublic.entries.contains(entry), "\(entry)")
    }
    #expect(rights.givers["member:makers"] == ["keyturn_admin"])
    #expect(rights.givers["member:\(name)_group"] == ["root_admin"])
    let comparison = rights.compared(with: PrivilegeSet(["member:makers", "member:readers"]))
    #expect(comparison.approved == PrivilegeSet(["member:makers"]))
    #expect(comparison.extra == PrivilegeSet(["member:\(name)_group", "owner:app:schema:\(name)_given"]))
    #expect(comparison.missing == PrivilegeSet(["member:readers"]))
    try await server.run("DROP TABLE \(name)_open, \(name)_t; DROP FUNCTION \(name)_f(); DROP ROLE \(name)_group")
  }

  /// An access list is one row's attribute: it holds 2,443 direct grantees and no more. A group is one of them.
  @Test func reachesATableWith2500GranteesThroughAGroup() async throws {
    let target = try await TargetFixture.make()
    let (name, server) = (target.identity.name, target.server)
    try await server.run(
      """
      CREATE TABLE \(name)_t (); CREATE ROLE \(name)_g; GRANT SELECT ON \(name)_t TO \(name)_g;
      DO $$ BEGIN FOR n IN 1..2500 LOOP EXECUTE format('CREATE ROLE \(name)_%s', n); END LOOP; END $$;
      """)
    try await server.run(
      """
      CREATE TABLE \(name)_stop (at int);
      DO $$
      BEGIN
        FOR n IN 1..2500 LOOP
          BEGIN
            EXECUTE format('GRANT SELECT ON \(name)_t TO \(name)_%s', n);
          EXCEPTION WHEN program_limit_exceeded THEN
            INSERT INTO \(name)_stop VALUES (n);
            EXIT;
          END;
        END LOOP;
      END $$;
      """)
    let at = try await server.texts("SELECT at::text FROM \(identifier: name + "_stop")")
    // The owner and the group take two of its places.
    #expect(at.count == 1 && (2300...2500).contains(Int(at[0]) ?? 0), "\(at)")
    try await server.run(
      "DO $$ BEGIN FOR n IN 1..2500 LOOP EXECUTE format('GRANT \(name)_g TO \(name)_%s', n); END LOOP; END $$")
    #expect(try await target.set(target.a, "secret") == .done)
    try await server.run("GRANT \(name)_g TO keyturn_admin WITH ADMIN OPTION")
    let approved = PrivilegeSet(["member:\(name)_g"])
    #expect(try await target.apply(.grant(identity: target.identity, rights: approved)) == .done)
    let rights = try await target.driver.readEffectiveRights(of: target.identity, deadline: TargetFixture.deadline)
    #expect(rights.compared(with: approved).isEqual)
    #expect(rights.inherited["\(name)_g"] == PrivilegeSet(["acl:app:table:public.\(name)_t:SELECT"]))
    let session = try await target.connect(target.a, "secret")
    try await session.executeScript("SELECT count(*) FROM \(name)_t")
    await session.close()
    #expect(try await target.revoke() == .done)
    #expect(try await target.residue() == [])
    try await server.run(
      """
      DROP TABLE \(name)_t, \(name)_stop;
      DO $$ BEGIN FOR n IN 1..2500 LOOP EXECUTE format('DROP ROLE \(name)_%s', n); END LOOP; END $$;
      DROP ROLE \(name)_g
      """)
  }
}
