/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* watch: one loop over poll. */
#include "sandbox/watch.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/thread.h"
#include "sandbox/operation.h"

#define TICK_MS    1000 /* what failed is tried again */
#define CONNECT_MS 5000
#define SAVE_MS    200
#define OOMS_MAX   16 /* asked for in a tick: an agent that answers without pause must not keep us, and the queue, busy */

static void
push_about (struct kata_events *events, int type, const char *container_id, int exit_status)
{
  kata_event event = KATA_EVENT_INIT;
  event.type = type;
  event.exit_status = exit_status;
  g_strlcpy (event.container_id, container_id, sizeof event.container_id);
  kata_events__push (events, &event);
}

/* On a thread of the connection's. */
static void
on_end (void *user, kata_track *track, int status, const kata_error *error)
{
  struct kata_events *events = user;
  const char *id = kata_track__container_id (track);
  g_mutex_lock (&events->lock);
  if (error != NULL)
    g_hash_table_remove (events->watched, id);
  else
    g_hash_table_insert (events->exits, g_strdup (id), GINT_TO_POINTER (status + 1));
  g_mutex_unlock (&events->lock);
  if (error == NULL) {
    push_about (events, KATA_EVENT_CONTAINER_EXIT, id, status);
    kata_events__signal (events->wake_fd);
  }
}

static void
on_oom (void *user, const char *container_id, const kata_error *error)
{
  struct kata_events *events = user;
  int code = kata_error_get_code (error);
  g_mutex_lock (&events->lock);
  events->oom_pending = false;
  events->oom_unsupported = events->oom_unsupported || code == KATA_E_UNSUPPORTED;
  bool known = error == NULL && g_hash_table_contains (events->watched, container_id);
  g_mutex_unlock (&events->lock);
  if (known)
    push_about (events, KATA_EVENT_OOM, container_id, 0);
  if (error == NULL)
    kata_events__signal (events->wake_fd);
  kata_events__unref (events);
}

/* With the lock held. Who had enough of them comes again at the next tick; the agent keeps them meanwhile. */
static bool
wants_oom (struct kata_events *events)
{
  int64_t now = g_get_monotonic_time ();
  if (events->oom_pending || events->oom_unsupported)
    return false;
  if (now - events->oom_since_us >= TICK_MS * 1000) {
    events->oom_since_us = now;
    events->n_ooms = 0;
  }
  return events->n_ooms++ < OOMS_MAX;
}

static void
watch_oom (struct kata_events *events, kata_link *link)
{
  g_mutex_lock (&events->lock);
  bool wanted = wants_oom (events);
  events->oom_pending = events->oom_pending || wanted;
  g_mutex_unlock (&events->lock);
  if (!wanted)
    return;
  if (kata_agent__oom_start (kata_link__agent (link), NULL, on_oom, kata_events__ref (events), NULL) != 0) {
    g_mutex_lock (&events->lock);
    events->oom_pending = false;
    g_mutex_unlock (&events->lock);
    kata_events__unref (events);
  }
}

void
kata_watch__container (struct kata_events *events, kata_link *link, const char *id, bool again)
{
  g_mutex_lock (&events->lock);
  bool news = again || !g_hash_table_contains (events->watched, id);
  if (news) {
    g_hash_table_insert (events->watched, g_strdup (id), GUINT_TO_POINTER (++events->n_watched));
    g_hash_table_remove (events->exits, id); /* of an earlier one that bore its id */
  }
  g_mutex_unlock (&events->lock);
  if (!news)
    return;
  g_autoptr (kata_track) track = kata_sandbox__track (events->sandbox, id, "");
  kata_track__watch (track, link, on_end, kata_events__ref (events), (GDestroyNotify) kata_events__unref);
}

/* What the state file says, and how many containers were watched when it was read: later ones may not be in it. */
struct seen {
  kata_sandbox_state *state;
  guint n_watched;
};

static gboolean
is_gone (gpointer id, gpointer number, gpointer data)
{
  const struct seen *seen = data;
  return GPOINTER_TO_UINT (number) <= seen->n_watched && kata_state__container (seen->state, id) == NULL;
}

static gboolean
has_gone (gpointer id, gpointer value, gpointer data)
{
  const struct seen *seen = data;
  return kata_state__container (seen->state, id) == NULL;
}

static void
look_at_containers (struct kata_events *events, kata_sandbox_state *state, guint n_watched)
{
  g_autoptr (kata_link) link = NULL;
  struct seen seen = { state, n_watched };
  g_mutex_lock (&events->lock);
  g_hash_table_foreach_remove (events->watched, is_gone, &seen);
  g_hash_table_foreach_remove (events->exits, has_gone, &seen);
  g_mutex_unlock (&events->lock);
  for (size_t i = 0; i < state->n_containers; i++) {
    if (state->containers[i].state != KATA_STATE_RUNNING && state->containers[i].state != KATA_STATE_PAUSED)
      continue;
    if (link == NULL && kata_sandbox__link (&link, events->sandbox, kata_runtime__deadline (CONNECT_MS, 0), NULL) != 0)
      return;
    kata_watch__container (events, link, state->containers[i].id, false);
    watch_oom (events, link);
  }
}

