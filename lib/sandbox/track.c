/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* track: three slots (standard output, standard error, end), each with at most one call in flight. */
#include "sandbox/track.h"

#include <string.h>

#include "base/error.h"

#define LOOK_US G_USEC_PER_SEC

struct slot {
  bool pending;
  bool lost;         /* @error is the connection's end */
  bool over;         /* the end of the stream was seen, or the status is known */
  GBytes *data;      /* bytes that nobody has taken yet */
  kata_error *error; /* how the last call failed; the next caller gets it, once */
};

struct kata_track {
  gatomicrefcount refs;
  char *container_id, *exec_id;
  GMutex lock;
  GCond changed;
  struct slot streams[2], end;
  int status;
  GSList *watchers; /* struct watcher */
};

struct watcher {
  kata_track_fn done;
  void *user;
  GDestroyNotify user_free;
};

/* What a call in flight holds. */
struct flight {
  kata_track *track;
  struct slot *slot;
  kata_agent *agent; /* borrowed: it lives as long as its calls */
};

kata_track *
kata_track__new (const char *container_id, const char *exec_id)
{
  kata_track *track = g_new0 (kata_track, 1);
  g_atomic_ref_count_init (&track->refs);
  track->container_id = g_strdup (container_id);
  track->exec_id = g_strdup (exec_id);
  g_mutex_init (&track->lock);
  g_cond_init (&track->changed);
  return track;
}

kata_track *
kata_track__ref (kata_track *track)
{
  g_atomic_ref_count_inc (&track->refs);
  return track;
}

static void
slot_clear (struct slot *slot)
{
  g_clear_pointer (&slot->data, g_bytes_unref);
  slot->error = kata_error_unref (slot->error);
}

static void
watcher_free (void *data)
{
  struct watcher *watcher = data;
  if (watcher->user_free != NULL)
    watcher->user_free (watcher->user);
  g_free (watcher);
}

kata_track *
kata_track__unref (kata_track *track)
{
  if (track == NULL || !g_atomic_ref_count_dec (&track->refs))
    return NULL;
  slot_clear (&track->streams[0]);
  slot_clear (&track->streams[1]);
  slot_clear (&track->end);
  g_slist_free_full (track->watchers, watcher_free);
  g_mutex_clear (&track->lock);
  g_cond_clear (&track->changed);
  g_free (track->container_id);
  g_free (track->exec_id);
  g_free (track);
  return NULL;
}

static struct flight *
flight_new (kata_track *track, struct slot *slot, kata_link *link)
{
  struct flight *flight = g_new (struct flight, 1);
  *flight = (struct flight){ kata_track__ref (track), slot, kata_link__agent (link) };
  return flight;
}

static void
flight_free (struct flight *flight)
{
  kata_track__unref (flight->track);
  g_free (flight);
}

/* With the lock held. A read that is lost had taken nothing, as far as this side knows; what the guest had sent is gone. */
static void
set_error (struct flight *flight, const kata_error *error)
{
  kata_error_unref (flight->slot->error);
  flight->slot->error = kata_error_ref ((kata_error *) error);
  flight->slot->lost = kata_agent__is_lost (flight->agent, NULL);
}

static void
read_done (void *user, GBytes *data, const kata_error *error)
{
  struct flight *flight = user;
  kata_track *track = flight->track;
  g_mutex_lock (&track->lock);
  flight->slot->pending = false;
  if (error != NULL)
    set_error (flight, error);
  else if (g_bytes_get_size (data) == 0)
    flight->slot->over = true;
  else
    flight->slot->data = g_bytes_ref (data);
  g_mutex_unlock (&track->lock);
  g_cond_broadcast (&track->changed); /* without the lock, which who wakes up wants */
  flight_free (flight);
}

static void
wait_done (void *user, int status, const kata_error *error)
{
  struct flight *flight = user;
  kata_track *track = flight->track;
  g_mutex_lock (&track->lock);
  flight->slot->pending = false;
  if (error != NULL) {
    set_error (flight, error);
  } else {
    flight->slot->over = true;
    track->status = status;
  }
  GSList *watchers = g_steal_pointer (&track->watchers);
  g_cond_broadcast (&track->changed);
  g_mutex_unlock (&track->lock);
  for (GSList *item = watchers; item != NULL; item = item->next) {
    struct watcher *watcher = item->data;
    watcher->done (watcher->user, track, status, error);
  }
  g_slist_free_full (watchers, watcher_free);
  flight_free (flight);
}

/* With the lock held; the callback may run before this returns, on another thread, and waits for the lock then. */
static int
start_read (kata_track *track, kata_link *link, struct slot *slot, uint32_t length, kata_error **err)
{
  struct flight *flight = flight_new (track, slot, link);
  slot->pending = true;
  int r = kata_agent__read_start (kata_link__agent (link), NULL, track->container_id, track->exec_id,
                                  slot == &track->streams[1], length, read_done, flight, err);
  if (r != 0) {
    slot->pending = false;
    flight_free (flight);
  }
  return r;
}

static int
start_wait (kata_track *track, kata_link *link, kata_error **err)
{
  struct flight *flight = flight_new (track, &track->end, link);
  track->end.pending = true;
  int r = kata_agent__wait_start (kata_link__agent (link), NULL, track->container_id, track->exec_id, wait_done, flight,
                                  err);
  if (r != 0) {
    track->end.pending = false;
    flight_free (flight);
  }
  return r;
}

