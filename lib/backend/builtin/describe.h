/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* describe: the plan in the microVMM's words; pure. It opens nothing and looks at nothing but its arguments. */
#ifndef KATA_BACKEND_BUILTIN_DESCRIBE_H
#define KATA_BACKEND_BUILTIN_DESCRIBE_H

#include <kata/sys/backend.h>

#include "vmm/describe.h"

#define KATA_BUILTIN_TAPS_MAX (VMM_NETS_MAX * VMM_NET_PAIRS_MAX)

/** What launch opens; disks are KATA_BUILTIN_FD_DISK and on. */
enum kata_builtin_fd {
  KATA_BUILTIN_FD_KVM,
  KATA_BUILTIN_FD_KERNEL,
  KATA_BUILTIN_FD_INITRD,
  KATA_BUILTIN_FD_CONSOLE, /* files */
  KATA_BUILTIN_FD_LOG,
  KATA_BUILTIN_FD_CONTROL, /* sockets: two listening, one connected to virtiofsd */
  KATA_BUILTIN_FD_VSOCK,
  KATA_BUILTIN_FD_FS,
  KATA_BUILTIN_FD_DISK,
  KATA_BUILTIN_FD_TAP = KATA_BUILTIN_FD_DISK + VMM_DISKS_MAX, /* one of each queue, in the order of the plan's nics */
  KATA_BUILTIN_FDS = KATA_BUILTIN_FD_TAP + KATA_BUILTIN_TAPS_MAX
};

/** -1 = there is none. */
typedef struct kata_builtin_fds {
  int fd[KATA_BUILTIN_FDS];
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
