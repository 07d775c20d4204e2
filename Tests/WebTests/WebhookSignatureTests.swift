import Foundation
import Lifecycle
import Secrets
import Testing

@Suite struct WebhookSignatureTests {
  /// The example of the Standard Webhooks specification.
  @Test func theSignatureIsTheOneOfTheSpecification() throws {
    let secret = try #require(Data(base64Encoded: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    let signature = SignedWebhook.signature(
      id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: "1614265330", body: Array(#"{"test": 2432232314}"#.utf8),
      secret: SecretBytes(copying: secret))
    #expect(signature == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
  }
}
