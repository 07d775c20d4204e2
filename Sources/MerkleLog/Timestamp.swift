import Crypto
import CryptoExtras
import Foundation

/// A time stamp of RFC 3161: an authority's signed word that a text existed at a time.
///
/// What is checked here: that the response grants a token, that the token is about this text, and that it is signed by a
/// certificate that the caller trusts (RSA with PKCS #1 padding, or ECDSA on P-256 or P-384; SHA-256, -384 or -512). What is
/// not: how the caller came to trust it – chains, revocation and what the certificate may be used for, which
/// `openssl ts -verify` looks at.
package struct TimestampToken: Sendable, Equatable {
  package static let maximumSize = 65_536

  /// SHA-256 of what was stamped.
  package let imprint: NodeHash
  /// By the authority's clock; microseconds since 1970.
  package let time: Int64
  /// Big-endian, without leading zeros; nil when the authority left it out.
  package let nonce: [UInt8]?

  private let info: [UInt8]
  private let attributes: [UInt8]
  private let digestAlgorithm: String
  private let signature: [UInt8]

  private enum ID {
    static let sha256 = "2.16.840.1.101.3.4.2.1"
    static let sha384 = "2.16.840.1.101.3.4.2.2"
    static let sha512 = "2.16.840.1.101.3.4.2.3"
    static let signedData = "1.2.840.113549.1.7.2"
    static let timeStampInfo = "1.2.840.113549.1.9.16.1.4"
    static let contentType = "1.2.840.113549.1.9.3"
    static let messageDigest = "1.2.840.113549.1.9.4"
  }

  // MARK: Asking

  /// A TimeStampReq for a SHA-256, which asks for the authority's certificate too.
  package static func request(for imprint: NodeHash, nonce: UInt64) -> [UInt8] {
    let algorithm = DER.encode(DER.sequence, [DER.encode(objectID: ID.sha256), [0x05, 0x00]])
    return DER.encode(
      DER.sequence,
      [
        DER.encode(unsigned: [1]),
        DER.encode(DER.sequence, [algorithm, DER.encode(DER.octets, imprint.bytes)]),
        DER.encode(unsigned: bytes(of: nonce)),
        DER.encode(DER.boolean, [0xFF] as [UInt8]),
      ])
  }

  /// Whether it repeats the request's nonce.
  package func answers(_ nonce: UInt64) -> Bool { self.nonce == Array(Self.bytes(of: nonce).drop { $0 == 0 }) }

  private static func bytes(of nonce: UInt64) -> [UInt8] { (0..<8).map { UInt8(nonce >> UInt64(56 - 8 * $0) & 255) } }

  // MARK: Reading

  /// A TimeStampResp. Throws the first thing that is wrong, and when the authority refused.
  package init(response: [UInt8]) throws {
    guard response.count <= Self.maximumSize else { throw FormatError("the time stamp is too large") }
    let parts = try DER(response).parts(of: DER.sequence, "the time stamp's response")
    guard let status = try parts.first?.parts(of: DER.sequence, "the time stamp's status").first,
      try status.bytes(of: DER.integer, "the time stamp's status").allSatisfy({ $0 <= 1 }), parts.count == 2
    else { throw FormatError("the authority granted no time stamp") }
    let data = try Self.explicit(try Self.content(of: parts[1], ID.signedData))
      .parts(of: DER.sequence, "the time stamp's signed data")
    guard data.count >= 4 else { throw FormatError("the time stamp's signed data lacks something") }
    info = try Self.explicit(try Self.content(of: data[2], ID.timeStampInfo))
      .bytes(of: DER.octets, "the time stamp's content")
    (imprint, time, nonce) = try Self.readInfo(info)
    let signers = try data[data.count - 1].parts(of: DER.set, "the time stamp's signers")
    guard signers.count == 1 else { throw FormatError("the time stamp has not exactly one signer") }
    let signer = try signers[0].parts(of: DER.sequence, "the time stamp's signer")
    // version, who, digest algorithm, signed attributes, signature algorithm, signature
    guard signer.count >= 6, signer[3].tag == 0xA0,
      let algorithm = try signer[2].parts(of: DER.sequence, "the digest algorithm").first?.objectID
    else { throw FormatError("the time stamp's signer has no signed attributes") }
    digestAlgorithm = algorithm
    // What is signed is the set itself and not its place in the signer.
    attributes = [DER.set] + Array(signer[3].whole.dropFirst())
    signature = try signer[5].bytes(of: DER.octets, "the time stamp's signature")
    try Self.check(attributes: try signer[3].parts(), info: info, algorithm: algorithm)
  }

  private static func content(of value: DER, _ type: String) throws -> DER {
    let parts = try value.parts(of: DER.sequence, "the time stamp's content info")
    guard parts.count == 2, parts[0].objectID == type, parts[1].tag == 0xA0 else {
      throw FormatError("the time stamp's content is of another type")
    }
    return parts[1]
  }

  private static func explicit(_ value: DER) throws -> DER {
    let parts = try value.parts()
    guard parts.count == 1 else { throw FormatError("the time stamp's content is not one value") }
    return parts[0]
  }

  private static func readInfo(_ bytes: [UInt8]) throws -> (NodeHash, Int64, [UInt8]?) {
    let parts = try DER(bytes).parts(of: DER.sequence, "the time stamp's info")
    guard parts.count >= 5 else { throw FormatError("the time stamp's info lacks something") }
    let imprint = try parts[2].parts(of: DER.sequence, "the imprint")
    guard imprint.count == 2,
      try imprint[0].parts(of: DER.sequence, "the imprint's algorithm").first?.objectID == ID.sha256,
      let hash = NodeHash(try imprint[1].bytes(of: DER.octets, "the imprint"))
    else { throw FormatError("the time stamp is not about a SHA-256") }
    let time = try micros(try parts[4].bytes(of: DER.generalizedTime, "the time"))
    let nonce = parts.dropFirst(5).first { $0.tag == DER.integer }.map { Array($0.content.drop { $0 == 0 }) }
    return (hash, time, nonce)
  }

  /// `YYYYMMDDhhmmss[.f…]Z`
  private static func micros(_ bytes: [UInt8]) throws -> Int64 {
    guard bytes.count >= 15, bytes.last == 0x5A, bytes.count == 15 || bytes[14] == 0x2E,
      (bytes.prefix(14) + bytes.dropFirst(15).dropLast()).allSatisfy({ (0x30...0x39).contains($0) })
    else { throw FormatError("the time stamp's time is none") }
    func number(_ range: Range<Int>) -> Int { bytes[range].reduce(0) { $0 * 10 + Int($1 - 0x30) } }
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = TimeZone(secondsFromGMT: 0)!
    let parts = DateComponents(
      year: number(0..<4), month: number(4..<6), day: number(6..<8), hour: number(8..<10), minute: number(10..<12),
      second: number(12..<14))
    guard let date = calendar.date(from: parts) else { throw FormatError("the time stamp's time is none") }
    let digits = bytes.dropFirst(15).dropLast().prefix(6)
    let fraction =
      digits.reduce(0) { $0 * 10 + Int64($1 - 0x30) } * [1_000_000, 100_000, 10_000, 1000, 100, 10, 1][digits.count]
    return Int64(date.timeIntervalSince1970) * 1_000_000 + fraction
  }

  /// The attributes that are signed must be about this info.
  private static func check(attributes: [DER], info: [UInt8], algorithm: String) throws {
    func value(_ type: String) throws -> DER? {
      for attribute in attributes {
        let parts = try attribute.parts(of: DER.sequence, "a signed attribute")
        if parts.count == 2, parts[0].objectID == type { return try explicit(parts[1]) }
      }
      return nil
    }
    guard try value(ID.contentType)?.objectID == ID.timeStampInfo,
      try value(ID.messageDigest)?.bytes(of: DER.octets, "the message digest") == (try digest(info, algorithm))
    else { throw FormatError("what the time stamp's authority signed is not this time") }
  }

  private static func digest(_ bytes: [UInt8], _ algorithm: String) throws -> [UInt8] {
    switch algorithm {
    case ID.sha256: Array(SHA256.hash(data: bytes))
    case ID.sha384: Array(SHA384.hash(data: bytes))
    case ID.sha512: Array(SHA512.hash(data: bytes))
    default: throw FormatError("the time stamp uses a digest that is not known here: \(algorithm.prefix(40))")
    }
  }

  // MARK: Checking

  /// Whether `certificate` signed it.
  package func isSigned(by certificate: TimestampAuthority) -> Bool {
    let (signed, signature) = (Data(attributes), Data(signature))
    if let key = certificate.rsa {
      switch digestAlgorithm {
      case ID.sha256: return Self.check(key, SHA256.hash(data: signed), signature)
      case ID.sha384: return Self.check(key, SHA384.hash(data: signed), signature)
      case ID.sha512: return Self.check(key, SHA512.hash(data: signed), signature)
      default: return false
      }
    }
    switch digestAlgorithm {
    case ID.sha256: return certificate.check(SHA256.hash(data: signed), signature)
    case ID.sha384: return certificate.check(SHA384.hash(data: signed), signature)
    case ID.sha512: return certificate.check(SHA512.hash(data: signed), signature)
    default: return false
    }
  }

  private static func check(_ key: _RSA.Signing.PublicKey, _ digest: some Digest, _ signature: Data) -> Bool {
    key.isValidSignature(
      _RSA.Signing.RSASignature(rawRepresentation: signature), for: digest, padding: .insecurePKCS1v1_5)
  }
}

