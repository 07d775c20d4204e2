import Crypto
import Foundation
package import Postgres

/// Reads all people from an LDAP directory with OpenLDAP's `ldapsearch`, page by page. Only reads.
package struct LDAPDirectory: Sendable {
  package enum Encryption: Sendable {
    /// StartTLS or LDAPS, with a certificate that verifies.
    case required
    /// Only for a directory on this machine.
    case none
  }

  let url: String
  let base: String
  let filter: String
  let bindDN: String
  /// The password stands in a file that only its owner may read: arguments can be seen by everybody.
  let passwordFile: String
  let caFile: String?
  let encryption: Encryption
  let program: String

  package init(
    url: String, base: String, filter: String = "(objectClass=inetOrgPerson)", bindDN: String, passwordFile: String,
    caFile: String? = nil, encryption: Encryption = .required, program: String = "/usr/bin/ldapsearch"
  ) {
    self.url = url
    self.base = base
    self.filter = filter
    self.bindDN = bindDN
    self.passwordFile = passwordFile
    self.caFile = caFile
    self.encryption = encryption
    self.program = program
  }

  /// Everybody the filter finds. `uid` (or `employeeNumber`) is the key; an `employeeType` of suspended or terminated says who
  /// is not active; `manager` is followed by its name.
  package func people() async throws -> [PersonAttributes] {
    guard let parsed = URL(string: url), ["ldap", "ldaps"].contains(parsed.scheme) else {
      throw FieldRule.invalid("url", "ldap://host:port or ldaps://host:port")
    }
    var mode = stat()
    guard stat(passwordFile, &mode) == 0, mode.st_mode & 0o077 == 0 else {
      throw FieldRule.invalid("password-file", "a file that nobody but its owner may read (chmod 600)")
    }
    var arguments = [
      "/usr/bin/env", "LDAPTLS_REQCERT=demand", "LDAPCONF=/dev/null",
    ]
    if let caFile { arguments.append("LDAPTLS_CACERT=\(caFile)") }
    arguments += [
      program, "-x", "-LLL", "-o", "ldif-wrap=no", "-o", "nettimeout=20", "-l", "120", "-E", "pr=500/noprompt", "-H",
      url,
      "-D", bindDN, "-y", passwordFile, "-b", base,
    ]
    if encryption == .required && parsed.scheme == "ldap" { arguments.append("-ZZ") }
    arguments += [
      filter, "uid", "employeeNumber", "cn", "displayName", "mail", "manager", "departmentNumber", "ou", "title",
      "employeeType",
    ]
    let outcome = try await ExternalCommand(arguments, deadline: .seconds(180)).run()
    guard outcome.status == 0 else { throw Self.failure(outcome) }
    return try Self.people(LDIF.entries(outcome.output))
  }

  /// The result code of RFC 4511 is the exit status; the server's words stay out.
  private static func failure(_ outcome: ExternalCommand.Outcome) -> GovernanceError {
    let what =
      switch outcome.status {
      case 49: "the directory refused the login; check --bind-dn and the password file"
      case 32: "there is no such base in the directory; check --base"
      case 50: "the login may not read people; give it the right"
      case 255, 1: "the directory cannot be reached, or its certificate does not verify; check --url and --ca"
      case 126, 127: "ldapsearch is not installed; install ldap-utils"
      case 4: "the directory cut the answer short; raise its size limit for this login"
      default: "the directory answered with code \(outcome.status)"
      }
    return GovernanceError(code: .invalidField, message: what)
  }

  static func people(_ entries: [LDIF.Entry]) throws -> [PersonAttributes] {
    var byName: [String: String] = [:]
    for entry in entries {
      if let id = entry.first("uid") ?? entry.first("employeenumber") { byName[LDIF.normalized(entry.name)] = id }
    }
    return try entries.map { entry in
      guard let id = entry.first("uid") ?? entry.first("employeenumber") else {
        throw GovernanceError(
          code: .missingField, message: "an entry has neither uid nor employeeNumber; narrow --filter to people")
      }
      let type = entry.first("employeetype")?.lowercased()
      return PersonAttributes(
        externalID: id, displayName: entry.first("displayname") ?? entry.first("cn"), email: entry.first("mail"),
        state: type.flatMap(Person.State.init(rawValue:)) ?? .active,
        manager: entry.first("manager").flatMap { byName[LDIF.normalized($0)] },
        department: entry.first("departmentnumber") ?? entry.first("ou"), jobTitle: entry.first("title"))
    }
  }
}

extension GovernanceStore {
  /// As a delivery that is as of now, numbered after the last one.
  package func take(
    _ people: [PersonAttributes], fromDirectory source: String, in transaction: Transaction
  ) async throws -> FeedResult {
    guard let record = try await transaction.queryFirst(LockSource(name: source)) else {
      throw GovernanceError.unknown("source", source)
    }
    let now = try await transaction.queryFirst(ReadClock()) ?? Date()
    let last = try await transaction.queryFirst(FindLastSequence(source: source)) ?? 0
    let digest = [UInt8](SHA256.hash(data: Data(try SortedJSON.bytes(people))))
    return try await take(
      PersonFeed(people: people, asOf: now, sequence: max(record.sequence, last) + 1, digest: digest), from: source,
      in: transaction)
  }
}

/// LDIF (RFC 2849) as `ldapsearch -LLL` writes it, unwrapped.
enum LDIF {
  struct Entry: Sendable, Equatable {
    let name: String
    /// By attribute in lower case.
    let values: [String: [String]]

    func first(_ attribute: String) -> String? { values[attribute]?.first }
  }

  static func entries(_ bytes: [UInt8]) throws -> [Entry] {
    var entries: [Entry] = []
    var name: String?
    var values: [String: [String]] = [:]
    func end() {
      if let name { entries.append(Entry(name: name, values: values)) }
      name = nil
      values = [:]
    }
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false) {
      if line.isEmpty {
        end()
        continue
      }
      guard !line.hasPrefix("#"), let colon = line.firstIndex(of: ":") else { continue }
      let attribute = line[..<colon].lowercased()
      var rest = line[line.index(after: colon)...]
      let value: String
      if rest.hasPrefix(":") {
        rest = rest.dropFirst().drop { $0 == " " }
        guard let data = Data(base64Encoded: String(rest)), let text = String(validating: data, as: UTF8.self) else {
          throw GovernanceError(code: .invalidField, message: "a value of the directory is not UTF-8 text")
        }
        value = text
      } else {
        value = String(rest.drop { $0 == " " })
      }
      if attribute == "dn" { name = value } else { values[attribute, default: []].append(value) }
    }
    end()
    return entries
  }

  /// Names are compared without case and without spaces around commas.
  static func normalized(_ name: String) -> String {
    name.lowercased().split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: ",")
  }
}
