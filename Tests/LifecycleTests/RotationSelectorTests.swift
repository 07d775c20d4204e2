import Testing

@testable import Lifecycle

@Suite struct RotationSelectorTests {
  @Test func readsEveryKey() throws {
    let selector = try RotationSelector(
      "target=orders-*,environment=production,owner=alice,policy=short,identity=svc_*")
    #expect(selector.target?.text == "orders-*")
    #expect(selector.environment == "production")
    #expect(selector.owner == "alice")
    #expect(selector.policy == "short")
    #expect(selector.identity?.text == "svc_*")
  }

  @Test func whiteSpaceAndOrderDoNotMatter() throws {
    let one = try RotationSelector(" identity = svc_* , target = db ")
    #expect(try one == RotationSelector("target=db,identity=svc_*"))
    #expect(one.description == "target=db,identity=svc_*")
  }

  @Test func aValueMayHoldAnEqualsSign() throws {
    #expect(try RotationSelector("owner=uid=alice").owner == "uid=alice")
  }

  @Test func readsWhatItPrints() throws {
    let selector = try RotationSelector("policy=a b,target=x*")
    #expect(try RotationSelector("\(selector)") == selector)
  }

  @Test(arguments: [
    ("", "is empty"), ("   ", "is empty"), ("colour=red", "unknown key \"colour\""), ("Target=db", "unknown key"),
    ("target", "without \"=\""), ("target=", "no value for target"), ("target= ,owner=a", "no value for target"),
    ("target=a,target=b", "names target twice"), ("target=a,", "empty part"), (",target=a", "empty part"),
    ("target=a,,owner=b", "empty part"), ("owner=*", "* in owner"), ("environment=pro*", "* in environment"),
    ("target=a\u{0}b", "control characters"), ("=a", "unknown key \"\""),
    ("target=" + String(repeating: "x", count: 500), "at most 500"),
  ])
  func refusesWhatIsWrongByName(text: String, reason: String) {
    #expect {
      _ = try RotationSelector(text)
    } throws: { error in
      (error as? LifecycleError)?.code == .invalidField && "\(error)".contains(reason)
    }
  }

  @Test(arguments: [
    ("*", "%"), ("svc_*", "svc\\_%"), ("100%", "100\\%"), ("a\\b", "a\\\\b"), ("plain", "plain"), ("*a*", "%a%"),
    ("?", "?"),
  ])
  func onlyTheStarIsAWildcard(glob: String, pattern: String) {
    #expect(Glob(glob).likePattern == pattern)
  }
}
