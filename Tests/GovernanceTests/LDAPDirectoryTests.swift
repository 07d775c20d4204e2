import Foundation
import TestSupport
import Testing

@testable import Governance

/// Against OpenLDAP's server, with StartTLS; skipped by name where it is not installed.
@Suite(.enabled(if: TestDirectory.isInstalled, "slapd and ldap-utils are not installed"))
struct LDAPDirectoryTests {
  @Test func peopleArePulledWithTheirManagersAndLeaveWithTheirEntries() async throws {
    let directory = try await TestDirectory.start()
    defer { directory.stop() }
    let people = try await directory.client().people().sorted { $0.externalID < $1.externalID }
    #expect(people.count == 1201)
    #expect(
      people.first { $0.externalID == "zoe" }
        == PersonAttributes(
          externalID: "zoe", displayName: "Zoë Ångström", email: "zoe@test.invalid", state: .suspended, manager: "u7",
          department: "Finance", jobTitle: "Analyst"))
    let world = try await GovernanceWorld.make()
    try await world.store.addSource(IdentitySource(name: "ldap", kind: .ldap), in: world.client)
    let first = try await world.transaction { try await world.store.take(people, fromDirectory: "ldap", in: $0) }
    #expect(first == .applied(changed: 1201, removed: 0, voided: 0))
    try await world.addIdentity("svc_ldap", owner: "u1", backup: "u2")
    try await world.approve(try await world.submit([.issue, .rotate], "svc_ldap"))
    try directory.delete("uid=u1,ou=people,dc=test,dc=invalid")
    let second = try await directory.client().people()
    let result = try await world.transaction { try await world.store.take(second, fromDirectory: "ldap", in: $0) }
    #expect(result == .applied(changed: 0, removed: 1, voided: 1))
    #expect(try await world.voidCode("svc_ldap") == "person_left")
    // Half the directory gone is more likely a broken filter than a true leave.
    let half = try await directory.client(filter: "(uid=u*00)").people()
    guard
      case .quarantined = try await world.transaction({
        try await world.store.take(half, fromDirectory: "ldap", in: $0)
      })
    else {
      Issue.record("not quarantined")
      return
    }
    await world.close()
  }

  @Test func whatIsWrongIsSaidWithARemedyAndWithoutThePassword() async throws {
    let directory = try await TestDirectory.start()
    defer { directory.stop() }
    func message(_ client: LDAPDirectory) async -> String {
      do {
        _ = try await client.people()
        return "accepted"
      } catch { return "\(error)" }
    }
    #expect(await message(directory.client(password: "wrong-canary")).contains("refused the login"))
    #expect(await message(directory.client(base: "dc=elsewhere,dc=invalid")).contains("--base"))
    #expect(await message(directory.client(withoutCA: true)).contains("certificate"))
    #expect(await message(directory.client(url: "ldap://127.0.0.1:1")).contains("cannot be reached"))
    #expect(await message(directory.client(url: "http://x")).contains("ldaps://"))
    chmod(directory.folder + "/password", 0o644)
    #expect(
      await message(
        LDAPDirectory(
          url: directory.url, base: "dc=test,dc=invalid", bindDN: TestDirectory.reader,
          passwordFile: directory.folder + "/password")
      ).contains("chmod 600"))
  }
}

/// A private slapd on loopback, as an unprivileged user, ended by its process id.
struct TestDirectory: Sendable {
  static let isInstalled =
    FileManager.default.isExecutableFile(atPath: "/usr/sbin/slapd")
    && FileManager.default.isExecutableFile(atPath: "/usr/bin/ldapsearch")
  static let reader = "cn=admin,dc=test,dc=invalid"
  private static let password = "reader-test-only"

  let folder: String
  let url: String
  private let processID: Int32

