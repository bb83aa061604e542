/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* events: the queue; watch.c is the thread that fills it. */
#include "sandbox/events.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/watch.h"

#define QUEUE_MAX 1024u

void
kata_events__signal (int fd)
{
  uint64_t one = 1;
  while (write (fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
}

void
kata_events__quiet (int fd)
{
  uint64_t count;
  while (read (fd, &count, sizeof count) < 0 && errno == EINTR)
    ;
}

static void
push_locked (struct kata_events *events, const kata_event *event)
{
  if (g_queue_get_length (&events->queue) >= QUEUE_MAX) {
    g_queue_clear_full (&events->queue, g_free);
    events->overrun = true;
  }
  g_queue_push_tail (&events->queue, g_memdup2 (event, sizeof *event));
  kata_events__signal (events->ready_fd);
  g_cond_broadcast (&events->changed);
}

void
kata_events__push (struct kata_events *events, const kata_event *event)
{
  g_mutex_lock (&events->lock);
  push_locked (events, event);
  g_mutex_unlock (&events->lock);
}

unsigned
kata_events__n_states (struct kata_events *events)
{
  g_mutex_lock (&events->lock);
  unsigned n = events->n_states;
  g_mutex_unlock (&events->lock);
  return n;
}

void
kata_events__push_seen (struct kata_events *events, int state, unsigned n_states)
{
  kata_event event = KATA_EVENT_INIT;
  event.type = KATA_EVENT_SANDBOX_STATE;
  event.state = state;
  g_mutex_lock (&events->lock);
  /* The watcher and the handle that made the change both notice it. */
  bool news = events->last_state != state && events->n_states == n_states;
  if (news) {
    events->last_state = state;
    events->n_states++;
    push_locked (events, &event);
  }
  g_mutex_unlock (&events->lock);
}

void
kata_events__push_state (struct kata_events *events, int state)
{
  kata_events__push_seen (events, state, kata_events__n_states (events));
}

struct kata_events *
kata_events__ref (struct kata_events *events)
{
  g_atomic_ref_count_inc (&events->refs);
  return events;
}

void
kata_events__unref (struct kata_events *events)
{
  if (!g_atomic_ref_count_dec (&events->refs))
    return;
  kata_fd__close (events->ready_fd);
  kata_fd__close (events->wake_fd);
  kata_fd__close (events->inotify_fd);
  g_queue_clear_full (&events->queue, g_free);
  g_hash_table_unref (events->watched);
  g_hash_table_unref (events->exits);
  g_mutex_clear (&events->lock);
  g_cond_clear (&events->changed);
  g_free (events);
}

void
kata_events__free (struct kata_events *events)
{
  if (events == NULL)
    return;
  g_mutex_lock (&events->lock);
  events->stop = true;
  g_mutex_unlock (&events->lock);
  kata_events__signal (events->wake_fd);
  if (events->thread != NULL)
    g_thread_join (events->thread);
  kata_events__unref (events);
}

static int
make (struct kata_events **out, kata_sandbox *sandbox, kata_error **err)
{
  struct kata_events *events = g_new0 (struct kata_events, 1);
  g_atomic_ref_count_init (&events->refs);
  g_mutex_init (&events->lock);
  g_cond_init (&events->changed);
  g_queue_init (&events->queue);
  events->sandbox = sandbox;
  events->watched = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  events->exits = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  events->inotify_fd = -1;
  events->ready_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  events->wake_fd = eventfd (1, EFD_CLOEXEC | EFD_NONBLOCK);
  int r = 0;
  if (events->ready_fd < 0 || events->wake_fd < 0)
    r = kata_error__errno (err, KATA_E_IO, sandbox->id, errno, "events of sandbox \"%s\"", sandbox->id);
  if (r == 0)
    r = kata_watch__start (events, err);
  if (r != 0) {
    kata_events__unref (events);
    return r;
  }
  *out = events;
  return 0;
}

static int
get (struct kata_events **out, kata_sandbox *sandbox, kata_error **err)
{
  int r = 0;
  g_mutex_lock (&sandbox->lock);
  if (sandbox->events == NULL)
    r = make (&sandbox->events, sandbox, err);
  *out = sandbox->events;
  g_mutex_unlock (&sandbox->lock);
  return r;
}

int
kata_events__fd (kata_sandbox *sandbox, kata_error **err)
{
  struct kata_events *events = NULL;
  int r = get (&events, sandbox, err);
  return r != 0 ? r : events->ready_fd;
}

static int
take (struct kata_events *events, kata_event *event, kata_error **err)
{
  if (events->overrun) {
    events->overrun = false;
    return kata_error__set (err, KATA_E_LIMIT, events->sandbox->id, "events: more than %u waited; the oldest are lost",
                            QUEUE_MAX);
  }
  kata_event *oldest = g_queue_pop_head (&events->queue);
  size_t size = event->size;
  memcpy (event, oldest, MIN (size, sizeof *oldest));
  event->size = size;
  g_free (oldest);
  if (g_queue_is_empty (&events->queue))
    kata_events__quiet (events->ready_fd);
  return 1;
}

int
kata_events__next (kata_sandbox *sandbox, kata_event *event, int64_t deadline_us, kata_error **err)
{
  struct kata_events *events = NULL;
  int r = get (&events, sandbox, err);
  if (r != 0)
    return r;
  g_mutex_lock (&events->lock);
  bool waiting = true;
  while (g_queue_is_empty (&events->queue) && !events->overrun && waiting) {
    if (deadline_us == INT64_MAX)
      g_cond_wait (&events->changed, &events->lock);
    else
      waiting = g_cond_wait_until (&events->changed, &events->lock, deadline_us);
  }
  r = g_queue_is_empty (&events->queue) && !events->overrun ? 0 : take (events, event, err);
  g_mutex_unlock (&events->lock);
  return r;
}

static struct kata_events *
present (kata_sandbox *sandbox)
{
  g_mutex_lock (&sandbox->lock);
  struct kata_events *events = sandbox->events;
  g_mutex_unlock (&sandbox->lock);
  return events;
}

void
kata_events__state (kata_sandbox *sandbox, int state)
{
  struct kata_events *events = present (sandbox);
  if (events == NULL)
    return;
  kata_events__push_state (events, state);
  kata_events__signal (events->wake_fd);
}

void
kata_events__container (kata_sandbox *sandbox, kata_link *link, const char *id)
{
  struct kata_events *events = present (sandbox);
  if (events != NULL)
    kata_watch__container (events, link, id, true);
}

void
kata_events__look (kata_sandbox *sandbox)
{
  struct kata_events *events = present (sandbox);
  if (events != NULL)
    kata_events__signal (events->wake_fd);
}
