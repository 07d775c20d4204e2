/// A statement that takes no parameters on the server, such as `ALTER ROLE`, with its names and values quoted here.
///
///     "ALTER ROLE \(identifier: name) PASSWORD \(literal: verifier)"
///
/// Plain interpolation does not exist. Prints its literal parts with `?` for everything interpolated.
package struct UtilityStatement: Sendable, ExpressibleByStringInterpolation, CustomStringConvertible, CustomReflectable
{
  let sql: String
  package let description: String
  /// A NUL character cannot be sent and would end the text early.
  let isValid: Bool

  package init(stringLiteral value: String) {
    sql = value
    description = value
    isValid = !value.utf8.contains(0)
  }

  package init(stringInterpolation: StringInterpolation) {
    sql = stringInterpolation.sql
    description = stringInterpolation.shown
    isValid = !sql.utf8.contains(0)
  }

  package var customMirror: Mirror { Mirror(self, children: []) }

  package struct StringInterpolation: StringInterpolationProtocol {
    var sql = ""
    var shown = ""

    package init(literalCapacity: Int, interpolationCount: Int) {
      sql.reserveCapacity(literalCapacity + interpolationCount * 32)
    }

    package mutating func appendLiteral(_ literal: String) {
      sql += literal
      shown += literal
    }

    package mutating func appendInterpolation(identifier: String) {
      append("\"" + identifier.doubling("\"") + "\"")
    }

    /// Standard quoting; with a backslash, the `E''` form, which does not depend on `standard_conforming_strings`.
    package mutating func appendInterpolation(literal: String) {
      let quoted = literal.doubling("'")
      append(literal.utf8.contains(UInt8(ascii: "\\")) ? " E'" + quoted.doubling("\\") + "'" : "'" + quoted + "'")
    }

    package mutating func appendInterpolation(literal: Int) { append(String(literal)) }

    private mutating func append(_ quoted: String) {
      sql += quoted
      shown += "?"
    }
  }
}

extension String {
  // By unicode scalar: as a grapheme, a quote followed by a combining mark would not be found, and so not be doubled.
  fileprivate func doubling(_ scalar: Unicode.Scalar) -> String {
    var result = String.UnicodeScalarView()
    for each in unicodeScalars {
      result.append(each)
      if each == scalar { result.append(each) }
    }
    return String(result)
  }
}
