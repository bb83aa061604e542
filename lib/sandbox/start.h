/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* start: how a CREATED sandbox comes to its machine, by a list of stages. */
#ifndef KATA_SANDBOX_START_H
#define KATA_SANDBOX_START_H

#include "sandbox/stage.h"

/** Enters the stages in their order and writes down @state. On failure all that was made is undone, and the sandbox is CREATED. */
int kata_start__run (struct kata_operation *op, const struct kata_stage *const *stages, size_t n, int state,
                     kata_error **err);

#endif
