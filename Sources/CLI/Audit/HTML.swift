import Foundation

/// Pages that print well, without scripts and without anything from elsewhere.
enum HTML {
  static func text(_ text: some StringProtocol) -> String {
    var safe = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": safe += "&amp;"
      case "<": safe += "&lt;"
      case ">": safe += "&gt;"
      case "\"": safe += "&quot;"
      default: safe.unicodeScalars.append(character)
      }
    }
    return safe
  }

  /// Microseconds since 1970, in UTC to the millisecond, with the day.
  static func time(_ micros: Int64) -> String {
    Date(timeIntervalSince1970: Double(micros) / 1_000_000)
      .formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true)) + "Z"
  }

  /// Seconds in the largest unit that needs no fraction.
  static func duration(_ seconds: Int64) -> String {
    for (unit, length) in [("d", Int64(86_400)), ("h", 3600), ("min", 60)]
    where seconds >= length && seconds % length == 0 { return "\(seconds / length) \(unit)" }
    return "\(seconds) s"
  }

  /// What a heading says when only the first of a list are shown.
  static func of(_ shown: Int, _ count: Int) -> String { count > shown ? ", \(shown) of \(count)" : "" }

  static func page(_ title: String, _ body: String) -> String {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8"><title>\(text(title))</title><style>
    body { font: 10.5pt/1.4 system-ui, sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em; color: #1a1a1a }
    table { border-collapse: collapse; width: 100%; margin: 1em 0 } thead { display: table-header-group }
    th, td { text-align: left; padding: .2em .6em; border-bottom: 1px solid #ddd; vertical-align: top }
    code { font-size: 85%; white-space: nowrap } td:first-child, .number { white-space: nowrap } .wide { white-space: normal !important; min-width: 11em }
    .group th { background: #f0f0f0; padding-top: .5em } .gap { color: #666; font-style: italic } ul { padding-left: 1.4em } .ids { columns: 2 }
    li { overflow-wrap: anywhere } .warning { border-left: .3em solid #c60; padding-left: .8em }
    .missed td:last-child, .bad { color: #a00; font-weight: bold } .none { color: #666 } .met td:last-child, .good { color: #060 }
    h1, h2, h3 { break-after: avoid } tr, svg { break-inside: avoid } svg { max-width: 100%; display: block }
    @page { size: A4; margin: 18mm } @media print { body { margin: 0; padding: 0; max-width: none } a { color: inherit; text-decoration: none } }
    </style></head><body>
    \(body)
    </body></html>

    """
  }

  /// A bar chart as SVG. A bar that is not good is red and says `bad`: not everybody sees red.
  /// - Parameter full: the value of a bar of full length; nil: the largest.
  static func bars(
    _ values: [(label: String, value: Double, isGood: Bool)], full: Double? = nil, bad: String
  ) -> String {
    guard !values.isEmpty else { return "" }
    let most = max(full ?? 0, values.map(\.value).max() ?? 0)
    let rows = values.enumerated().map { index, bar in
      let width = most > 0 ? max(1, bar.value / most * 300) : 1
      let (place, note) = (index * 16, bar.isGood ? "" : " " + bad)
      return
        "<text x=\"0\" y=\"\(place + 12)\" font-size=\"10\">\(text(bar.label.prefix(42)))</text>"
        + "<rect x=\"240\" y=\"\(place + 3)\" width=\"\(String(format: "%.1f", width))\" height=\"11\" fill=\"\(bar.isGood ? "#2a7" : "#b22")\"/>"
        + "<text x=\"\(String(format: "%.1f", 245 + width))\" y=\"\(place + 12)\" font-size=\"10\">\(number(bar.value))\(text(note))</text>"
    }
    return "<svg viewBox=\"0 0 660 \(values.count * 16 + 4)\" width=\"660\" role=\"img\">\(rows.joined())</svg>"
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() ? String(Int(value)) : String(format: "%.1f", value)
  }
}
