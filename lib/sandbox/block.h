/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* block: block devices of the host that containers are given: found, plugged in once for all who want them, taken out after the last. */
#ifndef KATA_SANDBOX_BLOCK_H
#define KATA_SANDBOX_BLOCK_H

#include "plan/container.h"
#include "sandbox/stage.h"

/** Which paths and numbers of the specification, with the options in it, are block devices. Lives in @arena. */
void kata_sandbox_block__look (struct kata_container_facts *out, kata_arena *arena, const kata_oci_spec *spec,
                               const kata_container_options *options);

/** Of a machine that is about to start: the devices of its first container are what they were, and nobody's else. KATA_E_BUSY, KATA_E_HOST, KATA_E_PERMISSION. */
int kata_sandbox_block__check (const kata_sandbox_state *state, kata_error **err);

/** Of a disk: no other of the machine's is the same device of the host, unless both only read. KATA_E_BUSY. */
int kata_sandbox_block__alone (const kata_sandbox_state *state, const kata_vm_disk *disk, kata_error **err);

/**
 * Makes each device of the plan a disk of the running machine, unless it is one, and writes into the plan where in the guest it is. The state names
 * each disk before the machine has it; those that no container of the state uses are kata_sandbox_block__collect()'s.
 */
int kata_sandbox_block__attach (struct kata_operation *op, kata_container_plan *plan, kata_error **err);

/** Takes out what this container uses and no other; with @force what does not go is only told in the log. */
int kata_sandbox_block__detach (struct kata_operation *op, const struct kata_container_state *container, bool force,
                                kata_error **err);

/** Takes out what no container uses: left by a create that failed, or whose process died. What does not go is told in the log. */
void kata_sandbox_block__collect (struct kata_operation *op);

#endif
