import CProcess
import Glibc

/// What is in the memory of this process stays there when it crashes.
package enum ProcessMemory {
  /// From here on no signal leaves a core file, whatever the limits were and wherever the kernel sends dumps, and no other
  /// process of the same user can attach to this one. A crash says nothing of itself but its signal: the runtime's own report
  /// would print what the registers of every thread point to. The limit is inherited by child processes, the rest ends with
  /// `exec`.
  ///
  /// Throws `.unprotectedMemory` when the system refuses.
  package static func keepFromDumps() throws(SecretsError) {
    // A handler that dumps are piped to is called whatever the limit is, unless the process may not be dumped (core(5)).
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    guard setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none) == 0, keyturn_set_dumpable(0) == 0 else {
      throw SecretsError(
        code: .unprotectedMemory,
        message: "core dumps cannot be disabled (\(String(cString: strerror(errno)))); check the sandbox's filter for "
          + "setrlimit and prctl")
    }
    for number in [SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGQUIT, SIGSEGV, SIGTRAP] { signal(number, SIG_DFL) }
  }

  package static var isKeptFromDumps: Bool {
    var limit = rlimit()
    return keyturn_get_dumpable() == 0 && getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0
      && limit.rlim_max == 0
  }
}
