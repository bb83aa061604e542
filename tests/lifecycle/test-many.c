/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-many: many containers, sandboxes, runtimes, threads, handles and processes at once; one sandbox is never two people's by accident. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/id.h"
#include "fixture.h"

#define EXECS   200
#define THREADS 8
#define LIVES   3

static int
status_of (kata_container *container, int64_t timeout_ms)
{
  kata_process *process = NULL;
  kata_error *error = NULL;
  int status = -1;
  ck_ok (kata_container_get_process (&process, container, &error), error);
  int r = kata_process_wait (process, &status, timeout_ms, NULL);
  kata_process_unref (process);
  return r != 0 ? r : status;
}

/* Runs `echo TEXT` in the container and checks what it says. */
static int
say (kata_container *container, const char *text)
{
  const char *const args[] = { "echo", text, NULL };
  kata_exec_options options = KATA_EXEC_OPTIONS_INIT;
  kata_process *exec = NULL;
  char buffer[64] = "";
  size_t n = 0;
  int status = -1;
  options.args = args;
  int r = kata_container_exec (&exec, container, &options, LIFE_MS, NULL);
  if (r == 0)
    r = kata_process_read (exec, KATA_STDOUT, buffer, sizeof buffer - 1, &n, LIFE_MS, NULL);
  if (r == 0)
    r = kata_process_wait (exec, &status, LIFE_MS, NULL);
  kata_process_unref (exec);
  return r != 0 ? r : strncmp (buffer, text, strlen (text)) == 0 && status == 0 ? 0 : KATA_E_INTERNAL;
}

START_TEST (three_containers)
{
  static const char *const commands[] = { "echo a; exit 1", "sleep 100", "exit 3" };
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  kata_container *containers[3] = { NULL };
  char **ids = NULL;
  for (int i = 0; i < 3; i++) {
    const char id[] = { 'c', (char) ('0' + i), '\0' };
    ck_ok (life_container (&containers[i], sandbox, life, id, commands[i], &error), error);
  }
  for (int i = 2; i >= 0; i--)
    ck_ok (kata_container_start (containers[i], LIFE_MS, &error), error);
  ck_ok (kata_sandbox_list_containers (&ids, sandbox, &error), error);
  ck_assert_uint_eq (g_strv_length (ids), 3);
  ck_assert_str_eq (ids[0], "c0");
  ck_assert_str_eq (ids[2], "c2");
  kata_strv_free (ids);
  ck_assert_int_eq (status_of (containers[0], LIFE_MS), 1);
  ck_assert_int_eq (status_of (containers[2], LIFE_MS), 3);
  ck_assert_int_eq (status_of (containers[1], 0), KATA_E_TIMEOUT);
  ck_assert_int_eq (say (containers[1], "still here"), 0);
  /* One that has ended: the reason is its state. */
  const char *const args[] = { "true", NULL };
  kata_exec_options options = KATA_EXEC_OPTIONS_INIT;
  kata_process *exec = NULL;
  options.args = args;
  int r = kata_container_exec (&exec, containers[0], &options, LIFE_MS, &error);
  ck_assert_int_eq (r, KATA_E_STATE);
  bed_failed (r, &error, "exec in an ended container");
  /* A program that is not there. */
  const char *const nothing[] = { "/no/such/program", NULL };
  options.args = nothing;
  r = kata_container_exec (&exec, containers[1], &options, LIFE_MS, &error);
  bed_failed (r, &error, "exec of nothing");
  ck_ok (kata_container_delete (containers[0], 0, LIFE_MS, &error), error);
  ck_assert_int_eq (kata_container_get_state (containers[1]), KATA_STATE_RUNNING);
  ck_ok (kata_sandbox_stop (sandbox, 2000, &error), error);
  ck_assert_int_eq (kata_container_get_state (containers[1]), KATA_STATE_STOPPED);
  /* The orderly stop noted how it ended. */
  ck_assert_int_eq (status_of (containers[1], 0), 128 + SIGTERM);
  ck_ok (kata_sandbox_delete (sandbox, 0, &error), error);
  for (int i = 0; i < 3; i++)
    kata_container_unref (containers[i]);
  kata_sandbox_unref (sandbox);
}
END_TEST

