/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* namespaces: ours and nobody else's, with nothing in them. */
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/confine/parts.h"

/* User and PID namespaces come with the clone; here we only look that it did so. */
int
vmm_jail__check_own (const struct vmm_jail *jail, kata_error **err)
{
  struct stat st;
  if (!vmm_jail__waived (jail->waived, VMM_LAYER_USERNS)) {
    if (stat ("/proc/self/ns/user", &st) < 0)
      return vmm_layer__missing (err, VMM_LAYER_USERNS, errno, "look at /proc/self/ns/user");
    if (jail->host_userns == 0 || st.st_ino == jail->host_userns)
      return vmm_layer__missing (err, VMM_LAYER_USERNS, 0, "kata-vmm was started in the host's user namespace");
  }
  /* The first process of a namespace always has a parent outside. */
  if (!vmm_jail__waived (jail->waived, VMM_LAYER_PIDNS) && getpid () != 1)
    return vmm_layer__missing (err, VMM_LAYER_PIDNS, 0, "kata-vmm was not started as pid 1 of a namespace of its own");
  return 0;
}

static const struct {
  enum vmm_layer layer;
  int flag;
  const char *what;
} spaces[] = {
  { VMM_LAYER_MOUNTNS, CLONE_NEWNS, "unshare the mount namespace" },
  { VMM_LAYER_NETNS, CLONE_NEWNET, "unshare the network namespace" },
  { VMM_LAYER_IPCNS, CLONE_NEWIPC, "unshare the IPC namespace" },
  { VMM_LAYER_UTSNS, CLONE_NEWUTS, "unshare the UTS namespace" },
};

#define N_SPACES (sizeof spaces / sizeof spaces[0])

int
vmm_jail__unshare (const struct vmm_jail *jail, kata_error **err)
{
  int all = 0;
  for (size_t i = 0; i < N_SPACES; i++)
    if (!vmm_jail__waived (jail->waived, spaces[i].layer))
      all |= spaces[i].flag;
  if (all == 0 || unshare (all) == 0)
    return 0;
  /* One by one: which is it? */
  for (size_t i = 0; i < N_SPACES; i++)
    if ((all & spaces[i].flag) != 0 && unshare (spaces[i].flag) < 0)
      return vmm_layer__missing (err, spaces[i].layer, errno, spaces[i].what);
  return 0;
}

/*
 * An empty read-only tmpfs becomes the root and what was below is let go. It is mounted over /proc, a folder that is sure to be there; no name
 * is made in it.
 */
int
vmm_jail__empty_root (const struct vmm_jail *jail, kata_error **err)
{
  const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
  const char *what = NULL;
  if (mount (NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
    what = "cut mounts off from the host's";
  else if (mount ("none", "/proc", "tmpfs", flags, "size=4k,nr_inodes=2,mode=0555") < 0)
    what = "mount an empty tmpfs";
  else if (chdir ("/proc") < 0)
    what = "enter the empty root";
  else if (syscall (SYS_pivot_root, ".", ".") < 0)
    what = "pivot into the empty root";
  else if (umount2 (".", MNT_DETACH) < 0)
    what = "let go of the host's root";
  else if (chdir ("/") < 0)
    what = "enter the new root";
  return what == NULL ? 0 : vmm_layer__missing (err, VMM_LAYER_MOUNTNS, errno, what);
}
