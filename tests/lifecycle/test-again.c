/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-again: the connection to the agent is lost while the virtual machine lives: who waits goes on, who stops is not held up, what is silent is told. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "fixture.h"
#include "sandbox/sandbox.h"

#define PROMPT_US (20 * G_USEC_PER_SEC) /* "at once", on a busy machine; far below every deadline here */
#define LONG_S    90                    /* how long a connection is made again; not reached where it matters */
#define SHORT_S   4                     /* the same, where it is */

static char *dir, *image, *log_text;
static GMutex log_lock;

static bool
over_fc (void)
{
  const char *fake = g_getenv ("KATA_TESTS_FAKE");
  return fake != NULL && g_str_has_prefix (fake, "fc:");
}

static void
keep_log (void *data, int level, const char *message)
{
  g_mutex_lock (&log_lock);
  char *more = g_strconcat (log_text != NULL ? log_text : "", message, "\n", NULL);
  g_free (log_text);
  log_text = more;
  g_mutex_unlock (&log_lock);
}

static bool
was_logged (const char *part)
{
  g_mutex_lock (&log_lock);
  bool found = log_text != NULL && strstr (log_text, part) != NULL;
  g_mutex_unlock (&log_lock);
  return found;
}

static void
configure (int dial_s)
{
  life_configure (life, "shared_fs = \"none\"\n");
  FILE *more = fopen (life->config, "a");
  ck_assert_ptr_nonnull (more);
  fprintf (more, "[agent.kata]\ndial_timeout = %d\n", dial_s);
  fclose (more);
  kata_runtime_unref (runtime);
  runtime = life_runtime (life);
  runtime->log.fn = keep_log;
}

/* What the fake does at a reset. */
static void
misbehave (const char *how, int dial_s)
{
  fixture_misbehave ("reset", how);
  configure (dial_s);
}

static void
setup (void)
{
  fixture_setup ();
  fixture_disk_guest ();
  configure (LONG_S);
  dir = g_build_filename (life->dir, "snapshot", NULL);
  image = g_build_filename (life->dir, "image", NULL);
  ck_assert (g_file_set_contents (image, "an image", -1, NULL));
  ck_assert_int_eq (g_mkdir (dir, 0700), 0);
}

static void
teardown (void)
{
  g_free (dir);
  g_free (image);
  fixture_teardown ();
}

/* What most tests have: a sandbox, its container, which is a `cat`, and threads that wait for it. */
struct scene {
  kata_sandbox *sandbox;
  kata_container *container;
  kata_process *process;
};

static void
begin (struct scene *scene)
{
  kata_error *error = NULL;
  scene->sandbox = fixture_cat (&scene->container, image);
  ck_ok (kata_container_get_process (&scene->process, scene->container, &error), error);
}

static void
finish (struct scene *scene)
{
  kata_process_unref (scene->process);
  kata_container_unref (scene->container);
  fixture_end (scene->sandbox);
}

/* One call on a thread of its own. */
struct call {
  kata_process *process;
  bool reads;
  GThread *thread;
  gint returned; /* atomic */
  int result, status;
  char text[64]; /* that was read, of one call */
  kata_error *error;
};

static gpointer
perform (gpointer data)
{
  struct call *call = data;
  size_t n = 0;
  call->result = call->reads ? kata_process_read (call->process, KATA_STDOUT, call->text, sizeof call->text - 1, &n,
                                                  KATA_TIMEOUT_NONE, &call->error)
                             : kata_process_wait (call->process, &call->status, KATA_TIMEOUT_NONE, &call->error);
  g_atomic_int_set (&call->returned, 1);
  return NULL;
}

static void
call_start (struct call *call, kata_process *process, bool reads)
{
  *call = (struct call){ .process = process, .reads = reads };
  call->thread = g_thread_new (reads ? "reads" : "waits", perform, call);
}

static int
call_end (struct call *call, int64_t most_us, const char *what)
{
  int64_t until = g_get_monotonic_time () + most_us;
  while (g_atomic_int_get (&call->returned) == 0 && g_get_monotonic_time () < until)
    g_usleep (2000);
  ck_assert_msg (g_atomic_int_get (&call->returned) != 0, "%s: the call goes on after %d ms", what,
                 (int) (most_us / 1000));
  g_thread_join (call->thread);
  if (call->error != NULL)
    printf ("%s: %s\n", what, kata_error_get_message (call->error));
  call->error = kata_error_unref (call->error);
  return call->result;
}

/* Until both calls are on their way. */
static void
settle (void)
{
  g_usleep (50000);
}