struct worker {
  kata_runtime *runtime;
  int number, result;
  char message[200];
};

static gpointer
work (gpointer data)
{
  struct worker *worker = data;
  struct life *mine = life_open (life->dir);
  for (int i = 0; i < LIVES && worker->result == 0; i++) {
    g_autofree char *id = g_strdup_printf ("s%d", worker->number);
    kata_error *error = NULL;
    worker->result = life_run (mine, worker->runtime, id, &error);
    if (error != NULL)
      g_snprintf (worker->message, sizeof worker->message, "%s: %s", mine->step, kata_error_get_message (error));
    kata_error_unref (error);
  }
  life_close (mine);
  return NULL;
}

/* Two runtimes on one state directory, four threads each. */
START_TEST (threads_and_runtimes)
{
  kata_runtime *second = life_runtime (life);
  struct worker workers[THREADS];
  GThread *threads[THREADS];
  memset (workers, 0, sizeof workers);
  for (int i = 0; i < THREADS; i++) {
    workers[i].runtime = i % 2 == 0 ? runtime : second;
    workers[i].number = i;
    threads[i] = g_thread_new ("worker", work, &workers[i]);
  }
  for (int i = 0; i < THREADS; i++)
    g_thread_join (threads[i]);
  for (int i = 0; i < THREADS; i++)
    ck_assert_msg (workers[i].result == 0, "thread %d: %d %s", i, workers[i].result, workers[i].message);
  kata_runtime_unref (second);
}
END_TEST

static gpointer
create_one (gpointer data)
{
  struct worker *worker = data;
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  kata_sandbox *sandbox = NULL;
  kata_error *error = NULL;
  options.id = "one";
  worker->result = kata_sandbox_create (&sandbox, worker->runtime, &options, &error);
  if (worker->result != 0 && (error == NULL || kata_error_get_code (error) != worker->result))
    worker->result = KATA_E_INTERNAL;
  kata_error_unref (error);
  kata_sandbox_unref (sandbox);
  return NULL;
}

START_TEST (one_of_eight_creates)
{
  kata_runtime *second = life_runtime (life);
  kata_error *error = NULL;
  for (int round = 0; round < 20; round++) {
    struct worker workers[THREADS];
    GThread *threads[THREADS];
    int won = 0, exists = 0;
    memset (workers, 0, sizeof workers);
    for (int i = 0; i < THREADS; i++) {
      workers[i].runtime = i % 2 == 0 ? runtime : second;
      threads[i] = g_thread_new ("creator", create_one, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
      g_thread_join (threads[i]);
      won += workers[i].result == 0;
      exists += workers[i].result == KATA_E_EXISTS;
    }
    ck_assert_int_eq (won, 1);
    ck_assert_int_eq (exists, THREADS - 1);
    kata_sandbox *sandbox = NULL;
    ck_ok (kata_sandbox_open (&sandbox, runtime, "one", &error), error);
    ck_ok (kata_sandbox_delete (sandbox, 0, &error), error);
    kata_sandbox_unref (sandbox);
  }
  kata_runtime_unref (second);
}
END_TEST

/* Nothing of the parent's runtime is used: a process of its own. Exit status: 0 deleted, 1 not found, else what went wrong. */
static int
delete_main (const char *dir, const char *id)
{
  struct life *mine = life_open (dir);
  kata_runtime *own = NULL;
  kata_sandbox *sandbox = NULL;
  int r = life_runtime_new (&own, mine, NULL);
  if (r == 0)
    r = kata_sandbox_open (&sandbox, own, id, NULL);
  if (r == 0)
    r = kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, NULL);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (own);
  life_close (mine);
  return r == 0 ? 0 : r == KATA_E_NOT_FOUND ? 1 : 100 - r;
}

