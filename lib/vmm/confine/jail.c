/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* jail: the order in which the walls close. Each step needs what later steps take away. */
#include "vmm/confine/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/raise.h"
#include "vmm/confine/parts.h"

int
vmm_jail__close_others (int first, const int *keep, size_t n, kata_error **err)
{
  unsigned from = (unsigned) first;
  for (size_t i = 0; i <= n; i++) {
    if (i < n && keep[i] < first)
      continue;
    unsigned to = i < n ? (unsigned) keep[i] : ~0u;
    if (to > from && syscall (SYS_close_range, from, i < n ? to - 1 : to, 0) < 0)
      return kata_error__errno (err, KATA_E_HOST, NULL, errno, "jail: close descriptors (close_range)");
    from = to + 1;
  }
  return 0;
}

static int
set_oom_score (int32_t score, kata_error **err)
{
  char text[16];
  if (score < -1000 || score > 1000)
    return 0;
  int len = snprintf (text, sizeof text, "%d", score);
  kata_auto_fd int fd = open ("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write (fd, text, (size_t) len) != len)
    return kata_error__errno (err, KATA_E_HOST, "oom_score", errno, "jail: set oom_score_adj to %d", score);
  return 0;
}

static int
set_keyring (const struct vmm_jail *jail, kata_error **err)
{
  /* A kernel without keys has none to share. */
  if (syscall (SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
    return vmm_layer__missing (err, VMM_LAYER_KEYRING, errno, "make an empty session keyring");
  return 0;
}

static int
lower_limit (int resource, uint64_t wanted)
{
  struct rlimit limit = { wanted, wanted };
  if (setrlimit ((__rlimit_resource_t) resource, &limit) == 0)
    return 0;
  /* The hard limit is lower already, and not ours to raise. */
  if (errno != EPERM || getrlimit ((__rlimit_resource_t) resource, &limit) < 0)
    return -1;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit ((__rlimit_resource_t) resource, &limit);
}

static int
set_limits (const struct vmm_jail *jail, kata_error **err)
{
  /* The number of processes is counted per user of a namespace: in the host's it would count strangers. */
  bool count_own = !vmm_jail__waived (jail->waived, VMM_LAYER_USERNS);
  if (lower_limit (RLIMIT_CORE, 0) < 0 || lower_limit (RLIMIT_NOFILE, jail->files) < 0 ||
      lower_limit (RLIMIT_FSIZE, jail->file_size) < 0 || lower_limit (RLIMIT_MSGQUEUE, 0) < 0 ||
      (count_own && lower_limit (RLIMIT_NPROC, jail->threads) < 0))
    return vmm_layer__missing (err, VMM_LAYER_RLIMITS, errno, "lower the limits");
  return 0;
}

/* VMM_LAYER_COUNT: not to be waived as a whole; the step looks itself. */
static const struct {
  enum vmm_layer layer;
  int (*enter) (const struct vmm_jail *jail, kata_error **err);
} steps[] = {
  { VMM_LAYER_COUNT, vmm_jail__check_own },
  { VMM_LAYER_IDENTITY, vmm_jail__check_identity },
  { VMM_LAYER_COUNT, vmm_jail__unshare },
  { VMM_LAYER_KEYRING, set_keyring },
  { VMM_LAYER_RLIMITS, set_limits },
  { VMM_LAYER_MOUNTNS, vmm_jail__empty_root }, /* the end of /proc */
  { VMM_LAYER_LANDLOCK, vmm_jail__landlock },  /* the end of mounts */
  { VMM_LAYER_CAPABILITIES, vmm_jail__bound },
  { VMM_LAYER_IDENTITY, vmm_jail__become }, /* the secure bits keep the capabilities across it */
  { VMM_LAYER_CAPABILITIES, vmm_jail__capabilities },
};

int
vmm_jail__enter (const struct vmm_jail *jail, kata_error **err)
{
  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return kata_error__errno (err, KATA_E_HOST, NULL, errno, "jail: set no_new_privs");
  int code = set_oom_score (jail->oom_score, err);
  for (size_t i = 0; code == 0 && i < sizeof steps / sizeof steps[0]; i++)
    if (steps[i].layer == VMM_LAYER_COUNT || !vmm_jail__waived (jail->waived, steps[i].layer))
      code = steps[i].enter (jail, err);
  if (code < 0)
    return code;
  /* Nobody attaches to us or reads our memory, and no core file holds a guest's. Last, because our own /proc files belong to root from here on. */
  if (prctl (PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
    return kata_error__errno (err, KATA_E_HOST, NULL, errno, "jail: clear dumpable");
  return 0;
}
