/* fds.h - many descriptors at once. */
#ifndef SK_CORE_RUN_FDS_H
#define SK_CORE_RUN_FDS_H

#include "core/base/err.h"
#include <stdbool.h>

/* Close every descriptor from first on, or only mark them close-on-exec. Kernels before 5.9 (5.11
 * for the marking) and old container filters have no call for it: then they are looked up.
 * False with errno when neither works. */
bool sk_fds_close_from(int first, bool only_on_exec) SK_CHECKED;

#endif
