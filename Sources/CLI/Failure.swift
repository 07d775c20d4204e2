import ArgumentParser
import EmbeddedPostgres
import Evidence
import Foundation
import Governance
import Jobs
import Lifecycle
import Postgres
import Targets
import Vault
import Web

/// Error → one line for a person and an exit code for a program. The only place that knows both.
enum Failure {
  static func code(of error: any Error) -> Int32 {
    switch error {
    case let error as GovernanceError:
      switch error.code {
      case .refused: 3
      case .unknownRecord: 4
      case .missingField, .invalidField, .alreadyExists: 1
      }
    case let error as LifecycleError:
      switch error.code {
      case .unknownCredential, .noSecret: 4
      case .unsoundTarget: 5
      case .refused: 3
      case .wrongState, .unreadableRow, .invalidField, .incarnationFile: 1
      }
    case let error as EvidenceError:
      switch error.code {
      case .held: 3
      case .unknownCase: 4
      case .store: 5
      case .key: 6
      case .invalidField, .rolledBack, .damaged: 1
      }
    case let error as PostgresError:
      switch error.code {
      case .connectionFailed, .authenticationFailed, .connectionLost, .timedOut, .poolExhausted: 5
      default: 1
      }
    case is EmbeddedPostgresError, is TargetError: 5
    case let error as WebError: error.code == .invalidConfiguration ? 64 : 1
    case is VaultError: 6
    case is MigrationError: 7
    default: 1
    }
  }

  /// Prints the error and ends the command with its code.
  static func exit(for error: any Error, json: Bool) -> any Error {
    if error is ExitCode || error is CleanExit || error is ValidationError { return error }
    let code = code(of: error)
    let message = "\(error)"
    if json {
      let object = ["error": message, "code": "\(code)"]
      if let data = try? JSONEncoder().encode(object) { FileHandle.standardError.write(data + Data("\n".utf8)) }
    } else {
      FileHandle.standardError.write(Data("error: \(message)\n".utf8))
    }
    return ExitCode(code)
  }
}

/// A command that opens the control database and works on it.
protocol StoreCommand: AsyncParsableCommand {
  var global: GlobalOptions { get }
  func run(_ session: Session) async throws
}

extension StoreCommand {
  mutating func run() async throws {
    do {
      let session = try await Session.open(global)
      do {
        try await run(session)
      } catch {
        await session.close()
        throw error
      }
      await session.close()
    } catch {
      throw Failure.exit(for: error, json: global.json)
    }
  }
}