/* With the lock held, until something has changed; the slot may still be pending then. @doing: "read", for errors. */
static int
sleep_on (kata_track *track, const struct slot *slot, const struct kata_track_patience *patience, const char *doing,
          kata_error **err)
{
  if (patience->interrupts != NULL && g_atomic_int_get (patience->interrupts) != patience->seen)
    return kata_error__set (err, KATA_E_CANCELLED, track->container_id, "%s: interrupted by the caller", doing);
  int64_t look_us = patience->looks ? g_get_monotonic_time () + LOOK_US : INT64_MAX;
  int64_t until_us = MIN (patience->deadline_us, look_us);
  if (until_us == INT64_MAX)
    g_cond_wait (&track->changed, &track->lock);
  else if (!g_cond_wait_until (&track->changed, &track->lock, until_us) && slot->pending)
    return until_us < patience->deadline_us
               ? KATA_TRACK_LOOK
               : kata_error__set (err, KATA_E_TIMEOUT, track->container_id, "%s: nothing came in time", doing);
  return 0;
}

static size_t
take (struct slot *slot, void *buffer, size_t length)
{
  size_t have = 0;
  const void *data = g_bytes_get_data (slot->data, &have);
  size_t n = MIN (have, length);
  memcpy (buffer, data, n);
  GBytes *rest = n < have ? g_bytes_new_from_bytes (slot->data, n, have - n) : NULL;
  g_bytes_unref (slot->data);
  slot->data = rest;
  return n;
}

static int
read_locked (kata_track *track, kata_link *link, struct slot *slot, void *buffer, size_t length, size_t *n_read,
             const struct kata_track_patience *patience, kata_error **err)
{
  for (;;) {
    if (slot->data != NULL) {
      *n_read = take (slot, buffer, length);
      return 0;
    }
    if (slot->error != NULL)
      return kata_error__propagate (err, g_steal_pointer (&slot->error));
    if (slot->over) {
      *n_read = 0;
      return 0;
    }
    int r = slot->pending ? 0 : start_read (track, link, slot, (uint32_t) length, err);
    if (r == 0 && slot->pending)
      r = sleep_on (track, slot, patience, "read", err);
    if (r != 0)
      return r;
  }
}

int
kata_track__read (kata_track *track, kata_link *link, bool from_stderr, void *buffer, size_t length, size_t *n_read,
                  const struct kata_track_patience *patience, kata_error **err)
{
  g_mutex_lock (&track->lock);
  /* An earlier connection's end is nothing to this call, which has another. */
  if (track->streams[from_stderr].error != NULL && track->streams[from_stderr].lost)
    track->streams[from_stderr].error = kata_error_unref (track->streams[from_stderr].error);
  int r = read_locked (track, link, &track->streams[from_stderr], buffer, length, n_read, patience, err);
  g_mutex_unlock (&track->lock);
  return r;
}

static int
wait_locked (kata_track *track, kata_link *link, int *status, const struct kata_track_patience *patience,
             kata_error **err)
{
  /* A failure that was there before belongs to an earlier caller, or to a connection that was lost since. */
  track->end.error = kata_error_unref (track->end.error);
  while (!track->end.over) {
    /* Not taken out: all who wait get it. */
    if (track->end.error != NULL)
      return kata_error__propagate (err, kata_error_ref (track->end.error));
    int r = track->end.pending ? 0 : start_wait (track, link, err);
    if (r == 0 && track->end.pending)
      r = sleep_on (track, &track->end, patience, "wait", err);
    if (r != 0)
      return r;
  }
  *status = track->status;
  return 0;
}

int
kata_track__wait (kata_track *track, kata_link *link, int *status, const struct kata_track_patience *patience,
                  kata_error **err)
{
  g_mutex_lock (&track->lock);
  int r = wait_locked (track, link, status, patience, err);
  g_mutex_unlock (&track->lock);
  return r;
}

void
kata_track__wake (kata_track *track)
{
  g_mutex_lock (&track->lock);
  g_cond_broadcast (&track->changed);
  g_mutex_unlock (&track->lock);
}

bool
kata_track__poll (kata_track *track, kata_link *link, int *status, int64_t first_ms)
{
  g_mutex_lock (&track->lock);
  const struct kata_track_patience patience = { track->end.pending ? 0 : g_get_monotonic_time () + first_ms * 1000 };
  bool ended = wait_locked (track, link, status, &patience, NULL) == 0;
  g_mutex_unlock (&track->lock);
  return ended;
}

void
kata_track__watch (kata_track *track, kata_link *link, kata_track_fn done, void *user, GDestroyNotify user_free)
{
  struct watcher *watcher = g_new (struct watcher, 1);
  *watcher = (struct watcher){ done, user, user_free };
  g_autoptr (kata_error) error = NULL;
  g_mutex_lock (&track->lock);
  bool over = track->end.over;
  if (!over && !track->end.pending)
    start_wait (track, link, &error);
  if (!over && error == NULL)
    track->watchers = g_slist_prepend (track->watchers, watcher);
  int status = track->status;
  g_mutex_unlock (&track->lock);
  if (over || error != NULL) {
    done (user, track, status, error);
    watcher_free (watcher);
  }
}

bool
kata_track__ended (kata_track *track, int *status)
{
  g_mutex_lock (&track->lock);
  bool over = track->end.over;
  *status = track->status;
  g_mutex_unlock (&track->lock);
  return over;
}

const char *
kata_track__container_id (kata_track *track)
{
  return track->container_id;
}
