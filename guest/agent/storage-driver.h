/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* storage-driver: how each kind of storage gets mounted; counting is storage.c's. */
#ifndef AGENT_STORAGE_DRIVER_H
#define AGENT_STORAGE_DRIVER_H

#include "agent.h"
#include "proto/agent.pb-c.h"

struct storage_driver {
  const char *name;
  /* Mounts @storage on the directory @target_fd, which is @where. 0 or -1 with @fault set. */
  int (*mount) (struct agent *agent, const Grpc__Storage *storage, int target_fd, const char *where,
                struct fault *fault);
  int makes_mount; /* 0: only a directory */
  int on_disk;     /* what was written has to reach the disk, which may go next */
};

/** NULL if unknown. */
const struct storage_driver *storage_driver_find (const char *name);

/** Non-zero for a disk that is not mounted: its node is bound on a file, and a container has the device itself. */
int storage_driver_binds_node (const struct storage_driver *driver, const Grpc__Storage *storage);

#endif
