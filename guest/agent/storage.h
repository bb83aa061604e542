/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* storage: what the host asks to have mounted, counted by mount point. */
#ifndef AGENT_STORAGE_H
#define AGENT_STORAGE_H

#include <pthread.h>
#include <stddef.h>

#include "proto/agent.pb-c.h"

#include "fault.h"

#define STORAGES_MAX 1024

struct agent;

struct storage {
  char *mount_point;
  int mounted; /* `local` is only a directory */
  int on_disk;
  int file; /* what is mounted on: of a device's node */
  unsigned refs;
  struct storage *next;
};

struct storages {
  pthread_mutex_t lock; /* held while something is mounted: two requests for one mount point must not both do it */
  struct storage *list;
  unsigned count;
};

/* The references that a container or the sandbox holds. */
struct storage_list {
  struct storage **items;
  size_t count;
};

void storages_init (struct storages *storages);
/** Mounts what is not mounted yet. On failure what this call took is given back. 0 or -1 with @fault set. */
int storages_acquire (struct agent *agent, Grpc__Storage *const *wanted, size_t count, struct storage_list *held,
                      struct fault *fault);
void storages_release (struct agent *agent, struct storage_list *held);
/** The drivers that storages_acquire() knows; ends with NULL. */
const char *const *storage_drivers (void);

#endif
