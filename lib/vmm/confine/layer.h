/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layer: the names of the walls around kata-vmm; each can be waived by name where the host cannot give it. */
#ifndef KATA_VMM_CONFINE_LAYER_H
#define KATA_VMM_CONFINE_LAYER_H

#include <stdint.h>

#include <kata/error.h>

/** In the order in which they close. */
enum vmm_layer {
  VMM_LAYER_USERNS = 0,   /* own user namespace (made at clone) */
  VMM_LAYER_PIDNS,        /* own PID namespace (made at clone): pid 1 */
  VMM_LAYER_MOUNTNS,      /* own mount namespace, an empty read-only tmpfs as root */
  VMM_LAYER_NETNS,        /* own network namespace without a link */
  VMM_LAYER_IPCNS,        /* own System V IPC and message queues */
  VMM_LAYER_UTSNS,        /* own host name */
  VMM_LAYER_KEYRING,      /* own, empty session keyring */
  VMM_LAYER_LANDLOCK,     /* no file, no TCP, no abstract socket, no signal outside */
  VMM_LAYER_RLIMITS,      /* descriptors, file size, processes, core files */
  VMM_LAYER_IDENTITY,     /* not root's uid on the host */
  VMM_LAYER_CAPABILITIES, /* none, for ever */
  VMM_LAYER_SECCOMP,      /* system calls per thread */
  VMM_LAYER_COUNT,
};

/** The key of the configuration, in [hypervisor.builtin], that waives layers; errors of a layer that the host cannot give name it. */
#define VMM_LAYER_KEY "confine_waive"

/** "userns", "pidns", …; NULL for other numbers. */
const char *vmm_layer__name (enum vmm_layer layer);
/** -1 when there is no such layer. @name need not end at @len. */
int vmm_layer__find (const char *name, size_t len);

/** A layer that the host does not give: KATA_E_HOST with VMM_LAYER_KEY, and how to waive it. @errnum 0 = not the kernel's word. Returns the code. */
int vmm_layer__missing (kata_error **err, enum vmm_layer layer, int errnum, const char *what);

#endif
