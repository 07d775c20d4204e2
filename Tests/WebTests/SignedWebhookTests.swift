import Foundation
import Lifecycle
import Secrets
import Testing

@Suite struct SignedWebhookTests {
  /// The example of the Standard Webhooks specification.
  @Test func theSignatureIsTheOneOfTheSpecification() throws {
    let secret = try #require(Data(base64Encoded: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    let message = SignedWebhook(
      id: "msg_p5jXN8AQM9LWM0D4loKWxJek", url: "https://example.com", body: Array(#"{"test": 2432232314}"#.utf8),
      secret: SecretBytes(copying: secret), at: Date(timeIntervalSince1970: 1_614_265_330))
    let signature = message.headers.first { $0.0 == "webhook-signature" }?.1
    #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
  }
}
