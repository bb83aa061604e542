/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* write: standard input of one process, a piece at a time; who interrupts the handle ends the wait, not the guest's part of it. */
#include "base/error.h"
#include "sandbox/process.h"

/* One piece in flight; the callback and the waiter each hold it. */
struct piece {
  gatomicrefcount refs;
  GMutex lock;
  GCond changed;
  bool done;
  size_t written;
  kata_error *error;
};

static struct piece *
piece_new (void)
{
  struct piece *piece = g_new0 (struct piece, 1);
  g_atomic_ref_count_init (&piece->refs);
  g_mutex_init (&piece->lock);
  g_cond_init (&piece->changed);
  return piece;
}

static void
piece_unref (struct piece *piece)
{
  if (!g_atomic_ref_count_dec (&piece->refs))
    return;
  kata_error_unref (piece->error);
  g_mutex_clear (&piece->lock);
  g_cond_clear (&piece->changed);
  g_free (piece);
}

static void
piece_done (void *user, size_t written, const kata_error *error)
{
  struct piece *piece = user;
  g_mutex_lock (&piece->lock);
  piece->done = true;
  piece->written = written;
  piece->error = error != NULL ? kata_error_ref ((kata_error *) error) : NULL;
  g_cond_broadcast (&piece->changed);
  g_mutex_unlock (&piece->lock);
  piece_unref (piece);
}

/* The call ends by its reply, its deadline, the connection's end or an interruption: always. */
static int
piece_wait (struct piece *piece, size_t *written, kata_error **err)
{
  int r = 0;
  g_mutex_lock (&piece->lock);
  while (!piece->done)
    g_cond_wait (&piece->changed, &piece->lock);
  if (piece->error != NULL)
    r = kata_error__propagate (err, g_steal_pointer (&piece->error));
  else
    *written = piece->written;
  g_mutex_unlock (&piece->lock);
  return r;
}

/* Registers the call before it looks whether an interruption came first, so that none falls between. */
static void
enlist (kata_process *process, kata_agent_pending *pending, gint seen)
{
  g_mutex_lock (&process->lock);
  g_ptr_array_add (process->writes, pending);
  if (g_atomic_int_get (&process->interrupts.write) != seen)
    kata_agent_pending__cancel (pending);
  g_mutex_unlock (&process->lock);
}

static void
discharge (kata_process *process, kata_agent_pending *pending)
{
  g_mutex_lock (&process->lock);
  g_ptr_array_remove_fast (process->writes, pending);
  g_mutex_unlock (&process->lock);
}

static int
write_piece (kata_process *process, kata_link *link, const char *data, size_t length, size_t *written, int64_t left_ms,
             gint seen, kata_error **err)
{
  struct piece *piece = piece_new ();
  kata_agent_pending *pending = NULL;
  g_atomic_ref_count_inc (&piece->refs);
  int r = kata_agent__write_start (kata_link__agent (link), &pending, process->container->id, process->exec_id, data,
                                   length, left_ms, piece_done, piece, err);
  if (r != 0) {
    piece_unref (piece);
  } else {
    enlist (process, pending, seen);
    r = piece_wait (piece, written, err);
    discharge (process, pending);
    kata_agent_pending__unref (pending);
  }
  piece_unref (piece);
  return r;
}

int
kata_process__write (kata_process *process, const void *data, size_t length, size_t *n_written, int64_t timeout_ms,
                     kata_error **err)
{
  g_autoptr (kata_link) link = NULL;
  kata_error *error = NULL;
  kata_container *container = process->container;
  gint seen = g_atomic_int_get (&process->interrupts.write);
  int64_t deadline_us = kata_runtime__deadline (timeout_ms, KATA_TIMEOUT_NONE);
  const struct kata_track_patience patience = { deadline_us, &process->interrupts.write, seen, false };
  size_t done = 0;
  int r = 0;
  if (g_atomic_int_get (&process->stdin_closed) != 0)
    r = kata_error__set (&error, KATA_E_STATE, container->id, "write: standard input is closed");
  if (r == 0)
    r = kata_process__reach (&link, process, &patience, &error);
  while (r == 0 && done < length) {
    size_t n = 0;
    int64_t left = kata_runtime__left_ms (deadline_us);
    if (left == 0 && done != 0) {
      r = kata_error__set (&error, KATA_E_TIMEOUT, container->id, "write: the process did not read in time");
      break;
    }
    r = write_piece (process, link, (const char *) data + done, length - done, &n, left, seen, &error);
    done += n;
  }
  if (n_written != NULL)
    *n_written = done;
  return kata_process__finish (process, link, r, error, err);
}