START_TEST (one_of_two_deletes)
{
  const char *const args[] = { "test-many", "delete", life->dir, "s", NULL };
  kata_error *error = NULL;
  for (int round = 0; round < 12; round++) {
    kata_container *container = NULL;
    kata_sandbox *sandbox = life_sandbox (runtime, "s");
    ck_ok (life_container (&container, sandbox, life, "c", "sleep 50", &error), error);
    pid_t pids[2];
    int codes[2];
    for (int i = 0; i < 2; i++)
      pids[i] = bed_spawn (args);
    for (int i = 0; i < 2; i++) {
      int status = bed_wait (pids[i], LIFE_MS);
      ck_assert_msg (WIFEXITED (status), "%d", status);
      codes[i] = WEXITSTATUS (status);
    }
    ck_assert_msg (codes[0] + codes[1] == 1, "delete by two processes: %d and %d", codes[0], codes[1]);
    ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_E_NOT_FOUND);
    kata_container_unref (container);
    kata_sandbox_unref (sandbox);
  }
}
END_TEST

static guint
descriptors (void)
{
  guint n = 0;
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

/* What ran in a container that lives on takes nothing for ever: the guest of these tests is in this process. */
START_TEST (execs_make_room)
{
  kata_error *error = NULL;
  kata_container *container = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (life_container (&container, sandbox, life, "c", "cat", &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  guint before = descriptors ();
  for (int i = 0; i < EXECS; i++)
    ck_assert_int_eq (say (container, "x"), 0);
  ck_assert_uint_le (descriptors (), before + 2 * EXECS);
  kata_container_unref (container);
  fixture_end (sandbox);
}
END_TEST

static gpointer
recover (gpointer through)
{
  kata_error *error = NULL;
  int r = kata_runtime_recover_sandbox (through, "s", LIFE_MS, &error);
  kata_error_unref (error);
  return GINT_TO_POINTER (r);
}

/* Who waits for the end of one sandbox's operation holds up no other sandbox. */
START_TEST (made_while_one_recovers)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_sandbox ();
  g_autofree char *dir = g_build_filename (life->state_dir, "s", NULL);
  int busy = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ck_assert_int_eq (flock (busy, LOCK_EX), 0);
  GThread *thread = g_thread_new ("recover", recover, runtime);
  for (int i = 0; i < 30; i++) {
    kata_sandbox *other = NULL;
    kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
    options.id = "other";
    g_usleep (10000); /* by then it waits, most times */
    ck_ok (kata_sandbox_create (&other, runtime, &options, &error), error);
    ck_ok (kata_sandbox_delete (other, 0, &error), error);
    kata_sandbox_unref (other);
  }
  close (busy);
  ck_assert_int_eq (GPOINTER_TO_INT (g_thread_join (thread)), 0);
  fixture_end (sandbox);
}
END_TEST

static void
use (kata_runtime *through, const char *text)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = NULL;
  kata_container *container = NULL;
  kata_container_stats stats = KATA_CONTAINER_STATS_INIT;
  ck_ok (kata_sandbox_open (&sandbox, through, "s", &error), error);
  ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_STATE_RUNNING);
  ck_ok (kata_container_open (&container, sandbox, NULL, &error), error);
  ck_assert_int_eq (kata_container_get_state (container), KATA_STATE_RUNNING);
  ck_assert_int_eq (say (container, text), 0);
  ck_ok (kata_container_stats_get (container, &stats, LIFE_MS, &error), error);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
}

/* In another process: the same, and a container of its own, that stays. */
static int
attach_main (const char *dir)
{
  struct life *mine = life_open (dir);
  kata_runtime *own = NULL;
  kata_sandbox *sandbox = NULL;
  kata_container *container = NULL, *second = NULL;
  kata_error *error = NULL;
  int r = life_runtime_new (&own, mine, &error);
  if (r == 0)
    r = kata_sandbox_open (&sandbox, own, "s", &error);
  if (r == 0)
    r = kata_container_open (&container, sandbox, "c", &error);
  if (r == 0)
    r = say (container, "from another process");
  if (r == 0)
    r = life_container (&second, sandbox, mine, "theirs", "exit 5", &error);
  if (r == 0)
    r = kata_container_start (second, LIFE_MS, &error);
  if (r == 0)
    r = kata_sandbox_pause (sandbox, LIFE_MS, &error);
  if (r == 0)
    r = kata_sandbox_resume (sandbox, LIFE_MS, &error);
  if (r != 0)
    printf ("attach: %d %s\n", r, kata_error_get_message (error));
  kata_error_unref (error);
  kata_container_unref (second);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (own);
  life_close (mine);
  return r != 0;
}

