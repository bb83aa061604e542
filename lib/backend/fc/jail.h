/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* jail: the directory that the jailer makes Firecracker's root: the plan's files in it, and the VMM's sockets out of it again. */
#ifndef KATA_BACKEND_FC_JAIL_H
#define KATA_BACKEND_FC_JAIL_H

#include <glib.h>

#include "backend/fc/vm.h"

/** In the sandbox's directory: the jailer's base. */
#define KATA_FC_JAIL "jail"

struct kata_fc_jail {
  int root_fd; /* of Firecracker's root, as it was before the base was bound on itself; -1 = no jail */
};

/** Firecracker's root in a jail, from the sandbox's directory; g_free(). */
char *kata_fc__jail_root (const kata_vm_plan *plan, const char *program);

/**
 * Makes the jail's directories below @plan's and binds kernel, initrd, image, disks and console into it, under the names that kata_fc__inside() is
 * given. Each thing is recorded before. @program: Firecracker's path. KATA_E_IO, KATA_E_PERMISSION, KATA_E_NOT_FOUND, KATA_E_HOST.
 */
int kata_fc__jail_make (struct kata_fc_jail *jail, kata_external_vm *vm, const kata_vm_plan *plan, const char *program,
                        const kata_backend_env *env, kata_error **err);

/** Gives a socket that Firecracker has made in its root a name in the sandbox's directory too; waits for it. KATA_E_TIMEOUT, KATA_E_VMM. */
int kata_fc__jail_publish (const struct kata_fc_jail *jail, kata_external_vm *vm, const char *name, int64_t deadline_us,
                           kata_error **err);

/** The FIFO that metrics come through, in the sandbox's directory and in the jail's root, if there is one. counters.c */
int kata_fc__make_metrics (kata_external_vm *vm, const struct kata_fc_jail *jail, const kata_vm_plan *plan,
                           kata_error **err);

void kata_fc__jail_clear (struct kata_fc_jail *jail);

#endif
