import Foundation
import Yams

/// What is wrong with a policy document, where, and what would be right. Lines from 1.
package struct PolicyProblem: Sendable, Equatable, CustomStringConvertible {
  package let line: Int
  /// Dotted, such as `approvals.stages[0].quorum`; empty for the document.
  package let path: String
  package let message: String
  package let remedy: String

  package var description: String {
    "line \(line): \(path.isEmpty ? "" : path + ": ")\(message); \(remedy)"
  }
}

/// YAML → document, or every problem at once, in the order of the lines.
///
/// Accepted is a subset: no anchors and aliases (a small text must not become a huge one), at most 256 KiB, no key twice, no
/// key that is not known: a rule that is not read would be a rule that does not hold.
package struct PolicyParser {
  package private(set) var problems: [PolicyProblem] = []

  package static func parse(_ text: String) -> Result<PolicyDocument, PolicyProblems> {
    var parser = PolicyParser()
    let document = parser.document(text)
    if let document, parser.problems.isEmpty { return .success(document) }
    return .failure(PolicyProblems(problems: parser.problems.sorted { $0.line < $1.line }))
  }

  // MARK: The document

  private mutating func document(_ text: String) -> PolicyDocument? {
    guard text.utf8.count <= 262_144 else {
      add(1, "", "it is larger than 256 KiB", "split the policy")
      return nil
    }
    guard let node = compose(text) else { return nil }
    guard
      let root = mapping(
        node, "",
        known: [
          "policy", "lifetimes", "approvals", "triggers", "attestation_maximum_age", "service_levels", "maximum_rights",
          "on_owner_left", "on_vendor_end",
        ])
    else { return nil }
    guard let name = root["policy"] else {
      add(line(node), "policy", "it is missing", "name the policy: `policy: standard`")
      return nil
    }
    var document = PolicyDocument(policy: string(name, "policy", maximum: 100) ?? "")
    if let node = root["lifetimes"] { lifetimes(node, &document.lifetimes) }
    if let node = root["approvals"] { approvals(node, &document.approvals) }
    if let node = root["triggers"] { triggers(node, &document) }
    if let node = root["attestation_maximum_age"] {
      document.attestationMaximumAge = duration(node, "attestation_maximum_age", in: 3600...315_360_000)
    }
    if let node = root["on_owner_left"], let word = word(node, "on_owner_left", of: ["ticket", "revoke"]) {
      document.onOwnerLeft = word
    }
    if let node = root["on_vendor_end"], let word = word(node, "on_vendor_end", of: ["ticket", "revoke"]) {
      document.onVendorEnd = word
    }
    if let node = root["service_levels"] { serviceLevels(node, &document.serviceLevels) }
    if let node = root["maximum_rights"] { document.maximumRights = maximumRights(node) }
    return document
  }

  private mutating func compose(_ text: String) -> Node? {
    do {
      guard let node = try Yams.compose(yaml: text, .default, .default, .default) else {
        add(1, "", "it is empty", "write at least `policy: <name>`")
        return nil
      }
      if let alias = firstAlias(node) {
        add(alias, "", "anchors and aliases are not allowed", "write the value out")
        return nil
      }
      return node
    } catch let error as YamlError {
      switch error {
      case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
        .composer(_, let problem, let mark, _):
        add(mark.line, "", "it is not YAML: \(problem.prefix(120))", "check indentation, colons and quotes there")
      case .duplicatedKeysInMapping(let keys, let context):
        add(
          context.mark.line, "", "the key \"\((keys.first ?? "").prefix(60))\" stands twice",
          "keep one of them")
      default: add(1, "", "it is not YAML that can be read", "save it as UTF-8 without a tab")
      }
      return nil
    } catch {
      add(1, "", "it is not YAML that can be read", "save it as UTF-8 without a tab")
      return nil
    }
  }

  private func firstAlias(_ node: Node) -> Int? {
    if node.anchor != nil { return line(node) }
    switch node {
    case .alias: return line(node)
    case .mapping(let mapping):
      for (key, value) in mapping {
        if let found = firstAlias(key) ?? firstAlias(value) { return found }
      }
    case .sequence(let sequence):
      for element in sequence { if let found = firstAlias(element) { return found } }
    case .scalar: break
    }
    return nil
  }

  // MARK: Sections

  private mutating func lifetimes(_ node: Node, _ result: inout PolicyDocument.Lifetimes) {
    let path = "lifetimes"
    guard
      let keys = mapping(
        node, path,
        known: [
          "rotation_period", "rotation_jitter", "overlap", "settle", "retry_reserve", "on_expiry", "secret_length",
          "identity_maximum",
        ])
    else { return }
    read(keys["rotation_period"], path + ".rotation_period", in: 10...315_360_000, &result.rotationPeriod)
    read(keys["rotation_jitter"], path + ".rotation_jitter", in: 0...315_360_000, &result.rotationJitter)
    read(keys["overlap"], path + ".overlap", in: 0...7_776_000, &result.overlap)
    read(keys["settle"], path + ".settle", in: 0...86_400, &result.settle)
    read(keys["retry_reserve"], path + ".retry_reserve", in: 0...2_592_000, &result.retryReserve)
    if let value = keys["on_expiry"], let word = word(value, path + ".on_expiry", of: ["rotate", "revoke"]) {
      result.onExpiry = word
    }
    if let value = keys["secret_length"], let number = integer(value, path + ".secret_length", in: 16...128) {
      result.secretLength = number
    }
    if let value = keys["identity_maximum"] {
      result.identityMaximum = duration(value, path + ".identity_maximum", in: 60...315_360_000)
    }
    if result.overlap >= result.rotationPeriod {
      add(
        line(keys["overlap"] ?? node), path + ".overlap", "it is not shorter than the rotation period",
        "choose a shorter overlap or a longer period")
    }
    if result.rotationJitter > result.rotationPeriod {
      add(
        line(keys["rotation_jitter"] ?? node), path + ".rotation_jitter", "it is longer than the rotation period",
        "choose at most the period")
    }
  }

  private mutating func approvals(_ node: Node, _ result: inout PolicyDocument.Approvals) {
    let path = "approvals"
    guard let keys = mapping(node, path, known: ["stages", "maximum_age", "strength", "required_fields"]) else {
      return
    }
    if let node = keys["stages"] { result.stages = stages(node) }
    if let node = keys["maximum_age"] {
      result.maximumAge = duration(node, path + ".maximum_age", in: 60...315_360_000)
    }
    if let node = keys["strength"],
      let tiers = mapping(node, path + ".strength", known: PrivilegeTier.allCases.map(\.rawValue))
    {
      read(tiers["standard"], path + ".strength.standard", &result.strengthStandard)
      read(tiers["elevated"], path + ".strength.elevated", &result.strengthElevated)
      read(tiers["privileged"], path + ".strength.privileged", &result.strengthPrivileged)
      if result.strengthPrivileged < result.strengthElevated || result.strengthElevated < result.strengthStandard {
        add(
          line(node), path + ".strength", "a higher tier asks for less than a lower one",
          "order them: helpdesk, fresh_login, signature")
      }
    }
    if let node = keys["required_fields"],
      let actions = mapping(node, path + ".required_fields", known: GovernedAction.allCases.map(\.rawValue))
    {
      for (action, node) in actions {
        let place = path + ".required_fields.\(action)"
        result.requiredFields[action] = sequence(node, place, maximum: 10).enumerated().compactMap { index, node in
          word(node, place + "[\(index)]", of: ["owning_system", "delegated_approver", "beneficiary"])
        }.sorted()
      }
    }
  }

  private mutating func stages(_ node: Node) -> [PolicyDocument.Stage] {
    let path = "approvals.stages"
    let nodes = sequence(node, path, maximum: 10)
    if nodes.isEmpty {
      add(line(node), path, "there is no stage", "give at least one; without it nobody would approve")
    }
    var stages: [PolicyDocument.Stage] = []
    for (index, node) in nodes.enumerated() {
      let place = "\(path)[\(index)]"
      guard let keys = mapping(node, place, known: ["name", "role", "quorum"]) else { continue }
      guard let role = keys["role"].flatMap({ string($0, place + ".role", maximum: 60) }) else {
        if keys["role"] == nil {
          add(line(node), place + ".role", "it is missing", "say who approves, such as `role: owner`")
        }
        continue
      }
      if role.wholeMatch(of: /[a-z][a-z0-9_-]*/) == nil {
        add(line(keys["role"] ?? node), place + ".role", "it is not a role", "use lower-case letters, digits, - and _")
      }
      let name = keys["name"].flatMap { string($0, place + ".name", maximum: 60) } ?? role
      let quorum = keys["quorum"].flatMap { integer($0, place + ".quorum", in: 1...10) } ?? 1
      if quorum > 1,
        ["owner", "backup_owner", "target_owner", "manager", "sponsor", "delegated_approver"].contains(role)
      {
        add(
          line(keys["quorum"] ?? node), place + ".quorum", "there is only one \(role)",
          "use 1, or a role that several people hold")
      }
      stages.append(PolicyDocument.Stage(name: name, role: role, quorum: quorum))
    }
    for (index, stage) in stages.enumerated() where stages[..<index].contains(where: { $0.name == stage.name }) {
      add(line(nodes[index]), "\(path)[\(index)].name", "two stages have one name", "name them apart")
    }
    return stages
  }

  private mutating func triggers(_ node: Node, _ document: inout PolicyDocument) {
    var chosen: [ReapprovalTrigger] = []
    for (index, node) in sequence(node, "triggers", maximum: 40).enumerated() {
      let words = ReapprovalTrigger.allCases.map(\.rawValue)
      if let word = word(node, "triggers[\(index)]", of: words), let trigger = ReapprovalTrigger(rawValue: word) {
        chosen.append(trigger)
      }
    }
    let missing = ReapprovalTrigger.allCases.filter { $0.isMandatory && !chosen.contains($0) }
    if !missing.isEmpty {
      add(
        line(node), "triggers", "mandatory ones are missing: \(missing.map(\.rawValue).joined(separator: ", "))",
        "add them; without them an approval could outlive what it rests on")
    }
    document.triggers = ReapprovalTrigger.allCases.filter(chosen.contains)
  }

  private mutating func serviceLevels(_ node: Node, _ result: inout PolicyDocument.ServiceLevels) {
    let path = "service_levels"
    guard
      let keys = mapping(
        node, path,
        known: [
          "leaver_disable", "leaver_rotate", "leak_contain", "vendor_end", "token_expired", "reapproval",
        ])
    else { return }
    let range = 1...31_536_000.0
    read(keys["leaver_disable"], path + ".leaver_disable", in: range, &result.leaverDisable)
    read(keys["leaver_rotate"], path + ".leaver_rotate", in: range, &result.leaverRotate)
    read(keys["leak_contain"], path + ".leak_contain", in: range, &result.leakContain)
    read(keys["vendor_end"], path + ".vendor_end", in: range, &result.vendorEnd)
    read(keys["token_expired"], path + ".token_expired", in: range, &result.tokenExpired)
    read(keys["reapproval"], path + ".reapproval", in: range, &result.reapproval)
  }

  private mutating func maximumRights(_ node: Node) -> [PolicyDocument.MaximumRights] {
    var rules: [PolicyDocument.MaximumRights] = []
    for (index, node) in sequence(node, "maximum_rights", maximum: 1000).enumerated() {
      let place = "maximum_rights[\(index)]"
      guard let keys = mapping(node, place, known: ["target", "environment", "purpose", "rights"]) else { continue }
      guard let rights = keys["rights"] else {
        add(line(node), place + ".rights", "it is missing", "list the rights that are allowed there")
        continue
      }
      rules.append(
        PolicyDocument.MaximumRights(
          target: pattern(keys["target"], place + ".target"),
          environment: pattern(keys["environment"], place + ".environment"),
          purpose: pattern(keys["purpose"], place + ".purpose"),
          rights: sequence(rights, place + ".rights", maximum: 200).enumerated().map { number, node in
            pattern(node, place + ".rights[\(number)]")
          }))
    }
    return rules
  }

  private mutating func pattern(_ node: Node?, _ path: String) -> String {
    guard let node else { return "*" }
    guard let text = string(node, path, maximum: 300) else { return "" }
    if text.dropLast().contains("*") {
      add(line(node), path, "a * stands elsewhere than at the end", "use it only as the last character")
    }
    return text
  }

  // MARK: Nodes

  private mutating func add(_ line: Int, _ path: String, _ message: String, _ remedy: String) {
    problems.append(PolicyProblem(line: line, path: path, message: message, remedy: remedy))
  }

  private func line(_ node: Node) -> Int { node.mark?.line ?? 1 }

  private mutating func mapping(_ node: Node, _ path: String, known: [String]) -> [String: Node]? {
    guard case .mapping(let mapping) = node else {
      add(line(node), path, "it is not a table of keys", "write `key: value` lines")
      return nil
    }
    var found: [String: Node] = [:]
    for (key, value) in mapping {
      let name = key.string ?? ""
      if known.contains(name) {
        found[name] = value
      } else {
        let near = NearestWord.of(String(name.prefix(60)), among: known)
        add(
          line(key), path, "\"\(name.prefix(60))\" is not a key here",
          near.map { "did you mean \($0)?" } ?? "keys are \(known.joined(separator: ", "))")
      }
    }
    return found
  }

  private mutating func sequence(_ node: Node, _ path: String, maximum: Int) -> [Node] {
    guard case .sequence(let sequence) = node else {
      add(line(node), path, "it is not a list", "write lines that begin with a hyphen")
      return []
    }
    if sequence.count > maximum { add(line(node), path, "it has more than \(maximum) entries", "shorten it") }
    return sequence.prefix(maximum).map { $0 }
  }

  private mutating func string(_ node: Node, _ path: String, maximum: Int) -> String? {
    guard case .scalar(let scalar) = node else {
      add(line(node), path, "it is not a text", "write one value")
      return nil
    }
    let text = scalar.string
    let isSound = !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
    guard !text.isEmpty, text.unicodeScalars.count <= maximum, isSound else {
      add(line(node), path, "it is empty, too long or has control characters", "use 1 to \(maximum) characters")
      return nil
    }
    return text
  }

  private mutating func word(_ node: Node, _ path: String, of words: [String]) -> String? {
    guard let text = string(node, path, maximum: 100) else { return nil }
    guard words.contains(text) else {
      add(line(node), path, "\"\(text.prefix(60))\" is not known", "use \(words.joined(separator: ", "))")
      return nil
    }
    return text
  }

  private mutating func integer(_ node: Node, _ path: String, in range: ClosedRange<Int>) -> Int? {
    guard case .scalar(let scalar) = node, let number = Int(scalar.string), range.contains(number) else {
      add(line(node), path, "it is not a number in range", "use \(range.lowerBound) to \(range.upperBound)")
      return nil
    }
    return number
  }

  private mutating func duration(_ node: Node, _ path: String, in range: ClosedRange<Double>) -> Double? {
    guard case .scalar(let scalar) = node, let seconds = Self.seconds(scalar.string) else {
      add(line(node), path, "it is not a length of time", "use a number with s, m, h or d, such as 30d")
      return nil
    }
    guard range.contains(seconds) else {
      add(
        line(node), path, "it is out of range",
        "use \(Self.words(range.lowerBound)) to \(Self.words(range.upperBound))")
      return nil
    }
    return seconds
  }

  private mutating func read(_ node: Node?, _ path: String, in range: ClosedRange<Double>, _ value: inout Double) {
    if let node, let seconds = duration(node, path, in: range) { value = seconds }
  }

  private mutating func read(_ node: Node?, _ path: String, _ value: inout Strength) {
    if let node, let word = word(node, path, of: Strength.allCases.map(\.rawValue)),
      let strength = Strength(rawValue: word)
    {
      value = strength
    }
  }

  /// Seconds of a text such as `36h`; nil when it is none.
  package static func duration(_ text: String) -> Double? { seconds(text) }

  /// `30d`, `12h`, `15m`, `10s`; a day is 24 hours, whatever clocks on walls do.
  static func seconds(_ text: String) -> Double? {
    guard let unit = text.last, let factor = ["s": 1.0, "m": 60, "h": 3600, "d": 86_400][unit],
      text.utf8.count <= 16, let number = Double(text.dropLast()), number.isFinite, number >= 0
    else { return nil }
    return number * factor
  }

  static func words(_ seconds: Double) -> String {
    for (unit, factor) in [("d", 86_400.0), ("h", 3600), ("m", 60)]
    where seconds >= factor && seconds.truncatingRemainder(dividingBy: factor) == 0 {
      return "\(Int(seconds / factor))\(unit)"
    }
    return "\(Int(seconds))s"
  }
}

package struct PolicyProblems: Error, CustomStringConvertible {
  package let problems: [PolicyProblem]
  package var description: String { problems.map(\.description).joined(separator: "\n") }
}