/* Paused, with a snapshot where that can be had, and resumed; a backend whose connections last is helped by hand. */
static void
lose (struct scene *scene)
{
  kata_error *error = NULL;
  ck_ok (kata_sandbox_pause (scene->sandbox, LIFE_MS, &error), error);
  ck_ok (kata_sandbox_snapshot (scene->sandbox, dir, LIFE_MS, &error), error);
  ck_ok (kata_sandbox_resume (scene->sandbox, LIFE_MS, &error), error);
  if (!over_fc ())
    kata_sandbox__interrupt (scene->sandbox);
}

static void
say (kata_process *process, const char *text)
{
  kata_error *error = NULL;
  size_t n = 0;
  ck_ok (kata_process_write (process, text, strlen (text), &n, LIFE_MS, &error), error);
  ck_assert_uint_eq (n, strlen (text));
}

static void
runs_things (struct scene *scene)
{
  static const char *const args[] = { "sh", "-c", "echo again; exit 3", NULL };
  kata_exec_options exec = KATA_EXEC_OPTIONS_INIT;
  kata_container_stats stats = KATA_CONTAINER_STATS_INIT;
  kata_process *process = NULL;
  kata_error *error = NULL;
  int status = -1;
  exec.args = args;
  ck_ok (kata_container_exec (&process, scene->container, &exec, LIFE_MS, &error), error);
  GString *said = life_read_all (process, KATA_STDOUT);
  ck_assert_str_eq (said->str, "again\n");
  g_string_free (said, TRUE);
  ck_ok (kata_process_wait (process, &status, LIFE_MS, &error), error);
  ck_assert_int_eq (status, 3);
  kata_process_unref (process);
  ck_ok (kata_container_stats_get (scene->container, &stats, LIFE_MS, &error), error);
  ck_assert_uint_gt (stats.pids, 0);
  ck_assert_int_eq (kata_container_get_state (scene->container), KATA_STATE_RUNNING);
}

/* ---- going on ---- */

/* Reads, writes, exec, statistics, the exit code. */
START_TEST (goes_on)
{
  struct scene scene = { 0 };
  struct call wait, read;
  kata_error *error = NULL;
  if (_i == 1 && !over_fc ())
    return;
  if (_i == 1) /* an agent whose end of the connection falls silent: the host learns of it when it writes */
    misbehave ("silent", LONG_S);
  begin (&scene);
  call_start (&wait, scene.process, false);
  call_start (&read, scene.process, true);
  settle ();
  lose (&scene);
  say (scene.process, "one\n");
  ck_assert_int_eq (call_end (&read, PROMPT_US, "read"), 0);
  ck_assert_str_eq (read.text, "one\n");
  runs_things (&scene);
  ck_assert_int_eq (g_atomic_int_get (&wait.returned), 0);
  ck_assert (was_logged ("made again"));
  ck_ok (kata_process_close_stdin (scene.process, LIFE_MS, &error), error);
  ck_assert_int_eq (call_end (&wait, PROMPT_US, "wait"), 0);
  ck_assert_int_eq (wait.status, 0);
  finish (&scene);
}
END_TEST

/* Another handle than the one that resumes, as another process has it; nobody tells it, and it has calls under way only. */
START_TEST (another_handle)
{
  struct scene scene = { 0 };
  struct call wait, read;
  kata_sandbox *sandbox = NULL;
  kata_container *container = NULL;
  kata_process *process = NULL;
  kata_error *error = NULL;
  if (!over_fc ())
    return;
  if (_i == 1)
    misbehave ("silent", LONG_S);
  begin (&scene);
  ck_ok (kata_sandbox_open (&sandbox, runtime, "s", &error), error);
  ck_ok (kata_container_open (&container, sandbox, "c", &error), error);
  ck_ok (kata_container_get_process (&process, container, &error), error);
  call_start (&wait, process, false);
  call_start (&read, process, true);
  settle ();
  lose (&scene);
  say (scene.process, "two\n");
  ck_assert_int_eq (call_end (&read, PROMPT_US, "read"), 0);
  ck_assert_str_eq (read.text, "two\n");
  ck_assert_int_eq (g_atomic_int_get (&wait.returned), 0);
  ck_ok (kata_container_kill (scene.container, SIGKILL, 0, LIFE_MS, &error), error);
  ck_assert_int_eq (call_end (&wait, PROMPT_US, "wait"), 0);
  ck_assert_int_eq (wait.status, 128 + SIGKILL);
  kata_process_unref (process);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
  finish (&scene);
}
END_TEST

