import ArgumentParser

@main
struct EvidenceVerify: ParsableCommand {
  func run() throws {}
}
