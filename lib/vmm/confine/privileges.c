/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* privileges: who we are on the host, and that we can do nothing special, for ever. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "vmm/confine/parts.h"

/* The uid outside that our uid 0 inside stands for; -1 when the map cannot be read. */
static long long
outer_uid (void)
{
  char text[256];
  unsigned long long inside, outside;
  kata_auto_fd int fd = open ("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read (fd, text, sizeof text - 1);
  if (n <= 0)
    return -1;
  text[n] = '\0';
  if (sscanf (text, "%llu %llu", &inside, &outside) != 2 || inside != 0)
    return -1;
  return (long long) outside;
}

/* In a user namespace of our own the clone chose who we are outside. Needs /proc. */
int
vmm_jail__check_identity (const struct vmm_jail *jail, kata_error **err)
{
  if (vmm_jail__waived (jail->waived, VMM_LAYER_USERNS))
    return 0;
  long long outer = outer_uid ();
  if (outer < 0)
    return vmm_layer__missing (err, VMM_LAYER_IDENTITY, errno, "read /proc/self/uid_map");
  if (outer == 0)
    return vmm_layer__missing (err, VMM_LAYER_IDENTITY, 0, "kata-vmm is root outside its user namespace");
  return 0;
}

/* Without one we change ourselves, last of all that needs a privilege. */
int
vmm_jail__become (const struct vmm_jail *jail, kata_error **err)
{
  if (!vmm_jail__waived (jail->waived, VMM_LAYER_USERNS) || (geteuid () != 0 && getuid () != 0))
    return 0;
  if (jail->uid == 0 || jail->gid == 0)
    return vmm_layer__missing (err, VMM_LAYER_IDENTITY, 0, "kata-vmm runs as root and was told no other uid and gid");
  if (setgroups (0, NULL) < 0 || setresgid (jail->gid, jail->gid, jail->gid) < 0 ||
      setresuid (jail->uid, jail->uid, jail->uid) < 0)
    return vmm_layer__missing (err, VMM_LAYER_IDENTITY, errno, "change uid and gid");
  return 0;
}

/*
 * The bounding set only matters to a program that is executed, which no_new_privs forbids to gain any; it takes CAP_SETPCAP to empty it, which
 * who has no capability at all lacks.
 */
int
vmm_jail__bound (const struct vmm_jail *jail, kata_error **err)
{
  const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                             SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
                             SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  int cap = 0;
  while (prctl (PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
    cap++;
  if (cap == 0 && errno == EPERM) /* we have no CAP_SETPCAP */
    return 0;
  if (errno != EINVAL || cap <= CAP_SETPCAP) /* EINVAL: beyond the last that this kernel knows */
    return vmm_layer__missing (err, VMM_LAYER_CAPABILITIES, errno, "empty the bounding set");
  if (prctl (PR_SET_SECUREBITS, bits, 0, 0, 0) < 0)
    return vmm_layer__missing (err, VMM_LAYER_CAPABILITIES, errno, "lock the secure bits");
  return 0;
}

int
vmm_jail__capabilities (const struct vmm_jail *jail, kata_error **err)
{
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct none[2];
  memset (none, 0, sizeof none);
  if (prctl (PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || syscall (SYS_capset, &header, none) < 0)
    return vmm_layer__missing (err, VMM_LAYER_CAPABILITIES, errno, "drop all");
  return 0;
}
