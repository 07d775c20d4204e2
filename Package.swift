// swift-tools-version: 6.1
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")

let package = Package(
  name: "keyturn",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "keyturn", targets: ["CLI"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
  ],
  targets: [
    // 0: leaves
    .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .target(name: "Postgres", dependencies: ["CLibPQ", log, deque], swiftSettings: settings),
    .target(name: "Secrets", dependencies: [crypto], swiftSettings: settings),
    .target(
      name: "Migrations", dependencies: [crypto], path: "Migrations", exclude: ["schema.sql"],
      resources: [.embedInCode("sql")],
      swiftSettings: settings),
    .target(name: "EmbeddedPostgres", dependencies: [], swiftSettings: settings),
    .target(name: "Observability", dependencies: [log], swiftSettings: settings),
    // 1: mechanisms, ignorant of one another
    .target(name: "Jobs", dependencies: ["Postgres", log], swiftSettings: settings),
    .target(name: "Vault", dependencies: ["Secrets", crypto], swiftSettings: settings),
    .target(name: "Targets", dependencies: ["Secrets"], swiftSettings: settings),
    // 2: may it happen, and who says so
    .target(name: "Governance", dependencies: ["Postgres", "Jobs", crypto], swiftSettings: settings),
    // 3: the verbs
    .target(
      name: "Lifecycle",
      dependencies: ["Postgres", "Jobs", "Vault", "Targets", "Secrets", "Governance", log],
      swiftSettings: settings),
    // 4: edges
    .target(name: "Drivers", dependencies: ["Targets", "Secrets", "Postgres", log], swiftSettings: settings),
    // 5: composition
    .target(
      name: "Daemon",
      dependencies: [
        "Postgres", "Secrets", "Migrations", "EmbeddedPostgres", "Observability", "Jobs", "Vault", "Targets",
        "Governance", "Lifecycle", "Drivers", log,
      ],
      swiftSettings: settings),
    // 6: the command line
    .executableTarget(
      name: "CLI",
      dependencies: [
        "Postgres", "Secrets", "Migrations", "EmbeddedPostgres", "Jobs", "Vault", "Targets", "Governance",
        "Lifecycle", "Drivers", "Daemon", arguments, log,
      ],
      swiftSettings: settings),
    // tests
    .target(
      name: "TestSupport", dependencies: ["Postgres", "Migrations", "EmbeddedPostgres", "Secrets", "Targets", log],
      path: "Tests/TestSupport", swiftSettings: settings),
    .testTarget(name: "PostgresTests", dependencies: ["Postgres", "TestSupport", log], swiftSettings: settings),
    .testTarget(name: "SecretsTests", dependencies: ["Secrets"], swiftSettings: settings),
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
    .testTarget(name: "GovernanceTests", dependencies: ["Governance"], swiftSettings: settings),
    .testTarget(
      name: "LifecycleTests", dependencies: ["Lifecycle", "Governance", "Jobs", "Targets"], swiftSettings: settings),
    .testTarget(
      name: "AcceptanceTests",
      dependencies: [
        "Daemon", "Drivers", "Lifecycle", "Governance", "Jobs", "Targets", "Secrets", "Vault", "Postgres",
        "EmbeddedPostgres", "TestSupport", "CLI", log,
      ],
      swiftSettings: settings),
  ]
)
