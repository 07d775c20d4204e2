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

package struct PolicyProblems: Error, CustomStringConvertible {
  package let problems: [PolicyProblem]
  package var description: String { problems.map(\.description).joined(separator: "\n") }
}
