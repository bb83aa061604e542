/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper-watch: a thread that hears of containers short of memory, and tells engines in the way that they look for. */
#include <fcntl.h>
#include <unistd.h>

#include "verbs/keeper.h"

struct watcher {
  keeper *keeper;
  kata_sandbox *sandbox;
};

/* What conmon does when the host's cgroup says so: podman and CRI-O look for this file. The host's cgroup knows nothing of the guest's. */
static void
leave_word (const char *bundle)
{
  int folder = bundle ? open (bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  int fd = folder < 0 ? -1 : openat (folder, "oom", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (fd >= 0)
    close (fd);
  if (folder >= 0)
    close (folder);
}

static void *
watch_thread (void *data)
{
  struct watcher *watcher = data;
  for (;;) {
    kata_event event = KATA_EVENT_INIT;
    int rc = kata_sandbox_next_event (watcher->sandbox, &event, KATA_TIMEOUT_NONE, NULL);
    if (rc == KATA_E_LIMIT)
      continue; /* some were lost */
    if (rc < 0 || (event.type == KATA_EVENT_SANDBOX_STATE && event.state == KATA_STATE_STOPPED))
      break;
    unit *unit = event.type == KATA_EVENT_OOM ? keeper_take (watcher->keeper, event.container_id) : NULL;
    if (!unit)
      continue;
    leave_word (unit->bundle);
    g_atomic_int_inc (&unit->ooms);
    g_atomic_int_inc (&watcher->keeper->ooms);
    kept_note (unit->init, KEPT_STARVED);
    keeper_give (watcher->keeper, unit);
  }
  kata_sandbox_unref (watcher->sandbox);
  g_free (watcher);
  return NULL;
}

void
keeper_watch (keeper *keeper, kata_sandbox *sandbox)
{
  struct watcher *watcher = g_new (struct watcher, 1);
  *watcher = (struct watcher){ keeper, kata_sandbox_ref (sandbox) };
  kata_sandbox_get_event_fd (sandbox); /* starts the library's watching */
  g_thread_unref (g_thread_new ("events", watch_thread, watcher));
}
