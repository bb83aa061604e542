/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* describe: the plan in the microVMM's words; pure. It opens nothing and looks at nothing but its arguments. */
#ifndef KATA_BACKEND_BUILTIN_DESCRIBE_H
#define KATA_BACKEND_BUILTIN_DESCRIBE_H

#include <kata/sys/backend.h>

#include "vmm/describe.h"

/** What launch opened before; -1 = there is none. */
typedef struct kata_builtin_fds {
  int kvm, kernel, initrd;
  int console, log;       /* files */
  int control, vsock, fs; /* sockets: two listening, one connected to virtiofsd */
  int disks[VMM_DISKS_MAX];
} kata_builtin_fds;

/**
 * The disks' order is that of kata_builtin__disk(). @cmdline: VMM_CMDLINE_MAX bytes that *out points into.
 * KATA_E_CONFIG, KATA_E_UNSUPPORTED, KATA_E_LIMIT, KATA_E_INVALID.
 */
int kata_builtin__describe (struct vmm_description *out, char *cmdline, const kata_vm_plan *plan,
                            const kata_builtin_fds *fds, kata_error **err);

/** Disk @n of the machine: the root image first, if there is one, then the plan's; false after the last. */
bool kata_builtin__disk (const kata_vm_plan *plan, size_t n, kata_vm_disk *out);

#endif