/// A certificate of a time-stamping authority, which the caller trusts.
package struct TimestampAuthority: Sendable {
  fileprivate let rsa: _RSA.Signing.PublicKey?
  private let p256: P256.Signing.PublicKey?
  private let p384: P384.Signing.PublicKey?

  /// - Parameter pem: one certificate, PEM.
  package init(pem: String) throws {
    let lines = pem.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    guard let begin = lines.firstIndex(of: "-----BEGIN CERTIFICATE-----"),
      let end = lines.firstIndex(of: "-----END CERTIFICATE-----"), begin < end,
      let bytes = Base64.decode(lines[(begin + 1)..<end].joined())
    else { throw FormatError("an authority's certificate is one PEM block") }
    let parts = try DER(bytes).parts(of: DER.sequence, "the certificate")
    guard var fields = try parts.first?.parts(of: DER.sequence, "the certificate") else {
      throw FormatError("the certificate is empty")
    }
    // version [0], serial, algorithm, issuer, validity, subject, public key
    if fields.first?.tag == 0xA0 { fields.removeFirst() }
    guard fields.count >= 6 else { throw FormatError("the certificate has no public key") }
    let key = Data(fields[5].whole)
    rsa = try? _RSA.Signing.PublicKey(derRepresentation: key)
    p256 = try? P256.Signing.PublicKey(derRepresentation: key)
    p384 = try? P384.Signing.PublicKey(derRepresentation: key)
    guard rsa != nil || p256 != nil || p384 != nil else {
      throw FormatError("the certificate's key is neither RSA of at least 2048 bits nor ECDSA on P-256 or P-384")
    }
  }

  fileprivate func check(_ digest: some Digest, _ signature: Data) -> Bool {
    if let p256, let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature) {
      return p256.isValidSignature(signature, for: digest)
    }
    if let p384, let signature = try? P384.Signing.ECDSASignature(derRepresentation: signature) {
      return p384.isValidSignature(signature, for: digest)
    }
    return false
  }
}
