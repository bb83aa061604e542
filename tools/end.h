/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* end: bringing a sandbox down so that its exit status is not lost; shared by `stop` and `delete`. */
#ifndef KATACTL_END_H
#define KATACTL_END_H

#include "ctl.h"

/**
 * SIGTERM to every container, SIGKILL to those that are still there after @grace_ms, then the end of the virtual machine. A supervisor
 * gets the time to write down what it sees. Returns 0 or a negative kata_error_code.
 */
int end_sandbox (ctl *ctl, kata_sandbox *sandbox, int64_t grace_ms, kata_error **err);

#endif
