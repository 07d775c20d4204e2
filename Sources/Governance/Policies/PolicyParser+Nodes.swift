import Yams

/// What a node of the document must be, with the problem where it is not.
extension PolicyParser {
  func line(_ node: Node) -> Int { node.mark?.line ?? 1 }

  mutating func mapping(_ node: Node, _ path: String, known: [String]) -> [String: Node]? {
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

  mutating func sequence(_ node: Node, _ path: String, maximum: Int) -> [Node] {
    guard case .sequence(let sequence) = node else {
      add(line(node), path, "it is not a list", "write lines that begin with a hyphen")
      return []
    }
    if sequence.count > maximum { add(line(node), path, "it has more than \(maximum) entries", "shorten it") }
    return sequence.prefix(maximum).map { $0 }
  }

  mutating func string(_ node: Node, _ path: String, maximum: Int) -> String? {
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

  mutating func word(_ node: Node, _ path: String, of words: [String]) -> String? {
    guard let text = string(node, path, maximum: 100) else { return nil }
    guard words.contains(text) else {
      add(line(node), path, "\"\(text.prefix(60))\" is not known", "use \(words.joined(separator: ", "))")
      return nil
    }
    return text
  }

  mutating func integer(_ node: Node, _ path: String, in range: ClosedRange<Int>) -> Int? {
    guard case .scalar(let scalar) = node, let number = Int(scalar.string), range.contains(number) else {
      add(line(node), path, "it is not a number in range", "use \(range.lowerBound) to \(range.upperBound)")
      return nil
    }
    return number
  }

  mutating func duration(_ node: Node, _ path: String, in range: ClosedRange<Double>) -> Double? {
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

  mutating func read(_ node: Node?, _ path: String, in range: ClosedRange<Double>, _ value: inout Double) {
    if let node, let seconds = duration(node, path, in: range) { value = seconds }
  }

  mutating func read(_ node: Node?, _ path: String, _ value: inout Strength) {
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
