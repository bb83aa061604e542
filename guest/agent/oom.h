/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* oom: tells which container the kernel's out-of-memory killer has hit. */
#ifndef AGENT_OOM_H
#define AGENT_OOM_H

#include <pthread.h>
#include <stdint.h>
#include <ttrpc/ttrpc.h>

#include "fault.h"
#include "path.h"

#define OOM_QUEUE_MAX   64
#define OOM_WATCHES_MAX 256

struct oom {
  pthread_mutex_t lock;
  int inotify_fd;
  int event_fd; /* semaphore: one per queued event */
  struct {
    int watch; /* 0 = free */
    uint64_t kills;
    char container_id[PATH_ID_MAX + 1];
  } watches[OOM_WATCHES_MAX];
  char queue[OOM_QUEUE_MAX][PATH_ID_MAX + 1]; /* a ring; the newest is dropped when nobody asks */
  unsigned first, count;
};

/** Starts the thread. 0 or -errno. */
int oom_start (struct oom *oom);
void oom_watch (struct oom *oom, const char *container_id);
void oom_forget (struct oom *oom, const char *container_id);
/** Blocks for the next event and copies the container's id. 0 or -1 with @fault set. */
int oom_next (struct oom *oom, ttrpc_request *request, char container_id[PATH_ID_MAX + 1], struct fault *fault);

#endif
