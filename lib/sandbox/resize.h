/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resize: the size of a running machine; asked for by the public call, and by containers whose limits need more. */
#ifndef KATA_SANDBOX_RESIZE_H
#define KATA_SANDBOX_RESIZE_H

#include "sandbox/stage.h"

/**
 * Within an operation on a running sandbox: the machine gets @vcpus and @memory_mib (0 = as it is), which must be possible, the state says so, and the
 * guest's agent is told. What is there already is looked at again, so that a call after one that failed halfway goes on. The error may be the lost
 * connection's: kata_sandbox__explain() with @link.
 */
int kata_sandbox_resize__to (struct kata_operation *op, kata_link *link, uint32_t vcpus, uint64_t memory_mib,
                             kata_error **err);

#endif