/* The container's end is an event, whatever became of the connection. */
START_TEST (events)
{
  struct scene scene = { 0 };
  kata_error *error = NULL;
  kata_event event = KATA_EVENT_INIT;
  begin (&scene);
  while (kata_sandbox_next_event (scene.sandbox, &event, 100, NULL) == 1)
    ;
  lose (&scene);
  ck_ok (kata_container_kill (scene.container, SIGKILL, 0, LIFE_MS, &error), error);
  do
    ck_assert_int_eq (kata_sandbox_next_event (scene.sandbox, &event, LIFE_MS, NULL), 1);
  while (event.type != KATA_EVENT_CONTAINER_EXIT);
  ck_assert_int_eq (event.exit_status, 128 + SIGKILL);
  finish (&scene);
}
END_TEST

/* Cut again and again: nothing comes out twice, or not at all, when nothing is on its way. */
START_TEST (often)
{
  struct scene scene = { 0 };
  struct call wait, read;
  kata_error *error = NULL;
  begin (&scene);
  call_start (&wait, scene.process, false);
  for (int i = 0; i < 20; i++) {
    g_autofree char *line = g_strdup_printf ("line %d\n", i);
    call_start (&read, scene.process, true);
    g_usleep (1000 * (unsigned) (i % 5));
    kata_sandbox__interrupt (scene.sandbox);
    g_usleep (20000); /* the guest has seen it: its old reader would take what comes now */
    say (scene.process, line);
    ck_assert_int_eq (call_end (&read, PROMPT_US, "read"), 0);
    ck_assert_str_eq (read.text, line);
  }
  ck_ok (kata_process_close_stdin (scene.process, LIFE_MS, &error), error);
  ck_assert_int_eq (call_end (&wait, PROMPT_US, "wait"), 0);
  finish (&scene);
}
END_TEST

/* ---- stopping meanwhile ---- */

struct cutter {
  kata_sandbox *sandbox;
  gint stop; /* atomic */
};

static gpointer
cut (gpointer data)
{
  struct cutter *cutter = data;
  while (g_atomic_int_get (&cutter->stop) == 0) {
    kata_sandbox__interrupt (cutter->sandbox);
    g_usleep (3000);
  }
  return NULL;
}

/* Stops within @grace_ms and what force takes, and the waiter learns of it. */
static void
stops (struct scene *scene, struct call *wait, int grace_ms)
{
  kata_error *error = NULL;
  int64_t begun = g_get_monotonic_time ();
  ck_ok (kata_sandbox_stop (scene->sandbox, grace_ms, &error), error);
  int64_t took = g_get_monotonic_time () - begun;
  printf ("stopped after %d ms\n", (int) (took / 1000));
  ck_assert_msg (took < grace_ms * 1000LL + PROMPT_US, "the stop took %d ms", (int) (took / 1000));
  call_end (wait, PROMPT_US, "wait");
  ck_assert_msg (wait->result == 0 || wait->result == KATA_E_VMM, "the waiter is told %d", wait->result);
}

START_TEST (stopped_when_cut)
{
  struct scene scene = { 0 };
  struct call wait;
  begin (&scene);
  struct cutter cutter = { .sandbox = scene.sandbox };
  call_start (&wait, scene.process, false);
  settle ();
  GThread *thread = _i == 1 ? g_thread_new ("cuts", cut, &cutter) : NULL;
  if (_i == 0)
    lose (&scene);
  stops (&scene, &wait, 5000);
  g_atomic_int_set (&cutter.stop, 1);
  if (thread != NULL)
    g_thread_join (thread);
  finish (&scene);
}
END_TEST

static gpointer
create (gpointer data)
{
  struct scene *scene = data;
  kata_container *container = NULL;
  static const char *const args[] = { "cat", NULL };
  kata_container_options wanted = KATA_CONTAINER_OPTIONS_INIT;
  wanted.id = "d";
  wanted.rootfs_disk = "root";
  wanted.args = args;
  kata_container_create (&container, scene->sandbox, &wanted, LIFE_MS, NULL);
  kata_container_unref (container);
  return NULL;
}

/* An agent that takes connections and says nothing more: who stops waits neither for the waiter's tries nor for an operation's. */
START_TEST (stopped_when_deaf)
{
  struct scene scene = { 0 };
  struct call wait;
  if (!over_fc ())
    return;
  misbehave ("deaf", LONG_S);
  begin (&scene);
  call_start (&wait, scene.process, false);
  settle ();
  lose (&scene);
  GThread *thread = _i == 1 ? g_thread_new ("creates", create, &scene) : NULL;
  g_usleep (300000);
  stops (&scene, &wait, 1000);
  if (thread != NULL)
    g_thread_join (thread);
  finish (&scene);
}
END_TEST