  static func start() async throws -> TestDirectory {
    let folder = try TestFolder.make("keyturn-ldap")
    try run(["/usr/bin/mkdir", folder + "/db"])
    for arguments in [
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
        "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder + "/key.pem", "-out",
        folder + "/cert.pem",
      ]
    ] { try run(["/usr/bin/openssl"] + arguments) }
    try """
    include /etc/ldap/schema/core.schema
    include /etc/ldap/schema/cosine.schema
    include /etc/ldap/schema/inetorgperson.schema
    modulepath /usr/lib/ldap
    moduleload back_mdb
    pidfile \(folder)/slapd.pid
    TLSCACertificateFile \(folder)/cert.pem
    TLSCertificateFile \(folder)/cert.pem
    TLSCertificateKeyFile \(folder)/key.pem
    sizelimit size.soft=500 size.prtotal=unlimited
    database mdb
    suffix "dc=test,dc=invalid"
    rootdn "\(reader)"
    rootpw \(password)
    directory \(folder)/db
    maxsize 67108864
    index objectClass,uid eq
    """.write(toFile: folder + "/slapd.conf", atomically: true, encoding: .utf8)
    try entries.write(toFile: folder + "/seed.ldif", atomically: true, encoding: .utf8)
    try run(["/usr/sbin/slapadd", "-q", "-f", folder + "/slapd.conf", "-l", folder + "/seed.ldif"])
    try write(password, to: folder + "/password")
    try write("wrong-canary", to: folder + "/wrong")
    var user: [String] = []
    if getuid() == 0 {
      try run(["/usr/bin/chown", "-R", "openldap:openldap", folder])
      // The reader's files stay ours.
      try run(["/usr/bin/chown", "root", folder + "/password", folder + "/wrong"])
      user = ["-u", "openldap", "-g", "openldap"]
    }
    let port = Int.random(in: 21_000...29_000)
    let url = "ldap://127.0.0.1:\(port)"
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/sbin/slapd")
    process.arguments = ["-d", "none", "-f", folder + "/slapd.conf", "-h", url] + user
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    ServerCleanup.register(processID: process.processIdentifier, folder: folder)
    let directory = TestDirectory(folder: folder, url: url, processID: process.processIdentifier)
    let deadline = ContinuousClock.now + .seconds(30)
    while true {
      do {
        _ = try await directory.client(filter: "(uid=u1)").people()
        return directory
      } catch {
        guard ContinuousClock.now < deadline else { throw error }
        try await Task.sleep(for: .milliseconds(30))
      }
    }
  }

  func stop() { kill(processID, SIGTERM) }

  func client(
    url: String? = nil, base: String = "ou=people,dc=test,dc=invalid", filter: String = "(objectClass=inetOrgPerson)",
    password: String? = nil, withoutCA: Bool = false
  ) -> LDAPDirectory {
    LDAPDirectory(
      url: url ?? self.url, base: base, filter: filter, bindDN: Self.reader,
      passwordFile: folder + (password == nil ? "/password" : "/wrong"), caFile: withoutCA ? nil : folder + "/cert.pem")
  }

  func delete(_ name: String) throws {
    try Self.run(["/usr/bin/ldapdelete", "-x", "-H", url, "-D", Self.reader, "-y", folder + "/password", name])
  }

  private static func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    chmod(path, 0o600)
  }

  /// 1,200 people and one whose name needs base64.
  private static var entries: String {
    var text = """
      dn: dc=test,dc=invalid
      objectClass: dcObject
      objectClass: organization
      o: Test
      dc: test

      dn: ou=people,dc=test,dc=invalid
      objectClass: organizationalUnit
      ou: people


      """
    for number in 1...1200 {
      text += """
        dn: uid=u\(number),ou=people,dc=test,dc=invalid
        objectClass: inetOrgPerson
        uid: u\(number)
        cn: User \(number)
        sn: \(number)
        mail: u\(number)@test.invalid


        """
    }
    let name = Data("Zoë Ångström".utf8).base64EncodedString()
    return text + """
      dn: uid=zoe,ou=people,dc=test,dc=invalid
      objectClass: inetOrgPerson
      uid: zoe
      cn:: \(name)
      sn: A
      mail: zoe@test.invalid
      manager: uid=u7, ou=People,dc=test,dc=invalid
      departmentNumber: Finance
      title: Analyst
      employeeType: suspended

      """
  }

  private static func run(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: arguments[0])
    process.arguments = Array(arguments.dropFirst())
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failed(program: arguments[0], status: process.terminationStatus) }
  }

  private struct Failed: Error {
    let program: String
    let status: Int32
  }
}
