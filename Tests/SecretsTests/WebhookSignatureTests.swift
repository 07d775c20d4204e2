import Foundation
import Secrets
import Testing

@Suite struct WebhookSignatureTests {
  private let secret = "whsec_" + Data(repeating: 7, count: 32).base64EncodedString()
  private let now = Date(timeIntervalSince1970: 1_800_000_000)

  @Test func onlyWhatWasSignedInTimeIsAccepted() throws {
    let check = try #require(WebhookSignature(secret: secret))
    let body = Array(#"{"ticket": 1}"#.utf8)
    func verify(
      _ change: (inout [String: String]) -> Void = { _ in }, body: [UInt8] = Array(#"{"ticket": 1}"#.utf8),
      at: Double = 0
    )
      -> WebhookSignature.Refusal?
    {
      var headers = [
        "webhook-id": "m1", "webhook-timestamp": "1800000000",
        "webhook-signature": "v1,bm9wZQ== "
          + check.sign(id: "m1", timestamp: 1_800_000_000, body: Array(#"{"ticket": 1}"#.utf8)),
      ]
      change(&headers)
      do {
        try check.verify(headers: headers, body: body, now: now.addingTimeInterval(at))
        return nil
      } catch { return error }
    }
    #expect(verify() == nil)
    #expect(verify(at: 299) == nil)
    #expect(verify(at: 301) == .outOfTime && verify(at: -301) == .outOfTime)
    #expect(verify({ $0["webhook-id"] = "m2" }) == .badSignature)
    #expect(verify({ $0["webhook-timestamp"] = "1800000001" }) == .badSignature)
    #expect(verify({ $0["webhook-timestamp"] = "soon" }) == .badTimestamp)
    #expect(verify({ $0["webhook-signature"] = "v1,AAAA" }) == .badSignature)
    #expect(verify({ $0["webhook-signature"] = nil }) == .missingHeader)
    #expect(verify(body: body + [32]) == .badSignature)
    #expect(verify(body: Array(repeating: 32, count: 1_048_577)) == .tooLarge)
  }

  @Test func aWeakSecretIsNoSecret() {
    #expect(WebhookSignature(secret: "whsec_AAAA") == nil)
    #expect(WebhookSignature(secret: "secret") == nil)
  }

  /// The example of the Standard Webhooks specification's reference libraries.
  @Test func theSignatureIsTheStandards() throws {
    let check = try #require(WebhookSignature(secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    #expect(
      check.sign(
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: Array(#"{"test": 2432232314}"#.utf8))
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
  }
}
