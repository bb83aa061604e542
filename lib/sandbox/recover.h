/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* recover: finds what killed processes left in the state directory and undoes it. */
#ifndef KATA_SANDBOX_RECOVER_H
#define KATA_SANDBOX_RECOVER_H

#include "sandbox/runtime.h"

/** As kata_runtime_recover(). */
int kata_recover__run (kata_runtime *runtime, bool all, uint32_t *n_recovered, int64_t deadline_us, kata_error **err);

/** As kata_runtime_recover_sandbox(). */
int kata_recover__sandbox (kata_runtime *runtime, const char *id, int64_t deadline_us, kata_error **err);

#endif
