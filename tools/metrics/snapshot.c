/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* snapshot: what the library knows of a sandbox at one moment, asked for in a thread of its own, so that who wants it never waits for long. */
#include "metrics/snapshot.h"

#define GUEST_MS 1500 /* for all that the guest is asked */
#define ASK_MS   2500 /* for all of it */

struct metrics_asker {
  gatomicrefcount refs; /* the owner's, and the thread's */
  GMutex lock;          /* of what follows */
  GCond changed;
  gboolean stopping;        /* nobody wants to wait any more */
  gboolean busy;            /* a thread asks */
  metrics_snapshot *result; /* what the last one got, if nobody took it yet */
};

struct question {
  metrics_asker *asker;
  kata_sandbox *sandbox;
  gboolean guest;
};

static void
figures_free (metrics_figures *figures)
{
  g_free (figures->id);
  g_free (figures);
}

void
metrics_snapshot_free (metrics_snapshot *snapshot)
{
  if (!snapshot)
    return;
  kata_free (snapshot->inspect);
  kata_free (snapshot->guest);
  g_ptr_array_unref (snapshot->figures);
  g_free (snapshot);
}

static int64_t
left_ms (gint64 until)
{
  return MAX ((until - g_get_monotonic_time ()) / 1000, 1);
}

/* FALSE: the guest does not answer; it is not asked again. */
static gboolean
ask_container (metrics_snapshot *snapshot, kata_sandbox *sandbox, const char *id, gint64 until)
{
  kata_container *container = NULL;
  kata_container_stats stats = KATA_CONTAINER_STATS_INIT;
  int rc = kata_container_open (&container, sandbox, id, NULL);
  if (rc < 0)
    return TRUE; /* it has gone since */
  /* One that has ended has no figures, and lacks none. */
  gboolean alive = kata_container_get_state (container) != KATA_STATE_STOPPED;
  rc = alive ? kata_container_stats_get (container, &stats, left_ms (until), NULL) : KATA_E_STATE;
  kata_container_unref (container);
  if (rc == 0) {
    metrics_figures *figures = g_new (metrics_figures, 1);
    *figures = (metrics_figures){ g_strdup (id), stats };
    g_ptr_array_add (snapshot->figures, figures);
  }
  snapshot->missing += alive && rc < 0;
  return rc != KATA_E_TIMEOUT && rc != KATA_E_VMM;
}

static void
ask_guest (metrics_snapshot *snapshot, kata_sandbox *sandbox)
{
  gint64 until = g_get_monotonic_time () + GUEST_MS * 1000;
  char **ids = NULL;
  if (kata_sandbox_get_state (sandbox) != KATA_STATE_RUNNING || kata_sandbox_list_containers (&ids, sandbox, NULL) < 0)
    return;
  int rc = kata_sandbox_metrics_get (&snapshot->guest, sandbox, left_ms (until), NULL);
  gboolean going = rc == 0 || rc == KATA_E_UNSUPPORTED;
  for (char **id = ids; *id; id++)
    if (going)
      going = ask_container (snapshot, sandbox, *id, until) && g_get_monotonic_time () < until;
    else
      snapshot->missing++;
  snapshot->answers = going && snapshot->missing == 0;
  kata_strv_free (ids);
}

static void
asker_unref (metrics_asker *asker)
{
  if (!g_atomic_ref_count_dec (&asker->refs))
    return;
  metrics_snapshot_free (asker->result);
  g_mutex_clear (&asker->lock);
  g_cond_clear (&asker->changed);
  g_free (asker);
}

static gpointer
ask (gpointer data)
{
  struct question *question = data;
  metrics_asker *asker = question->asker;
  metrics_snapshot *snapshot = g_new0 (metrics_snapshot, 1);
  snapshot->figures = g_ptr_array_new_with_free_func ((GDestroyNotify) figures_free);
  kata_sandbox_inspect (&snapshot->inspect, question->sandbox, NULL);
  if (question->guest)
    ask_guest (snapshot, question->sandbox);
  kata_sandbox_unref (question->sandbox);
  g_mutex_lock (&asker->lock);
  asker->busy = FALSE;
  asker->result = snapshot;
  g_cond_broadcast (&asker->changed);
  g_mutex_unlock (&asker->lock);
  asker_unref (asker);
  g_free (question);
  return NULL;
}

metrics_asker *
metrics_asker_new (void)
{
  metrics_asker *asker = g_new0 (metrics_asker, 1);
  g_atomic_ref_count_init (&asker->refs);
  g_mutex_init (&asker->lock);
  g_cond_init (&asker->changed);
  return asker;
}

void
metrics_asker_stop (metrics_asker *asker)
{
  g_mutex_lock (&asker->lock);
  asker->stopping = TRUE;
  g_cond_broadcast (&asker->changed);
  g_mutex_unlock (&asker->lock);
}

void
metrics_asker_free (metrics_asker *asker)
{
  asker_unref (asker);
}

/* With the lock held. FALSE: a thread asks still. */
static gboolean
wait_idle (metrics_asker *asker, gint64 until)
{
  while (asker->busy && !asker->stopping)
    if (!g_cond_wait_until (&asker->changed, &asker->lock, until))
      break;
  return !asker->busy && !asker->stopping;
}

metrics_snapshot *
metrics_asker_ask (metrics_asker *asker, kata_sandbox *sandbox, gboolean guest)
{
  gint64 until = g_get_monotonic_time () + ASK_MS * 1000;
  metrics_snapshot *result = NULL;
  g_mutex_lock (&asker->lock);
  if (wait_idle (asker, until)) {
    struct question *question = g_new (struct question, 1);
    g_clear_pointer (&asker->result, metrics_snapshot_free); /* too late for who asked */
    g_atomic_ref_count_inc (&asker->refs);
    *question = (struct question){ asker, kata_sandbox_ref (sandbox), guest };
    asker->busy = TRUE;
    GThread *thread = g_thread_try_new ("ask", ask, question, NULL);
    if (thread) {
      g_thread_unref (thread);
      if (wait_idle (asker, until))
        result = g_steal_pointer (&asker->result);
    } else {
      asker->busy = FALSE;
      kata_sandbox_unref (question->sandbox);
      g_atomic_ref_count_dec (&asker->refs); /* the owner's is left */
      g_free (question);
    }
  }
  g_mutex_unlock (&asker->lock);
  return result;
}
