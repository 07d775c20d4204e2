import HTTPTypes
import Hummingbird
import Lifecycle

/// What a reader asks for, from query and headers. Pure.
struct SecretQuery: Equatable {
  var selection = SecretReader.Selection.current
  /// Only a version after this one is news.
  var after: Int32?
  /// Seconds.
  var wait = 0.0
  /// The target, where the name alone is not enough.
  var target: String?

  /// Seconds.
  static let longestWait = 60.0

  init(parameters: [(String, String)], ifNoneMatch: String?, prefer: String?) throws(Rejection) {
    var seen: Set<String> = []
    for (name, value) in parameters {
      guard seen.insert(name).inserted else {
        throw Self.bad("repeated_parameter", "\(name) is given twice", "give it once")
      }
      switch name {
      case "version":
        switch value {
        case "current": selection = .current
        case "previous": selection = .previous
        default:
          throw Self.bad("bad_version", "version must be current or previous", "leave it out for the current one")
        }
      case "after": after = try Self.number(value)
      case "wait": wait = try Self.seconds(value)
      case "target": target = value
      default:
        throw Self.bad(
          "unknown_parameter", "there is no parameter \"\(String(name.prefix(40)))\"",
          "use version, after, wait and target")
      }
    }
    if let ifNoneMatch, after == nil { after = try Self.entityTag(ifNoneMatch) }
    if let prefer, let seconds = Self.preference(prefer) { wait = try Self.seconds(String(seconds)) }
    if wait > 0 && after == nil {
      throw Self.bad(
        "wait_without_after", "wait needs to know what you have",
        "add after=N with the version you have, or If-None-Match")
    }
    if selection == .previous && (wait > 0 || after != nil) {
      throw Self.bad("bad_version", "the previous version is never news", "leave out after and wait")
    }
  }

  private static func bad(_ code: String, _ detail: String, _ remedy: String) -> Rejection {
    Rejection(400, code, "Bad request", detail: detail, remedy: remedy)
  }

  private static func number(_ text: String) throws(Rejection) -> Int32 {
    guard let number = Int32(text), number >= 0 else {
      throw bad("bad_after", "after must be a version number, 0 or more", "use the number of the version that you have")
    }
    return number
  }

  /// `30` or `30s`.
  private static func seconds(_ text: String) throws(Rejection) -> Double {
    let digits = text.hasSuffix("s") ? text.dropLast() : text[...]
    guard let seconds = Double(digits), seconds.isFinite, seconds >= 0, seconds <= longestWait else {
      throw bad(
        "wait_out_of_range", "wait must be 0 to \(Int(longestWait)) seconds, such as 30s",
        "ask again when the time is over; nothing is missed")
    }
    return seconds
  }

  /// `"4"` or `W/"4"`; `*` and lists are no version.
  private static func entityTag(_ text: String) throws(Rejection) -> Int32 {
    var tag = text[...]
    if tag.hasPrefix("W/") { tag = tag.dropFirst(2) }
    guard tag.count >= 2, tag.hasPrefix("\""), tag.hasSuffix("\"") else {
      throw bad("bad_entity_tag", "If-None-Match must be the ETag of an answer", "send it as it came, with its quotes")
    }
    return try number(String(tag.dropFirst().dropLast()))
  }

  /// RFC 7240: `wait=10`, perhaps among others; nil when it is not there.
  private static func preference(_ text: String) -> Substring? {
    for part in text.split(separator: ",") {
      let pair = part.split(separator: ";")[0].split(separator: "=", maxSplits: 1)
      if pair.count == 2, pair[0].filter({ $0 != " " }).lowercased() == "wait" {
        return pair[1].filter { $0 != " " && $0 != "\"" }[...]
      }
    }
    return nil
  }
}
