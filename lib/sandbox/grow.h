/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* grow: the machine follows its containers' limits, as far as it can. */
#ifndef KATA_SANDBOX_GROW_H
#define KATA_SANDBOX_GROW_H

#include "oci/resources.h"
#include "sandbox/operation.h"

/** What @resources limit @container to, in place of what it was limited to; what they say nothing of stays. */
void kata_sandbox__limit (struct kata_container_state *container, const kata_oci_resources *resources);

/**
 * Makes the machine as large as the containers of the state want it, and @more (nullable), which is not among them. Never smaller. What there is no
 * room for is a warning; a hypervisor or guest that fails is an error, as in Kata.
 */
int kata_sandbox__grow (struct kata_operation *op, kata_link *link, const struct kata_container_state *more,
                        kata_error **err);

#endif
