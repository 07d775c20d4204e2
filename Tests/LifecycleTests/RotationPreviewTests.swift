import Foundation
import Governance
import Testing

@testable import Lifecycle

@Suite struct RotationPreviewTests {
  private let good = AuthorizationID.make()
  private let bad = AuthorizationID.make()

  private func credential(
    _ target: String = "db", state: CredentialRecord.State = .active, authorization: AuthorizationID? = nil,
    expires: Double = 100, isUnderWay: Bool = false
  ) -> SelectedCredential {
    SelectedCredential(
      id: .make(), target: target, environment: "test", state: state, authorization: authorization ?? good,
      hardExpiresAt: Date(timeIntervalSince1970: expires), isUnderWay: isUnderWay)
  }

  @Test func everyCredentialCountsOnce() {
    let preview = RotationPreview(
      [
        credential(), credential("other", expires: 50), credential(isUnderWay: true), credential(state: .pending),
        credential(state: .revoked, expires: 1), credential(state: .revoked, isUnderWay: true),
        credential(authorization: bad), credential(authorization: .make()),
      ], reasons: [good: [], bad: [.ownerInactive, .approverInactive]])
    #expect(preview.matching == 8)
    #expect(preview.starting == 2)
    #expect(preview.underWay == 1)
    #expect(preview.inactive == ["pending": 1, "revoked": 2])
    #expect(preview.refused == 2)
    #expect(preview.reasons == [.ownerInactive: 1, .approverInactive: 1, .authorizationUnknown: 1])
    #expect(preview.places.map(\.target) == ["db", "other"])
    #expect(preview.places.map(\.matching) == [7, 1])
    #expect(preview.places.map(\.starting) == [1, 1])
    #expect(preview.nearestExpiry == Date(timeIntervalSince1970: 50))
  }

  @Test func nothingMatchesIsEmpty() {
    let preview = RotationPreview([], reasons: [:])
    #expect(preview.matching == 0)
    #expect(preview.nearestExpiry == nil)
  }

  @Test func theDigestNamesTheSetAndNotItsOrder() throws {
    let ids = try ["00000000-0000-4000-8000-000000000002", "00000000-0000-4000-8000-000000000001"].map {
      CredentialID(try #require(UUID(uuidString: $0)))
    }
    // printf '%s\n' 00000000-0000-4000-8000-000000000001 00000000-0000-4000-8000-000000000002 | sha256sum
    #expect(SelectionDigest(of: ids).description == "d7c3edbc6845")
    #expect(SelectionDigest(of: ids.reversed()) == SelectionDigest(of: ids))
    #expect(SelectionDigest(of: [ids[0]]) != SelectionDigest(of: ids))
    #expect(SelectionDigest(of: ids).matches("d7c3edbc6845".uppercased()))
    #expect(!SelectionDigest(of: ids).matches(""))
  }
}
