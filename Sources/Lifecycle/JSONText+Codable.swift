import Foundation
import Governance
import Postgres

extension JSONText {
  /// Keys sorted. `null` for a value that JSON cannot hold, such as a number that is none.
  init(json value: some Encodable) {
    let bytes = try? SortedJSON.bytes(value)
    self.init(text: bytes.map { String(decoding: $0, as: UTF8.self) } ?? "null")
  }

  func decode<Value: Decodable>(_: Value.Type) throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data(text.utf8))
  }
}