/* ---- agents that do not come back, and machines ---- */

static void
gone (const char *how)
{
  struct scene scene = { 0 };
  struct call wait, read;
  misbehave (how, SHORT_S);
  begin (&scene);
  call_start (&wait, scene.process, false);
  call_start (&read, scene.process, true);
  settle ();
  lose (&scene);
  ck_assert_int_eq (call_end (&wait, SHORT_S * G_USEC_PER_SEC + PROMPT_US, how), KATA_E_AGENT);
  ck_assert_int_eq (call_end (&read, PROMPT_US, how), KATA_E_AGENT);
  ck_assert_int_eq (kata_sandbox_get_state (scene.sandbox), KATA_STATE_RUNNING); /* the machine is there */
  finish (&scene);
}

START_TEST (deaf)
{
  if (over_fc ())
    gone ("deaf");
}
END_TEST

START_TEST (hangs_up)
{
  if (over_fc ())
    gone ("hang-up");
}
END_TEST

static pid_t
pid_of (kata_sandbox *sandbox)
{
  char *json = NULL;
  kata_error *error = NULL;
  ck_ok (kata_sandbox_inspect (&json, sandbox, &error), error);
  const char *at = strstr (json, "\"pids\"");
  ck_assert_ptr_nonnull (at);
  at += strcspn (at, "0123456789");
  pid_t pid = (pid_t) g_ascii_strtoll (at, NULL, 10);
  kata_free (json);
  ck_assert_int_gt (pid, 1);
  return pid;
}

/* Killed while the connection is made again: the true reason, at once. */
START_TEST (killed)
{
  struct scene scene = { 0 };
  struct call wait, read;
  if (!over_fc ())
    return;
  misbehave (_i == 0 ? "deaf" : _i == 1 ? "hang-up" : "silent", LONG_S);
  begin (&scene);
  call_start (&wait, scene.process, false);
  call_start (&read, scene.process, true);
  settle ();
  pid_t pid = pid_of (scene.sandbox);
  lose (&scene);
  g_usleep (300000);
  kill (pid, SIGKILL);
  ck_assert_int_eq (call_end (&wait, PROMPT_US, "wait"), KATA_E_VMM);
  ck_assert_int_eq (call_end (&read, PROMPT_US, "read"), KATA_E_VMM);
  ck_assert_int_eq (kata_sandbox_get_state (scene.sandbox), KATA_STATE_STOPPED);
  finish (&scene);
}
END_TEST

/* ---- the caller's own patience ---- */

START_TEST (patience)
{
  struct scene scene = { 0 };
  struct call wait;
  int status = 0;
  if (!over_fc ())
    return;
  misbehave ("deaf", LONG_S);
  begin (&scene);
  call_start (&wait, scene.process, false);
  settle ();
  lose (&scene);
  int64_t begun = g_get_monotonic_time ();
  ck_assert_int_eq (kata_process_wait (scene.process, &status, 300, NULL), KATA_E_TIMEOUT);
  ck_assert_int_lt (g_get_monotonic_time () - begun, PROMPT_US);
  while (g_atomic_int_get (&wait.returned) == 0) { /* the contract: repeat it until the call has returned */
    kata_process_interrupt (scene.process, KATA_CALL_WAIT, NULL);
    g_usleep (10000);
    ck_assert_int_lt (g_get_monotonic_time () - begun, 2 * PROMPT_US);
  }
  ck_assert_int_eq (call_end (&wait, PROMPT_US, "interrupted"), KATA_E_CANCELLED);
  finish (&scene);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "again", 180, setup, teardown);
  tcase_add_loop_test (tcase, goes_on, 0, 2);
  tcase_add_loop_test (tcase, another_handle, 0, 2);
  tcase_add_test (tcase, events);
  tcase_add_test (tcase, often);
  tcase_add_loop_test (tcase, stopped_when_cut, 0, 2);
  tcase_add_loop_test (tcase, stopped_when_deaf, 0, 2);
  tcase_add_test (tcase, deaf);
  tcase_add_test (tcase, hangs_up);
  tcase_add_loop_test (tcase, killed, 0, 3);
  tcase_add_test (tcase, patience);
  return suite;
}

int
main (void)
{
  return bed_run (make);
}
