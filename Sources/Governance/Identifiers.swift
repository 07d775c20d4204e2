package import Foundation
import Synchronization

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
    let (first, second) = RandomWords.shared.withLock { ($0.next(), $0.next()) }
    let high = (milliseconds << 16 | 0x7000 | first & 0x0FFF).bigEndian
    let low = (0x8000_0000_0000_0000 | second >> 2).bigEndian
    return withUnsafeBytes(of: (high, low)) { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
  }
}

/// The system's generator, a block at a time: `UUID()` opens a device for each. Not for secrets: the block stays in memory.
private struct RandomWords: RandomNumberGenerator {
  static let shared = Mutex(RandomWords())

  private var words = [UInt64](repeating: 0, count: 32)
  private var used = 32

  mutating func next() -> UInt64 {
    if used == words.count {
      words.withUnsafeMutableBytes { bytes in
        // 256 bytes are the most that one call gives (getentropy(3)).
        precondition(getentropy(bytes.baseAddress!, bytes.count) == 0, "the kernel gave no random bytes")
      }
      used = 0
    }
    defer { used += 1 }
    return words[used]
  }
}
