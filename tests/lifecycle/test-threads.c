/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-threads: 64 threads use 16 sandboxes at once: nobody is blocked for good, no answer is another's, no event is lost.
   Arguments: [SECONDS]; a short run without. A build with -Db_sanitize=thread tells of data races. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define PODS    16
#define WORKERS 48 /* and a thread for each pod that takes its events */

static int seconds = 3;

struct pod {
  char id[8];
  kata_sandbox *sandbox;
  kata_container *base; /* runs all the time */
  GMutex lock;
  GCond cond;
  GHashTable *exits; /* of containers: id → status + 1, as the events told */
  int twice, failed; /* events that came again, that could not be taken */
  gint over;
};

struct worker {
  int number, round, result;
  gint64 until;
  struct pod *pod;
  char what[200];
};

/* As long as it is over, a worker says where it was. */
static int
note (struct worker *worker, const char *what, int result, kata_error *error)
{
  if (result != 0 && worker->result == 0) {
    worker->result = result;
    g_snprintf (worker->what, sizeof worker->what, "%s: %s", what, kata_error_get_message (error));
  }
  kata_error_unref (error);
  return result;
}

/* Takes a pod's events, as a program's own loop would. */
static gpointer
collect (gpointer data)
{
  struct pod *pod = data;
  while (!g_atomic_int_get (&pod->over)) {
    kata_event event = KATA_EVENT_INIT;
    int r = kata_sandbox_next_event (pod->sandbox, &event, 100, NULL);
    g_mutex_lock (&pod->lock);
    pod->failed += r < 0;
    if (r == 1 && event.type == KATA_EVENT_CONTAINER_EXIT) {
      if (!g_hash_table_insert (pod->exits, g_strdup (event.container_id), GINT_TO_POINTER (event.exit_status + 1)))
        pod->twice++;
      g_cond_broadcast (&pod->cond);
    }
    g_mutex_unlock (&pod->lock);
  }
  return NULL;
}

/* The status that the event told of; -1 = there was none. */
static int
told (struct pod *pod, const char *id)
{
  gint64 until = g_get_monotonic_time () + (gint64) LIFE_MS * 1000 / 2;
  gpointer status;
  bool waiting = true;
  g_mutex_lock (&pod->lock);
  while ((status = g_hash_table_lookup (pod->exits, id)) == NULL && waiting)
    waiting = g_cond_wait_until (&pod->cond, &pod->lock, until);
  g_mutex_unlock (&pod->lock);
  return GPOINTER_TO_INT (status) - 1;
}

/* A container of its own: its end is told once, by its process and by an event. */
static void
do_container (struct worker *worker)
{
  kata_container *container = NULL;
  kata_process *process = NULL;
  kata_error *error = NULL;
  int status = -1, wanted = worker->round % 100, r;
  g_autofree char *id = g_strdup_printf ("c%d-%d", worker->number, worker->round);
  g_autofree char *command = g_strdup_printf ("exit %d", wanted);
  r = life_container (&container, worker->pod->sandbox, life, id, command, &error);
  if (r == 0)
    r = kata_container_get_process (&process, container, &error);
  if (r == 0)
    r = kata_container_start (container, LIFE_MS, &error);
  if (r == 0)
    r = kata_process_wait (process, &status, LIFE_MS, &error);
  if (note (worker, "container", r, error) == 0) {
    error = NULL;
    int event = told (worker->pod, id);
    if (status != wanted || event != wanted) {
      worker->result = KATA_E_INTERNAL;
      g_snprintf (worker->what, sizeof worker->what, "%s: ended with %d, waited for %d, told of %d", id, wanted, status,
                  event);
    }
    r = kata_container_delete (container, 0, LIFE_MS, &error);
    note (worker, "delete", r, error);
  }
  kata_process_unref (process);
  kata_container_unref (container);
}

static int
start_exec (struct worker *worker, kata_process **out, const char *const *args)
{
  kata_exec_options options = KATA_EXEC_OPTIONS_INIT;
  kata_error *error = NULL;
  options.args = args;
  int r = kata_container_exec (out, worker->pod->base, &options, LIFE_MS, &error);
  return note (worker, "exec", r, error);
}

/* What it says is what this thread asked it to say. */
static void
do_echo (struct worker *worker)
{
  g_autofree char *text = g_strdup_printf ("%d %d", worker->number, worker->round);
  const char *const args[] = { "echo", text, NULL };
  kata_process *process = NULL;
  kata_error *error = NULL;
  char buffer[64] = "";
  size_t n = 0;
  int status = -1;
  if (start_exec (worker, &process, args) != 0)
    return;
  int r = kata_process_read (process, KATA_STDOUT, buffer, sizeof buffer - 1, &n, LIFE_MS, &error);
  if (r == 0)
    r = kata_process_wait (process, &status, LIFE_MS, &error);
  if (note (worker, "echo", r, error) == 0 && (status != 0 || strcmp (g_strchomp (buffer), text) != 0)) {
    worker->result = KATA_E_INTERNAL;
    g_snprintf (worker->what, sizeof worker->what, "\"%s\" was asked, \"%s\" said with %d", text, buffer, status);
  }
  kata_process_unref (process);
}

