package import Foundation

/// Typed ids, so that a person is never passed for a target.
package protocol RecordID: Hashable, Sendable, CustomStringConvertible {
  var rawValue: UUID { get }
  init(_ rawValue: UUID)
}

extension RecordID {
  package var description: String { rawValue.uuidString.lowercased() }
  package static func make() -> Self { Self(UUID()) }
}

package struct PersonID: RecordID {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }
}
package struct TargetID: RecordID {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }
}
package struct IdentityID: RecordID {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }
}
package struct PolicyID: RecordID {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }
}
package struct RequestID: RecordID {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }
}
package struct AuthorizationID: RecordID {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }
}

extension UUID {
  /// A new id that sorts after those made a millisecond before (RFC 9562, version 7): rows that are only added then go to
  /// the end of their index instead of all over it. The time in it means nothing to anybody.
  package static func ordered() -> UUID {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    let milliseconds = UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    var bytes = UUID().uuid
    withUnsafeMutableBytes(of: &bytes) { bytes in
      for index in 0..<6 { bytes[index] = UInt8(truncatingIfNeeded: milliseconds >> (40 - 8 * index)) }
      bytes[6] = 0x70 | bytes[6] & 0x0F
    }
    return UUID(uuid: bytes)
  }
}
