import Foundation
import Secrets
import Targets
import Testing

@testable import Drivers

@Suite struct ScramVerifierTests {
  /// The exchange of RFC 7677 §3; its two keys follow from what is sent there.
  @Test func isWhatTheStandardsExampleSays() throws {
    let salt = try #require(Data(base64Encoded: "W22ZaJ0SNY7soEsUEjb6gQ=="))
    #expect(
      ScramVerifier(iterations: 4096, salt: Array(salt)).text(of: SecretBytes("pencil"))
        == "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        + "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")
  }

  @Test func everyVerifierHasASaltOfItsOwn() {
    let texts = (1...20).map { _ in ScramVerifier(iterations: 2).text(of: SecretBytes("pencil")) }
    #expect(Set(texts).count == 20)
  }

  /// Those are normalised before they are hashed, which is libpq's.
  @Test(arguments: ["", "pä55", "a\0b"])
  func leavesWhatIsNotPlainToLibpq(secret: String) {
    #expect(ScramVerifier(iterations: 2).text(of: SecretBytes(secret)) == nil)
  }

  @Test(arguments: ["with ' and \\ and $", "pä55 word \u{00A0}x", "~\u{01}tab\tand more"])
  func theServerAcceptsTheSecretAndNoOther(secret: String) async throws {
    let fixture = try await TargetFixture.make(.single)
    #expect(try await fixture.set(fixture.a, secret) == .done)
    #expect(await fixture.probe(fixture.a, secret) == .accepted(identity: fixture.a, sessionUser: fixture.a))
    #expect(await fixture.probe(fixture.a, secret + "x") == .refused(.wrongSecret, code: "28P01"))
    #expect(try await fixture.revoke() == .done)
    await fixture.driver.close()
  }
}
