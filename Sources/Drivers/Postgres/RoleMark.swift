/// The comment by which a role on the target is known as ours: `keyturn:<mark>:fence=<n>` on the role that owns the
/// identity, `keyturn:<mark>` on its other logins.
struct RoleMark: Equatable {
  let mark: String
  let fence: Int64?

  init(mark: String, fence: Int64?) {
    self.mark = mark
    self.fence = fence
  }

  /// Nil for a comment that is not of this form: the role is somebody else's.
  init?(comment: String) {
    guard comment.hasPrefix(Self.prefix) else { return nil }
    let rest = comment.dropFirst(Self.prefix.count)
    guard let separator = rest.ranges(of: Self.fencePrefix).last else {
      self.init(mark: String(rest), fence: nil)
      return
    }
    guard let fence = Int64(rest[separator.upperBound...]) else { return nil }
    self.init(mark: String(rest[..<separator.lowerBound]), fence: fence)
  }

  var comment: String {
    Self.prefix + mark + (fence.map { Self.fencePrefix + String($0) } ?? "")
  }

  private static let prefix = "keyturn:"
  static let fencePrefix = ":fence="
}