static gboolean
is_noted (gpointer id, gpointer status, gpointer state)
{
  const struct kata_container_state *container = kata_state__container (state, id);
  return container == NULL || container->exit_status >= 0;
}

/* Writes down how containers ended; whoever works on the sandbox now does not wait for us, we come again. So we do where writing fails. */
static void
save_exits (struct kata_events *events)
{
  static const struct kata_operation_options options = { .what = "watch", .timeout_ms = SAVE_MS, .yielding = true };
  g_mutex_lock (&events->lock);
  bool any = g_hash_table_size (events->exits) != 0;
  g_mutex_unlock (&events->lock);
  struct kata_operation op;
  if (!any || kata_operation__begin (&op, events->sandbox, &options, NULL) != 0)
    return;
  bool changed = false;
  g_mutex_lock (&events->lock);
  for (size_t i = 0; i < op.state->n_containers; i++) {
    struct kata_container_state *container = &op.state->containers[i];
    int status = GPOINTER_TO_INT (g_hash_table_lookup (events->exits, container->id)) - 1;
    if (status < 0 || container->exit_status >= 0)
      continue;
    container->state = KATA_STATE_STOPPED;
    container->exit_status = status;
    changed = true;
  }
  g_mutex_unlock (&events->lock);
  if (!changed || kata_state__save (op.state, events->sandbox->dirfd, NULL) == 0) {
    g_mutex_lock (&events->lock);
    g_hash_table_foreach_remove (events->exits, is_noted, op.state);
    g_mutex_unlock (&events->lock);
  }
  kata_operation__end (&op);
}

static guint
n_watched_now (struct kata_events *events)
{
  g_mutex_lock (&events->lock);
  guint n = events->n_watched;
  g_mutex_unlock (&events->lock);
  return n;
}

/* Returns the descriptor that tells the guest's end, with a reference to what owns it; -1 = nothing to watch. */
static int
look (struct kata_events *events, kata_machine **machine)
{
  g_autoptr (kata_sandbox_state) state = NULL;
  unsigned n_states = kata_events__n_states (events);
  guint n_watched = n_watched_now (events);
  *machine = NULL;
  if (kata_sandbox__load (&state, events->sandbox, NULL) != 0)
    return -1;
  int real = kata_sandbox__real_state (events->sandbox, state);
  kata_events__push_seen (events, real, n_states);
  if (real != KATA_STATE_RUNNING && real != KATA_STATE_PAUSED) {
    if (real == KATA_STATE_STOPPED)
      kata_sandbox__interrupt (events->sandbox); /* what waits for the guest learns it now */
    return -1;
  }
  if (real == KATA_STATE_RUNNING)
    look_at_containers (events, state, n_watched);
  if (kata_sandbox__machine (machine, events->sandbox, state, NULL) != 0)
    return -1;
  return kata_vm__exit_fd (kata_machine__vm (*machine));
}

static bool
must_stop (struct kata_events *events)
{
  g_mutex_lock (&events->lock);
  bool stop = events->stop;
  g_mutex_unlock (&events->lock);
  return stop;
}

static void
drain (int fd)
{
  char buffer[4096];
  while (fd >= 0 && read (fd, buffer, sizeof buffer) > 0)
    ;
}

static gpointer
run (gpointer data)
{
  struct kata_events *events = data;
  while (!must_stop (events)) {
    kata_machine *machine = NULL;
    save_exits (events);
    struct pollfd fds[] = {
      { .fd = events->wake_fd, .events = POLLIN },
      { .fd = events->inotify_fd, .events = POLLIN },
      { .fd = look (events, &machine), .events = POLLIN },
    };
    poll (fds, G_N_ELEMENTS (fds), TICK_MS);
    kata_events__quiet (events->wake_fd);
    drain (events->inotify_fd);
    kata_machine__unref (machine);
  }
  return NULL;
}

int
kata_watch__start (struct kata_events *events, kata_error **err)
{
  kata_sandbox *sandbox = events->sandbox;
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", sandbox->dirfd);
  /* Without it the tick notices what other processes change, later. */
  events->inotify_fd = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  if (events->inotify_fd >= 0)
    inotify_add_watch (events->inotify_fd, path, IN_MOVED_TO | IN_DELETE_SELF);
  g_autoptr (kata_sandbox_state) state = NULL;
  /* What is so already is no event. */
  if (kata_sandbox__load (&state, sandbox, NULL) == 0)
    events->last_state = state->state;
  g_autoptr (GError) error = NULL;
  events->thread = kata_thread__new ("kata-watch", run, events, &error);
  if (events->thread == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, sandbox->id, "events of sandbox \"%s\": %s", sandbox->id,
                            error->message);
  return 0;
}
