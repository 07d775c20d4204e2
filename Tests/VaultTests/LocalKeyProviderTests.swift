import Foundation
import Testing
import Vault

@Suite struct LocalKeyProviderTests {
  private let folder: TemporaryFolder
  private let key = Data((0..<32).map { UInt8($0) }).base64EncodedString()

  init() throws { folder = try TemporaryFolder() }

  @Test func aNewFileIsPrivateAndLeavesNothingBeside() throws {
    let created = try LocalKeyProvider.create(path: folder.file())
    let mode = try FileManager.default.attributesOfItem(atPath: folder.file())[.posixPermissions] as? Int
    #expect(mode == 0o600)
    #expect(try folder.names == ["keys"])
    #expect(try LocalKeyProvider.load(path: folder.file()).keyIDs == created.keyIDs)
  }

  @Test func createNeverOverwrites() throws {
    let path = try folder.write("precious")
    #expect(code { try LocalKeyProvider.create(path: path) } == .keyFileExists)
    #expect(try folder.text() == "precious")
    #expect(try folder.names == ["keys"])
  }

  @Test func createWithoutAFolderSaysSo() {
    #expect(code { try LocalKeyProvider.create(path: folder.file("none/keys")) } == .keyFileUnusable)
  }

  @Test func theLastKeyIsTheCurrentOne() throws {
    let other = Data(repeating: 9, count: 32).base64EncodedString()
    let path = try folder.write("# comment\n\n  old \t\(key)\r\n\nnew \(other)")
    let keys = try LocalKeyProvider.load(path: path)
    #expect(keys.keyIDs == ["old", "new"])
    #expect(keys.currentKeyID == "new")
  }

  @Test func addingAKeyKeepsTheOldLines() throws {
    let path = try folder.write("# mine\nold \(key)")
    let keys = try LocalKeyProvider.load(path: path).addingKey()
    #expect(keys.keyIDs.first == "old")
    #expect(keys.currentKeyID.hasPrefix("key-2-"))
    #expect(try folder.text().hasPrefix("# mine\nold \(key)\nkey-2-"))
    #expect(try LocalKeyProvider.load(path: path).keyIDs == keys.keyIDs)
    #expect(try folder.names == ["keys"])
  }

  @Test func keysAddedAtTheSameTimeAreAllKept() async throws {
    let keys = try LocalKeyProvider.create(path: folder.file())
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 { group.addTask { _ = try keys.addingKey() } }
      try await group.waitForAll()
    }
    #expect(try Set(LocalKeyProvider.load(path: folder.file()).keyIDs).count == 9)
  }

  @Test func aMissingFileIsNamed() {
    let error = #expect(throws: VaultError.self) { try LocalKeyProvider.load(path: folder.file("gone")) }
    #expect(error?.code == .keyFileMissing)
    #expect(error?.message.contains(folder.file("gone")) == true)
  }

  @Test(arguments: [0o640, 0o604, 0o620, 0o610, 0o777])
  func aFileOthersMayUseIsRefused(mode: Int) throws {
    let path = try folder.write("k \(key)\n", mode: mode)
    let error = #expect(throws: VaultError.self) { try LocalKeyProvider.load(path: path) }
    #expect(error?.code == .keyFilePermissions)
    #expect(error?.message.contains("chmod 600") == true)
  }

  @Test(
    arguments: [
      "", "# only a comment\n", "canary", "k canary", "k \(Data(count: 31).base64EncodedString())", "k K= extra",
      "k \(Data(count: 33).base64EncodedString())", "é \(Data(count: 32).base64EncodedString())",
      "k \(Data(count: 32).base64EncodedString())\nk \(Data(count: 32).base64EncodedString())", "\u{0}\u{0}",
    ])
  func aFileThatIsNotAKeyFileIsRefusedWithoutShowingIt(text: String) throws {
    let path = try folder.write(text)
    let error = #expect(throws: VaultError.self) { try LocalKeyProvider.load(path: path) }
    #expect(error?.code == .keyFileInvalid)
    #expect(error?.description.contains("canary") == false)
  }

  @Test func aFolderOrAPipeInItsPlaceIsRefused() throws {
    #expect(code { try LocalKeyProvider.load(path: folder.path) } == .keyFileInvalid)
    #expect(mkfifo(folder.file("pipe"), 0o600) == 0)
    #expect(code { try LocalKeyProvider.load(path: folder.file("pipe")) } == .keyFileInvalid)
  }

  private func code<R>(_ body: () throws -> R) -> VaultError.Code? {
    do {
      _ = try body()
      return nil
    } catch {
      return (error as? VaultError)?.code
    }
  }
}
