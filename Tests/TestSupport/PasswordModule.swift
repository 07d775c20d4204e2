import Foundation

/// A server module with a `check_password_hook`, compiled for the test: what a company's password rules look like to us.
///
/// Written without the server's headers, which are not everywhere: the hook's signature, the few functions it calls and the
/// block that says which server it was made for are as in the sources of PostgreSQL 15 to 18 (commands/user.h, utils/elog.h,
/// fmgr.h). It refuses the first secret of each role called `…_picky…`, and every secret of roles called `…_never…`.
package enum PasswordModule {
  /// - Parameter version: of the server, such as 15.
  package static func build(for version: Int) throws -> String {
    let folder = try TestFolder.make("keyturn-hook")
    try source.write(toFile: folder + "/picky.c", atomically: true, encoding: .utf8)
    let compiler = ["/usr/bin/cc", "/usr/bin/gcc", "/usr/bin/clang"].first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
    let arguments = [
      "-shared", "-fPIC", "-O1", "-DVERSION=\(version)", "-o", folder + "/picky.so", folder + "/picky.c",
    ]
    let process = Process()
    process.executableURL = URL(fileURLWithPath: compiler ?? "/usr/bin/env")
    process.arguments = (compiler == nil ? ["clang"] : []) + arguments
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw CocoaError(.executableLoad) }
    ServerCleanup.register(processID: 0, folder: folder)
    return folder + "/picky.so"
  }

  private static let source = #"""
    #include <fcntl.h>
    #include <stdbool.h>
    #include <stdio.h>
    #include <string.h>
    #include <unistd.h>

    typedef enum { PASSWORD_TYPE_PLAINTEXT, PASSWORD_TYPE_MD5, PASSWORD_TYPE_SCRAM_SHA_256 } PasswordType;
    typedef void (*check_password_hook_type)(const char *username, const char *shadow_pass, PasswordType type,
                                             unsigned long valid_until, bool valid_until_null);
    extern check_password_hook_type check_password_hook;
    extern bool errstart(int level, const char *domain);
    extern int errcode(int code);
    extern int errmsg(const char *format, ...);
    extern void errfinish(const char *file, int line, const char *function);

    #define SIXBIT(c) (((c) - '0') & 0x3F)
    #define STATE(a, b, c, d, e) (SIXBIT(a) + (SIXBIT(b) << 6) + (SIXBIT(c) << 12) + (SIXBIT(d) << 18) + (SIXBIT(e) << 24))
    #define ERROR_LEVEL 21

    static void refuse(int state)
    {
        if (errstart(ERROR_LEVEL, NULL)) {
            errcode(state);
            errmsg("the password does not follow the rules");
            errfinish("picky.c", __LINE__, "check");
        }
    }

    static void check(const char *username, const char *shadow_pass, PasswordType type, unsigned long until, bool none)
    {
        char path[256];
        int descriptor;

        /* A plain password would be a leak of its own. */
        if (type != PASSWORD_TYPE_SCRAM_SHA_256)
            return;
        if (strstr(username, "_never"))
            refuse(STATE('2', '8', 'P', '0', '1'));
        if (strstr(username, "_picky")) {
            /* In the data folder, which is where a server's process is. */
            snprintf(path, sizeof(path), "picky.%s", username);
            descriptor = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
            if (descriptor >= 0) {
                close(descriptor);
                refuse(STATE('2', '2', '0', '2', '3'));
            }
        }
    }

    typedef struct {
        int len, version, funcmaxargs, indexmaxkeys, namedatalen, float8byval;
        char abi_extra[32];
    #if VERSION >= 18
        const char *name, *module_version;
    #endif
    } Magic;

    const Magic *Pg_magic_func(void)
    {
        static const Magic magic = { sizeof(Magic), VERSION * 100, 100, 32, 64, 1, "PostgreSQL" };
        return &magic;
    }

    void _PG_init(void) { check_password_hook = check; }
    """#
}
