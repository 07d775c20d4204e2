import Foundation
import Testing

@testable import Lifecycle

@Suite struct ConsumerTokenTests {
  private func make() -> (text: String, hash: [UInt8], id: ConsumerID) {
    let id = ConsumerID.make()
    let (token, hash) = ConsumerToken.make(for: id)
    return (token.withBytes { String(decoding: $0, as: UTF8.self) }, hash, id)
  }

  @Test func namesItsConsumerAndHasItsHash() throws {
    let (text, hash, id) = make()
    let token = try #require(ConsumerToken(text))
    #expect(token.consumer == id && token.hash == hash)
    #expect(text.hasPrefix("ktc_") && text.utf8.count == 68)
  }

  @Test func twoTokensOfOneConsumerDiffer() {
    let id = ConsumerID.make()
    #expect(ConsumerToken.make(for: id).hash != ConsumerToken.make(for: id).hash)
  }

  @Test func whatIsNoTokenIsNone() {
    let (text, _, _) = make()
    for wrong in [
      "", "ktc_", String(text.dropLast()), text + "A", text.replacing("ktc_", with: "ktx_"),
      String(repeating: "=", count: 68), "ktc_" + String(repeating: "+", count: 64),
      "ktc_" + String(repeating: "é", count: 32), text.dropLast(1) + "\n",
    ] {
      #expect(ConsumerToken(wrong) == nil, "\(wrong.count)")
    }
  }

  @Test func webhooksGoToHTTPSOrToThisHost() throws {
    for good in ["https://orders.example/keyturn", "https://orders.example:8443/a?b=c", "http://127.0.0.1:9000/x"] {
      #expect(try ConsumerRules.webhookURL(good) == good)
    }
    for bad in [
      "", "http://orders.example/x", "ftp://orders.example", "https://", "orders.example",
      "https://u:p@orders.example/",
      "https://orders.example/#x", "https://" + String(repeating: "a", count: 1000),
    ] {
      #expect(throws: LifecycleError(code: .invalidField, message: "")) { try ConsumerRules.webhookURL(bad) }
    }
    #expect(throws: LifecycleError(code: .invalidField, message: "")) { try ConsumerRules.name("a b") }
    #expect(throws: LifecycleError(code: .invalidField, message: "")) { try ConsumerRules.name("") }
    #expect(try ConsumerRules.name("orders-api.v2") == "orders-api.v2")
  }
}
