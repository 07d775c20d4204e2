import Glibc

/// Secret bytes outside the Swift heap's reach: one allocation, never copied by the runtime, wiped when the last
/// reference goes. Not `Codable`, and everything that prints it prints `***`.
///
/// `@unchecked Sendable`: the memory is written only in `init`, before the reference is shared, and in `deinit`, when
/// nobody else holds one; between the two it is only read.
package final class SecretBytes: @unchecked Sendable {
  private let memory: UnsafeMutableRawBufferPointer

  package var count: Int { memory.count }

  /// `count` zero bytes, handed once to `body` to be filled in place, so that no second copy has to be wiped.
  package init(count: Int, fillingWith body: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
    memory = .allocate(byteCount: count, alignment: 16)
    memory.initializeMemory(as: UInt8.self, repeating: 0)
    // When `body` throws, all stored properties are set and `deinit` runs.
    try body(memory)
  }

  /// The source is the caller's to wipe; see `init(moving:)`.
  package convenience init(copying bytes: some Collection<UInt8>) {
    self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
  }

  /// Copies `bytes` and overwrites them with zeros. Other copies of the collection, made earlier, are not reached.
  package convenience init(moving bytes: inout some MutableCollection<UInt8>) {
    self.init(copying: bytes)
    let wiped: Void? = bytes.withContiguousMutableStorageIfAvailable { Self.wipe(UnsafeMutableRawBufferPointer($0)) }
    if wiped == nil {
      for index in bytes.indices { bytes[index] = 0 }
    }
  }

  /// The UTF-8 bytes of `string`. The string itself cannot be wiped: for literals, arguments and tests.
  package convenience init(_ string: String) {
    self.init(copying: string.utf8)
  }

  /// `count` bytes from the system's generator.
  package static func random(count: Int) -> SecretBytes {
    SecretBytes(count: count) { memory in
      for start in stride(from: 0, to: memory.count, by: 256) {
        // At most 256 bytes each (getentropy(3)). Without a generator in the kernel, nothing would be secret.
        let result = getentropy(memory.baseAddress! + start, min(256, memory.count - start))
        precondition(result == 0, "the kernel gave no random bytes")
      }
    }
  }

  deinit {
    Self.wipe(memory)
    memory.deallocate()
  }

  /// The pointer is valid inside `body` only.
  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try withExtendedLifetime(self) { try body(UnsafeRawBufferPointer(memory)) }
  }

  /// `explicit_bzero` and not `memset`: the optimiser may drop a write to memory that is freed next.
  package static func wipe(_ memory: UnsafeMutableRawBufferPointer) {
    guard let start = memory.baseAddress else { return }
    explicit_bzero(start, memory.count)
  }
}

extension SecretBytes: Equatable {
  /// Takes the same time wherever the first difference is; the lengths are not hidden.
  package static func == (left: SecretBytes, right: SecretBytes) -> Bool {
    left.withBytes { left in right.withBytes { right in ConstantTime.areEqual(left, right) } }
  }
}

extension SecretBytes: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "***" }
  package var debugDescription: String { "***" }
  package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
