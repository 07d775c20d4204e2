import Secrets
import Testing

@Suite struct SecretBytesTests {
  private let canary = "canary-7Qx"

  @Test func printsOnlyStars() {
    let secret = SecretBytes(canary)
    var dumped = ""
    dump(secret, to: &dumped)
    for text in ["\(secret)", String(reflecting: secret), String(describing: Optional(secret)), dumped] {
      #expect(!text.contains("canary"))
      #expect(text.contains("***"))
    }
    #expect(Mirror(reflecting: secret).children.isEmpty)
  }

  @Test func lendsExactlyTheBytesItWasGiven() {
    #expect(SecretBytes(copying: [1, 2, 3] as [UInt8]).withBytes { Array($0) } == [1, 2, 3])
    #expect(SecretBytes("é").withBytes { Array($0) } == [0xC3, 0xA9])
    #expect(SecretBytes("").count == 0)
  }

  @Test func comparesByContent() {
    #expect(SecretBytes("same") == SecretBytes("same"))
    #expect(SecretBytes("same") != SecretBytes("sane"))
    #expect(SecretBytes("same") != SecretBytes("same "))
    #expect(SecretBytes("") == SecretBytes(""))
  }

  @Test func movingWipesTheSource() {
    var source = Array(canary.utf8)
    let secret = SecretBytes(moving: &source)
    #expect(source == [UInt8](repeating: 0, count: canary.utf8.count))
    #expect(secret == SecretBytes(canary))
  }

  @Test func wipingOverwritesEveryByte() {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 1)
    defer { memory.deallocate() }
    for index in memory.indices { memory[index] = 0xAA }
    SecretBytes.wipe(memory)
    #expect(memory.allSatisfy { $0 == 0 })
    SecretBytes.wipe(UnsafeMutableRawBufferPointer(start: nil, count: 0))
  }

  @Test func randomBytesDiffer() {
    #expect(SecretBytes.random(count: 32) != SecretBytes.random(count: 32))
    #expect(SecretBytes.random(count: 5).count == 5)
  }

  @Test func redactedValuesPrintOnlyStars() {
    struct Line { let login: Redacted<String> }
    let line = Line(login: Redacted(canary))
    var dumped = ""
    dump(line, to: &dumped)
    #expect(!"\(line)\(dumped)\(String(reflecting: line))".contains("canary"))
    #expect(line.login.value == canary)
  }
}
