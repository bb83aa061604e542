/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host-late: devices of the host that come to a running machine and go from it: in the state, in the machine, and free again on the host. */
#ifndef KATA_SANDBOX_HOST_LATE_H
#define KATA_SANDBOX_HOST_LATE_H

#include "plan/container.h"
#include "sandbox/stage.h"

typedef const kata_vm_host_device *const *kata_host_list;

/** The first by its id, its address, or its group's file, that came later; of those that are there, or with @half of those that are on their way. NULL. */
const kata_vm_host_device *kata_sandbox_host__find (const kata_sandbox_state *state, bool half, const char *name);

/**
 * All checks of the sandbox and of the host, then into a free port. @device: its strings are the state's. KATA_E_UNSUPPORTED, KATA_E_EXISTS, KATA_E_BUSY,
 * KATA_E_LIMIT, and those of kata_vfio__check_late().
 */
int kata_sandbox_host__plug (struct kata_operation *op, kata_vm_host_device *device, kata_error **err);
/** Out of the machine, and closed by it. */
int kata_sandbox_host__unplug (struct kata_operation *op, const kata_vm_host_device *device, kata_error **err);

/* ---- host-change.c ---- */
/**
 * Plugs in what @device names, which may be a group: all or nothing. @container: for one; what is there already is no failure then. @ids (nullable): gets
 * the ids.
 */
int kata_sandbox_host__give (struct kata_operation *op, const kata_host_device *device, bool container, char ***ids,
                             kata_error **err);

/* ---- host-attach.c: for containers, which name the files of groups ---- */
/** Plugs in what the plan names, and puts the ids into it. What no container of the state uses is kata_sandbox_host__collect()'s. */
int kata_sandbox_host__attach (struct kata_operation *op, kata_container_plan *plan, kata_error **err);
/** Takes out what this container uses and no other; with @force what does not go is only told in the log. */
int kata_sandbox_host__detach (struct kata_operation *op, const struct kata_container_state *container, bool force,
                               kata_error **err);
/** Takes out what is there for containers, and none uses. What does not go is told in the log. */
void kata_sandbox_host__collect (struct kata_operation *op);

#endif
