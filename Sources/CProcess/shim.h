#pragma once
#include <sys/prctl.h>

// prctl is variadic, which Swift cannot call.
static inline int keyturn_set_dumpable(int dumpable) { return prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0); }
static inline int keyturn_get_dumpable(void) { return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0); }
