/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* landlock: a ruleset without a rule: all that the host's version handles is denied. */
#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "vmm/confine/parts.h"

/* Numbers of the kernel's interface (linux/landlock.h), whose header on the build machine may be older than the host's kernel. */
struct ruleset {
  uint64_t fs, net, scoped;
};
#define CREATE_VERSION UINT32_C (1)
#define FS_V1          UINT64_C (0x1fff)    /* execute … make_sym */
#define FS_REFER       (UINT64_C (1) << 13) /* 2 */
#define FS_TRUNCATE    (UINT64_C (1) << 14) /* 3 */
#define FS_IOCTL_DEV   (UINT64_C (1) << 15) /* 5 */
#define NET_TCP        UINT64_C (3)         /* 4: bind, connect */
#define SCOPE_ALL      UINT64_C (3)         /* 6: abstract unix sockets, signals */

int
vmm_jail__landlock (const struct vmm_jail *jail, kata_error **err)
{
  long abi = syscall (SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
  if (abi < 1)
    return vmm_layer__missing (err, VMM_LAYER_LANDLOCK, errno, "the kernel has none");
  struct ruleset rules = {
    .fs = FS_V1 | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) | (abi >= 5 ? FS_IOCTL_DEV : 0),
    .net = abi >= 4 ? NET_TCP : 0,
    .scoped = abi >= 6 ? SCOPE_ALL : 0,
  };
  size_t size = abi >= 6 ? sizeof rules : abi >= 4 ? 16 : 8;
  kata_auto_fd int fd = (int) syscall (SYS_landlock_create_ruleset, &rules, size, 0);
  if (fd < 0)
    return vmm_layer__missing (err, VMM_LAYER_LANDLOCK, errno, "make a ruleset");
  if (syscall (SYS_landlock_restrict_self, fd, 0) < 0)
    return vmm_layer__missing (err, VMM_LAYER_LANDLOCK, errno, "restrict ourselves");
  return 0;
}
