import Glibc
import Secrets
import Testing

@Suite struct ProcessMemoryTests {
  @Test func memoryIsKeptFromDumpsAndCrashReports() throws {
    // The other tests of this process keep their reports.
    let signals = [SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGQUIT, SIGSEGV, SIGTRAP]
    var before = Array(repeating: sigaction(), count: signals.count)
    for (index, number) in signals.enumerated() { sigaction(number, nil, &before[index]) }
    defer { for (index, number) in signals.enumerated() { sigaction(number, &before[index], nil) } }
    try ProcessMemory.keepFromDumps()
    #expect(ProcessMemory.isKeptFromDumps)
    for number in signals {
      var now = sigaction()
      sigaction(number, nil, &now)
      #expect(now.__sigaction_handler.sa_handler == nil, "\(number)")
    }
    var more = rlimit(rlim_cur: 1, rlim_max: 1)
    // Only who may do anything may raise it again.
    if geteuid() != 0 { #expect(setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &more) == -1) }
  }
}