static void
do_signal (struct worker *worker)
{
  static const char *const args[] = { "sleep", "1000", NULL };
  kata_process *process = NULL;
  kata_error *error = NULL;
  int status = -1;
  if (start_exec (worker, &process, args) != 0)
    return;
  int r = kata_process_signal (process, SIGKILL, LIFE_MS, &error);
  if (r == 0)
    r = kata_process_wait (process, &status, LIFE_MS, &error);
  if (note (worker, "signal", r, error) == 0 && status != 128 + SIGKILL)
    worker->result = KATA_E_INTERNAL;
  kata_process_unref (process);
}

/* Through a handle of its own, as another part of a program would. */
static void
do_look (struct worker *worker)
{
  kata_sandbox *sandbox = NULL;
  kata_container *container = NULL;
  kata_container_stats stats = KATA_CONTAINER_STATS_INIT;
  kata_error *error = NULL;
  char **ids = NULL, *json = NULL;
  int r = kata_sandbox_open (&sandbox, runtime, worker->pod->id, &error);
  if (r == 0)
    r = kata_sandbox_list_containers (&ids, sandbox, &error);
  if (r == 0)
    r = kata_sandbox_inspect (&json, sandbox, &error);
  if (r == 0)
    r = kata_container_open (&container, sandbox, "base", &error);
  if (r == 0)
    r = kata_container_stats_get (container, &stats, LIFE_MS, &error);
  if (note (worker, "look", r, error) == 0 &&
      (kata_sandbox_get_state (sandbox) != KATA_STATE_RUNNING || !g_strv_contains ((const char *const *) ids, "base")))
    worker->result = KATA_E_INTERNAL;
  kata_strv_free (ids);
  kata_free (json);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
}

static gpointer
work (gpointer data)
{
  static void (*const kinds[]) (struct worker *) = { do_container, do_echo, do_look, do_signal };
  struct worker *worker = data;
  while (worker->result == 0 && g_get_monotonic_time () < worker->until) {
    kinds[(worker->number / PODS + worker->round) % (int) G_N_ELEMENTS (kinds)](worker);
    worker->round++;
  }
  return NULL;
}

static void
pod_open (struct pod *pod, int number)
{
  kata_error *error = NULL;
  g_snprintf (pod->id, sizeof pod->id, "s%d", number);
  g_mutex_init (&pod->lock);
  g_cond_init (&pod->cond);
  pod->exits = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  pod->sandbox = life_sandbox (runtime, pod->id);
  ck_assert_int_ge (kata_sandbox_get_event_fd (pod->sandbox), 0);
  ck_ok (life_container (&pod->base, pod->sandbox, life, "base", "sleep 100000", &error), error);
  ck_ok (kata_container_start (pod->base, LIFE_MS, &error), error);
}

static void
pod_close (struct pod *pod)
{
  kata_error *error = NULL;
  ck_ok (kata_sandbox_delete (pod->sandbox, KATA_DELETE_FORCE, &error), error);
  kata_container_unref (pod->base);
  kata_sandbox_unref (pod->sandbox);
  g_hash_table_unref (pod->exits);
  g_mutex_clear (&pod->lock);
  g_cond_clear (&pod->cond);
}

START_TEST (all_at_once)
{
  struct pod *pods = g_new0 (struct pod, PODS);
  struct worker *workers = g_new0 (struct worker, WORKERS);
  GThread *threads[WORKERS], *collectors[PODS];
  unsigned rounds = 0, exits = 0;
  for (int i = 0; i < PODS; i++) {
    pod_open (&pods[i], i);
    collectors[i] = g_thread_new ("collector", collect, &pods[i]);
  }
  for (int i = 0; i < WORKERS; i++) {
    workers[i] = (struct worker){ .number = i,
                                  .pod = &pods[i % PODS],
                                  .until = g_get_monotonic_time () + seconds * G_USEC_PER_SEC };
    threads[i] = g_thread_new ("worker", work, &workers[i]);
  }
  for (int i = 0; i < WORKERS; i++)
    g_thread_join (threads[i]);
  for (int i = 0; i < PODS; i++)
    g_atomic_int_set (&pods[i].over, 1);
  for (int i = 0; i < PODS; i++) {
    g_thread_join (collectors[i]);
    exits += g_hash_table_size (pods[i].exits);
    ck_assert_msg (pods[i].twice == 0 && pods[i].failed == 0, "%s: %d events came twice, %d could not be taken",
                   pods[i].id, pods[i].twice, pods[i].failed);
    pod_close (&pods[i]);
  }
  for (int i = 0; i < WORKERS; i++) {
    ck_assert_msg (workers[i].result == 0, "thread %d, round %d: %d %s", i, workers[i].round, workers[i].result,
                   workers[i].what);
    rounds += (unsigned) workers[i].round;
  }
  printf ("%d threads, %d sandboxes, %d s: %u rounds, %u exits told\n", WORKERS + PODS, PODS, seconds, rounds, exits);
  g_free (workers);
  g_free (pods);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "threads", 300 + 4 * seconds, fixture_setup, fixture_teardown);
  tcase_add_test (tcase, all_at_once);
  return suite;
}

int
main (int argc, char **argv)
{
  if (argc > 1)
    seconds = atoi (argv[1]);
  return bed_run (make);
}