START_TEST (attached_from_everywhere)
{
  kata_error *error = NULL;
  kata_container *container = NULL, *theirs = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (life_container (&container, sandbox, life, "c", "sleep 100", &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  use (runtime, "second handle");
  kata_runtime *second = life_runtime (life);
  use (second, "second runtime");
  const char *const args[] = { "test-many", "attach", life->dir, NULL };
  int status = bed_wait (bed_spawn (args), LIFE_MS);
  ck_assert_msg (WIFEXITED (status) && WEXITSTATUS (status) == 0, "%d", status);
  ck_ok (kata_container_open (&theirs, sandbox, "theirs", &error), error);
  ck_assert_int_eq (status_of (theirs, LIFE_MS), 5);
  /* A recovery by the second runtime leaves alone what lives. */
  uint32_t n = 9;
  ck_ok (kata_runtime_recover (second, KATA_RECOVER_DEAD, &n, LIFE_MS, &error), error);
  ck_assert_uint_eq (n, 0);
  use (second, "after recovery");
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_container_unref (theirs);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (second);
}
END_TEST

/* In another process: a running sandbox, kept until the process is killed. */
static int
keep_main (const char *dir)
{
  struct life *mine = life_open (dir);
  kata_runtime *own = NULL;
  kata_sandbox *sandbox = NULL;
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  options.id = "kept";
  if (life_runtime_new (&own, mine, NULL) != 0 || kata_sandbox_create (&sandbox, own, &options, NULL) != 0 ||
      kata_sandbox_start (sandbox, LIFE_MS, NULL) != 0)
    return 1;
  for (;;)
    pause ();
}

START_TEST (creator_is_killed)
{
  const char *const args[] = { "test-many", "keep", life->dir, NULL };
  kata_error *error = NULL;
  kata_sandbox *sandbox = NULL;
  kata_event event = KATA_EVENT_INIT;
  pid_t pid = bed_spawn (args);
  for (int i = 0; i < 30000 && (sandbox == NULL || kata_sandbox_get_state (sandbox) != KATA_STATE_RUNNING); i++) {
    if (sandbox == NULL)
      kata_sandbox_open (&sandbox, runtime, "kept", NULL);
    g_usleep (2000);
  }
  ck_assert_ptr_nonnull (sandbox);
  ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_STATE_RUNNING);
  ck_assert_int_ge (kata_sandbox_get_event_fd (sandbox), 0);
  int64_t begin = g_get_monotonic_time ();
  bed_kill (pid);
  while (kata_sandbox_next_event (sandbox, &event, LIFE_MS, NULL) == 1 && event.state != KATA_STATE_STOPPED)
    ;
  ck_assert_int_eq (event.state, KATA_STATE_STOPPED);
  ck_assert_msg (g_get_monotonic_time () - begin < 20 * G_USEC_PER_SEC, "the end was noticed late");
  ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_STATE_STOPPED);
  ck_assert_int_eq (kata_sandbox_pause (sandbox, LIFE_MS, &error), KATA_E_STATE);
  ck_assert_msg (strstr (kata_error_get_message (error), "the null guest ended") != NULL, "%s",
                 kata_error_get_message (error));
  error = kata_error_unref (error);
  ck_ok (kata_sandbox_delete (sandbox, 0, &error), error);
  kata_sandbox_unref (sandbox);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "many", 120, fixture_setup, fixture_teardown);
  tcase_add_test (tcase, three_containers);
  tcase_add_test (tcase, threads_and_runtimes);
  tcase_add_test (tcase, one_of_eight_creates);
  tcase_add_test (tcase, one_of_two_deletes);
  tcase_add_test (tcase, made_while_one_recovers);
  tcase_add_test (tcase, execs_make_room);
  tcase_add_test (tcase, attached_from_everywhere);
  tcase_add_test (tcase, creator_is_killed);
  return suite;
}

int
main (int argc, char **argv)
{
  if (argc == 4 && strcmp (argv[1], "delete") == 0)
    return delete_main (argv[2], argv[3]);
  if (argc == 3 && strcmp (argv[1], "attach") == 0)
    return attach_main (argv[2]);
  if (argc == 3 && strcmp (argv[1], "keep") == 0)
    return keep_main (argv[2]);
  return bed_run (make);
}
