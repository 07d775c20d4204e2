// swift-tools-version: 6.1
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTLS = Target.Dependency.product(name: "HummingbirdTLS", package: "hummingbird")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let nio = [
  Target.Dependency.product(name: "NIOCore", package: "swift-nio"),
  Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio"),
  Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl"),
]
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")

let package = Package(
  name: "keyturn",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "keyturn", targets: ["CLI"]),
    .executable(name: "keyturn-verify", targets: ["EvidenceVerify"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: ["FullFoundation"]),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // 0: leaves
    .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .target(name: "Postgres", dependencies: ["CLibPQ", log, deque], swiftSettings: settings),
    .systemLibrary(name: "CProcess"),
    .target(name: "Secrets", dependencies: ["CProcess", crypto], swiftSettings: settings),
    .target(name: "MerkleLog", dependencies: [crypto, cryptoExtras], swiftSettings: settings),
    .target(
      name: "Migrations", dependencies: [crypto], path: "Migrations", exclude: ["schema.sql"],
      resources: [.embedInCode("sql")],
      swiftSettings: settings),
    .target(name: "EmbeddedPostgres", dependencies: [], swiftSettings: settings),
    .target(name: "Observability", dependencies: [log], swiftSettings: settings),
    .target(name: "APIModel", dependencies: [], swiftSettings: settings),
    // 1: mechanisms, ignorant of one another
    .target(name: "Jobs", dependencies: ["Postgres", log], swiftSettings: settings),
    .target(
      name: "Evidence", dependencies: ["Postgres", "MerkleLog", "Secrets", crypto, log], swiftSettings: settings),
    .target(name: "AuditPackage", dependencies: ["MerkleLog"], swiftSettings: settings),
    .target(name: "Vault", dependencies: ["Secrets", crypto], swiftSettings: settings),
    .target(name: "Targets", dependencies: ["Secrets"], swiftSettings: settings),
    // 2: may it happen, and who says so
    .target(
      name: "Governance", dependencies: ["Postgres", "Jobs", "MerkleLog", "Secrets", crypto, yams],
      swiftSettings: settings),
    // 3: the verbs
    .target(
      name: "Lifecycle",
      dependencies: [
        "Postgres", "Jobs", "Evidence", "MerkleLog", "Vault", "Targets", "Secrets", "Governance", log,
      ],
      swiftSettings: settings),
    // 4: edges
    .target(name: "Helpdesk", dependencies: ["Postgres", "Governance", "Secrets"], swiftSettings: settings),
    .target(name: "Drivers", dependencies: ["Targets", "Secrets", "Postgres", log], swiftSettings: settings),
    .target(
      name: "Web",
      dependencies: [
        "APIModel", "Postgres", "Lifecycle", "Governance", "Secrets", log, hummingbird, hummingbirdCore, hummingbirdTLS,
        httpClient,
        httpTypes, serviceLifecycle,
      ] + nio,
      swiftSettings: settings),
    .target(
      name: "Schedules",
      dependencies: ["Lifecycle", "Drivers", "Governance", "Jobs", "Targets", "Vault", "Secrets", log],
      swiftSettings: settings),
    // 5: composition
    .target(
      name: "Daemon",
      dependencies: [
        "Postgres", "Secrets", "Migrations", "EmbeddedPostgres", "Observability", "Jobs", "Vault", "Targets",
        "Governance", "Lifecycle", "Drivers", "Web", "Evidence", "MerkleLog", log,
      ],
      swiftSettings: settings),
    // 6: the command line
    .executableTarget(
      name: "CLI",
      dependencies: [
        "Postgres", "Secrets", "Migrations", "EmbeddedPostgres", "Jobs", "Vault", "Targets", "Governance",
        "Lifecycle", "Helpdesk", "Drivers", "Daemon", "Schedules", "Web", "Evidence", "MerkleLog", "AuditPackage",
        arguments, log,
        httpClient,
        .product(name: "NIOCore", package: "swift-nio"),
      ],
      swiftSettings: settings),
    // the auditor's binary: no database
    .executableTarget(
      name: "EvidenceVerify", dependencies: ["AuditPackage", "MerkleLog", arguments], swiftSettings: settings),
    // tests
    .target(
      name: "TestSupport", dependencies: ["Postgres", "Migrations", "EmbeddedPostgres", "Secrets", "Targets", log],
      path: "Tests/TestSupport", swiftSettings: settings),
    .testTarget(name: "PostgresTests", dependencies: ["Postgres", "TestSupport", log], swiftSettings: settings),
    .testTarget(name: "SecretsTests", dependencies: ["Secrets"], swiftSettings: settings),
    .testTarget(name: "MerkleLogTests", dependencies: ["MerkleLog"], swiftSettings: settings),
    .testTarget(
      name: "EvidenceTests",
      dependencies: [
        "Evidence", "MerkleLog", "AuditPackage", "Postgres", "Migrations", "Daemon", "Drivers", "Lifecycle",
        "Governance", "Jobs",
        "Secrets", "TestSupport", "CLI", log,
      ],
      swiftSettings: settings),
    .testTarget(name: "VaultTests", dependencies: ["Vault", "Secrets"], swiftSettings: settings),
    .testTarget(
      name: "DriverTests", dependencies: ["Drivers", "Targets", "Secrets", "Postgres", "TestSupport", log],
      swiftSettings: settings),
    .testTarget(name: "EmbeddedPostgresTests", dependencies: ["EmbeddedPostgres"], swiftSettings: settings),
    .testTarget(name: "ObservabilityTests", dependencies: ["Observability", log], swiftSettings: settings),
    .testTarget(
      name: "SchemaTests", dependencies: ["Postgres", "Migrations", "TestSupport"], swiftSettings: settings),
    .testTarget(
      name: "JobsTests", dependencies: ["Jobs", "Postgres", "TestSupport", log], swiftSettings: settings),
    .testTarget(
      name: "WebTests", dependencies: ["Web", "APIModel", "Lifecycle", "Secrets", log], swiftSettings: settings),
    .testTarget(
      name: "GovernanceTests", dependencies: ["Governance", "Jobs", "Postgres", "Schedules", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "HelpdeskTests",
      dependencies: [
        "Helpdesk", "Governance", "Postgres", "Secrets", "TestSupport", hummingbird, httpTypes,
        .product(name: "NIOCore", package: "swift-nio"),
      ],
      exclude: ["Servers", "Contracts"], swiftSettings: settings),
    .testTarget(
      name: "LifecycleTests", dependencies: ["Lifecycle", "Governance", "Jobs", "Targets"], swiftSettings: settings),
    .testTarget(
      name: "SchedulesTests", dependencies: ["Schedules", "Lifecycle", "Drivers", "Vault", log],
      swiftSettings: settings),
    .testTarget(
      name: "AcceptanceTests",
      dependencies: [
        "Daemon", "Drivers", "Lifecycle", "Governance", "Jobs", "Targets", "Secrets", "Vault", "Postgres",
        "EmbeddedPostgres", "TestSupport", "CLI", "Schedules", "Web", "Helpdesk", "AuditPackage", "Evidence", log,
        crypto,
        httpClient, .product(name: "NIOPosix", package: "swift-nio"),
      ] + nio,
      swiftSettings: settings),
  ]
)
