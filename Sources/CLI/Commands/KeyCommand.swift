import ArgumentParser
import Daemon
import Vault

struct KeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key", abstract: "The key file that seals secrets.", subcommands: [Create.self, Rotate.self])

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a key file; refuses to overwrite one.",
      discussion: "Keep a copy in a safe place: without its key a sealed secret cannot be read.")
    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
      do {
        let keys = try LocalKeyProvider.create(path: global.daemon.keyFilePath)
        global.output.record([("key_file", global.daemon.keyFilePath), ("key", keys.currentKeyID)])
      } catch {
        throw Failure.exit(for: error, json: global.json)
      }
    }
  }

  struct Rotate: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Add a new current key and rewrap every sealed secret to it; safe to repeat after an interruption.")
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let keys = try LocalKeyProvider.addKey(path: global.daemon.keyFilePath)
      let progress = ProgressBar("rewrapping")
      let count = try await session.lifecycle.rewrapAll(with: EnvelopeVault(keys: keys)) { done, total in
        progress.show(done, of: total)
      }
      session.output.record([("key", keys.currentKeyID), ("rewrapped", "\(count)")])
      session.output.say(
        "Workers read the key file when they start: restart them now. Older keys may be removed after that.")
    }
  }
}
