/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* oom: watches memory.events of the containers' cgroups with inotify and queues what it sees. */
#include "oom.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "cgroup.h"
#include "file.h"
#include "mem.h"
#include "thread.h"

static uint64_t
read_kills (const char *container_id)
{
  char path[300], text[512];
  cgroup_path (path, sizeof path, container_id, "memory.events");
  if (file_read (path, text, sizeof text) < 0)
    return 0;
  char *line = strstr (text, "oom_kill ");
  return line ? strtoull (line + 9, NULL, 10) : 0;
}

/* Under the lock. */
static void
push (struct oom *oom, const char *container_id)
{
  uint64_t one = 1;
  if (oom->count == OOM_QUEUE_MAX)
    return;
  memcpy (oom->queue[(oom->first + oom->count++) % OOM_QUEUE_MAX], container_id, PATH_ID_MAX + 1);
  while (write (oom->event_fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
}

static void
handle (struct oom *oom, const struct inotify_event *event)
{
  pthread_mutex_lock (&oom->lock);
  for (size_t i = 0; i < OOM_WATCHES_MAX; i++) {
    if (oom->watches[i].watch != event->wd)
      continue;
    uint64_t kills = read_kills (oom->watches[i].container_id);
    if (kills > oom->watches[i].kills) {
      oom->watches[i].kills = kills;
      push (oom, oom->watches[i].container_id);
    }
    if (event->mask & IN_IGNORED)
      oom->watches[i].watch = 0;
    break;
  }
  pthread_mutex_unlock (&oom->lock);
}

static void *
run (void *data)
{
  struct oom *oom = data;
  char buffer[4096] __attribute__ ((aligned (8)));
  for (;;) {
    ssize_t n = read (oom->inotify_fd, buffer, sizeof buffer);
    if (n < 0 && errno != EINTR)
      return NULL;
    for (ssize_t at = 0; at < n;) {
      const struct inotify_event *event = (const struct inotify_event *) (buffer + at);
      handle (oom, event);
      at += (ssize_t) (sizeof *event + event->len);
    }
  }
}

int
oom_start (struct oom *oom)
{
  memset (oom, 0, sizeof *oom);
  pthread_mutex_init (&oom->lock, NULL);
  oom->inotify_fd = inotify_init1 (IN_CLOEXEC);
  oom->event_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
  if (oom->inotify_fd < 0 || oom->event_fd < 0)
    return -errno;
  return thread_start (run, oom);
}

void
oom_watch (struct oom *oom, const char *container_id)
{
  char path[300];
  cgroup_path (path, sizeof path, container_id, "memory.events");
  pthread_mutex_lock (&oom->lock);
  for (size_t i = 0; i < OOM_WATCHES_MAX; i++) {
    if (oom->watches[i].watch)
      continue;
    int watch = inotify_add_watch (oom->inotify_fd, path, IN_MODIFY);
    if (watch > 0) { /* else there is no memory controller, and no event will come */
      oom->watches[i].watch = watch;
      oom->watches[i].kills = read_kills (container_id);
      snprintf (oom->watches[i].container_id, sizeof oom->watches[i].container_id, "%s", container_id);
    }
    break;
  }
  pthread_mutex_unlock (&oom->lock);
}

void
oom_forget (struct oom *oom, const char *container_id)
{
  pthread_mutex_lock (&oom->lock);
  for (size_t i = 0; i < OOM_WATCHES_MAX; i++)
    if (oom->watches[i].watch && text_is (oom->watches[i].container_id, container_id)) {
      inotify_rm_watch (oom->inotify_fd, oom->watches[i].watch);
      oom->watches[i].watch = 0;
    }
  pthread_mutex_unlock (&oom->lock);
}

int
oom_next (struct oom *oom, ttrpc_request *request, char container_id[PATH_ID_MAX + 1], struct fault *fault)
{
  struct pollfd events[2] = { { .fd = oom->event_fd, .events = POLLIN },
                              { .fd = ttrpc_request_cancel_fd (request), .events = POLLIN } };
  for (;;) {
    uint64_t one;
    if (poll (events, 2, -1) < 0 && errno != EINTR)
      return fault_errno (fault, "cannot wait for an event");
    if (ttrpc_request_is_cancelled (request))
      return fault_set (fault, TTRPC_CANCELLED, "the caller has gone or its time is over");
    if (read (oom->event_fd, &one, sizeof one) != sizeof one)
      continue; /* another caller was faster */
    pthread_mutex_lock (&oom->lock);
    memcpy (container_id, oom->queue[oom->first], PATH_ID_MAX + 1);
    oom->first = (oom->first + 1) % OOM_QUEUE_MAX;
    oom->count--;
    pthread_mutex_unlock (&oom->lock);
    return 0;
  }
}
