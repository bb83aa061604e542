/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-life: the normal life of sandboxes and containers, and what the public interface refuses.
   Arguments: none; HYPERVISOR CONFIG = the whole life and re-attaching, over a real guest. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

static const char *real[2]; /* hypervisor and configuration of a real guest, or NULL */

START_TEST (whole_life)
{
  kata_error *error = NULL;
  ck_ok (life_run (life, runtime, "s1", &error), error);
  char **ids = NULL;
  ck_ok (kata_runtime_list (&ids, runtime, &error), error);
  ck_assert_ptr_null (ids[0]);
  kata_strv_free (ids);
}
END_TEST

START_TEST (streams_and_exit)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s1");
  kata_container *container = NULL;
  kata_process *process = NULL;
  int status = -1;
  ck_ok (life_container (&container, sandbox, life, "c1", "echo out; echo err >&2; exit 7", &error), error);
  ck_assert_int_eq (kata_container_get_state (container), KATA_STATE_CREATED);
  ck_ok (kata_container_get_process (&process, container, &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  GString *out = life_read_all (process, KATA_STDOUT), *err = life_read_all (process, KATA_STDERR);
  ck_assert_str_eq (out->str, "out\n");
  ck_assert_str_eq (err->str, "err\n");
  ck_ok (kata_process_wait (process, &status, LIFE_MS, &error), error);
  ck_assert_int_eq (status, 7);
  ck_assert_int_eq (kata_container_get_state (container), KATA_STATE_STOPPED);
  char *json = NULL;
  ck_ok (kata_sandbox_inspect (&json, sandbox, &error), error);
  ck_assert_msg (strstr (json, "\"exit_status\":7") != NULL, "%s", json);
  ck_assert_msg (strstr (json, "\"name\":\"agent\"") != NULL, "%s", json);
  kata_free (json);
  ck_ok (kata_sandbox_stop (sandbox, 1000, &error), error);
  /* What is known of an end outlives the guest. */
  ck_ok (kata_process_wait (process, &status, 0, &error), error);
  ck_assert_int_eq (status, 7);
  ck_ok (kata_sandbox_delete (sandbox, 0, &error), error);
  ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_E_NOT_FOUND);
  ck_assert_int_eq (kata_container_get_state (container), KATA_E_NOT_FOUND);
  g_string_free (out, TRUE);
  g_string_free (err, TRUE);
  kata_process_unref (process);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
}
END_TEST

/* A read that gives up loses nothing: what comes later goes to the next reader. */
START_TEST (timeouts_lose_nothing)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s1");
  kata_container *container = NULL;
  kata_process *process = NULL, *again = NULL;
  char buffer[64];
  size_t n = 99;
  int status;
  ck_ok (life_container (&container, sandbox, life, NULL, "cat", &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  ck_ok (kata_container_get_process (&process, container, &error), error);
  for (int i = 0; i < 20; i++)
    ck_assert_int_eq (kata_process_read (process, KATA_STDOUT, buffer, sizeof buffer, &n, i % 3, NULL), KATA_E_TIMEOUT);
  ck_assert_uint_eq (n, 99);
  ck_assert_int_eq (kata_process_wait (process, &status, 5, NULL), KATA_E_TIMEOUT);
  ck_ok (kata_process_write (process, "abcdef", 6, &n, LIFE_MS, &error), error);
  ck_assert_uint_eq (n, 6);
  ck_ok (kata_process_read (process, KATA_STDOUT, buffer, 4, &n, LIFE_MS, &error), error);
  ck_assert_uint_eq (n, 4);
  /* The rest waits for another handle to the same process. */
  kata_process_unref (process);
  ck_ok (kata_container_get_process (&again, container, &error), error);
  ck_ok (kata_process_read (again, KATA_STDOUT, buffer + 4, 60, &n, LIFE_MS, &error), error);
  ck_assert_uint_eq (n, 2);
  ck_assert_int_eq (memcmp (buffer, "abcdef", 6), 0);
  ck_ok (kata_process_close_stdin (again, LIFE_MS, &error), error);
  ck_assert_int_eq (kata_process_write (again, "x", 1, NULL, LIFE_MS, NULL), KATA_E_STATE);
  ck_ok (kata_process_read (again, KATA_STDOUT, buffer, 60, &n, LIFE_MS, &error), error);
  ck_assert_uint_eq (n, 0);
  ck_ok (kata_process_wait (again, &status, LIFE_MS, &error), error);
  ck_assert_int_eq (status, 0);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_process_unref (again);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
}
END_TEST

START_TEST (states_are_kept)
{
  kata_error *error = NULL;
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  kata_sandbox *sandbox = NULL, *twin = NULL;
  kata_container *container = NULL;
  options.id = "s1";
  ck_ok (kata_sandbox_create (&sandbox, runtime, &options, &error), error);
  ck_assert_int_eq (kata_sandbox_create (&twin, runtime, &options, NULL), KATA_E_EXISTS);
  ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_STATE_CREATED);
  ck_assert_int_eq (kata_sandbox_pause (sandbox, LIFE_MS, NULL), KATA_E_STATE);
  ck_assert_int_eq (life_container (&container, sandbox, life, "c", "true", NULL), KATA_E_STATE);
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  ck_assert_int_eq (kata_sandbox_start (sandbox, LIFE_MS, NULL), KATA_E_STATE);
  ck_assert_int_eq (kata_sandbox_resume (sandbox, LIFE_MS, NULL), KATA_E_STATE);
  ck_assert_int_eq (kata_sandbox_delete (sandbox, 0, NULL), KATA_E_STATE);
  ck_ok (life_container (&container, sandbox, life, "c", "sleep 50", &error), error);
  kata_container *second = NULL;
  ck_assert_int_eq (life_container (&second, sandbox, life, "c", "true", NULL), KATA_E_EXISTS);
  ck_assert_int_eq (life_container (&second, sandbox, life, "../x", "true", NULL), KATA_E_INVALID);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  ck_assert_int_eq (kata_container_start (container, LIFE_MS, NULL), KATA_E_STATE);
  ck_assert_int_eq (kata_container_delete (container, 0, LIFE_MS, NULL), KATA_E_STATE);
  if (life_pauses ()) {
    ck_ok (kata_sandbox_pause (sandbox, LIFE_MS, &error), error);
    ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_STATE_PAUSED);
    ck_assert_int_eq (kata_container_kill (container, 15, 0, LIFE_MS, NULL), KATA_E_STATE);
    ck_ok (kata_sandbox_resume (sandbox, LIFE_MS, &error), error);
  } else {
    ck_assert_int_eq (kata_sandbox_pause (sandbox, LIFE_MS, NULL), KATA_E_UNSUPPORTED);
    ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_STATE_RUNNING);
  }
  ck_ok (kata_container_delete (container, KATA_DELETE_FORCE, LIFE_MS, &error), error);
  ck_assert_int_eq (kata_container_get_state (container), KATA_E_NOT_FOUND);
  ck_ok (kata_sandbox_stop (sandbox, LIFE_MS, &error), error);
  ck_ok (kata_sandbox_stop (sandbox, LIFE_MS, &error), error);
  ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_STATE_STOPPED);
  ck_ok (kata_sandbox_delete (sandbox, 0, &error), error);
  ck_assert_int_eq (kata_sandbox_stop (sandbox, LIFE_MS, NULL), KATA_E_NOT_FOUND);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
}
END_TEST

START_TEST (guest_metrics)
{
  kata_error *error = NULL;
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  kata_sandbox *sandbox = NULL;
  char *text = NULL;
  options.id = "s1";
  ck_ok (kata_sandbox_create (&sandbox, runtime, &options, &error), error);
  ck_assert_int_eq (kata_sandbox_metrics_get (&text, sandbox, LIFE_MS, NULL), KATA_E_STATE);
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  ck_assert_int_eq (kata_sandbox_metrics_get (NULL, sandbox, LIFE_MS, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_sandbox_metrics_get (&text, sandbox, -7, NULL), KATA_E_INVALID);
  ck_assert_ptr_null (text);
  ck_ok (kata_sandbox_metrics_get (&text, sandbox, LIFE_MS, &error), error);
  ck_assert_ptr_nonnull (strstr (text, "\nkata_agent_containers 0\n"));
  kata_free (text);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  ck_assert_int_eq (kata_sandbox_metrics_get (&text, sandbox, LIFE_MS, NULL), KATA_E_NOT_FOUND);
  kata_sandbox_unref (sandbox);
}
END_TEST

START_TEST (arguments)
{
  kata_sandbox *sandbox = NULL;
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  struct {
    kata_sandbox_options options;
    uint64_t tail;
  } newer = { KATA_SANDBOX_OPTIONS_INIT, 0 };
  g_autofree char *long_id = g_strnfill (300, 'a');
  const char *const bad[] = { "..", ".", "", "a/b", "-x", "a\nb", long_id, "\xff" };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    options.id = bad[i];
    int r = kata_sandbox_create (&sandbox, runtime, &options, NULL);
    ck_assert_msg (r == KATA_E_INVALID || r == KATA_E_LIMIT, "\"%s\": %d", bad[i], r);
    r = kata_sandbox_open (&sandbox, runtime, bad[i], NULL);
    ck_assert_msg (r == KATA_E_INVALID || r == KATA_E_LIMIT, "\"%s\": %d", bad[i], r);
  }
  options = (kata_sandbox_options) KATA_SANDBOX_OPTIONS_INIT;
  options.flags = 1;
  ck_assert_int_eq (kata_sandbox_create (&sandbox, runtime, &options, NULL), KATA_E_INVALID);
  options.flags = 0;
  options.size = 3;
  ck_assert_int_eq (kata_sandbox_create (&sandbox, runtime, &options, NULL), KATA_E_INVALID);
  newer.options.size = sizeof newer;
  newer.tail = 7;
  ck_assert_int_eq (kata_sandbox_create (&sandbox, runtime, &newer.options, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_sandbox_create (NULL, runtime, NULL, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_sandbox_open (&sandbox, runtime, "nobody", NULL), KATA_E_NOT_FOUND);
  ck_assert_ptr_null (sandbox);
  newer.tail = 0;
  newer.options.id = "newer";
  kata_error *error = NULL;
  ck_ok (kata_sandbox_create (&sandbox, runtime, &newer.options, &error), error);
  ck_assert_int_eq (kata_sandbox_start (sandbox, -7, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_sandbox_delete (sandbox, 8, NULL), KATA_E_INVALID);
  ck_ok (kata_sandbox_delete (sandbox, 0, &error), error);
  kata_sandbox_unref (sandbox);
}
END_TEST

START_TEST (reports)
{
  kata_error *error = NULL;
  char *json = NULL;
  ck_ok (kata_runtime_check (&json, runtime, &error), error);
  ck_assert_ptr_nonnull (strstr (json, "\"kvm\""));
  kata_free (json);
  ck_ok (kata_runtime_describe (&json, runtime, &error), error);
  ck_assert_ptr_nonnull (strstr (json, life->state_dir));
  kata_free (json);
  ck_ok (kata_hypervisor_recommend (&json, runtime, NULL, &error), error);
  ck_assert_ptr_nonnull (strstr (json, "\"null\""));
  kata_free (json);
  const char *const unknown[] = { "levitation", NULL };
  ck_assert_int_eq (kata_hypervisor_recommend (&json, runtime, unknown, NULL), KATA_E_INVALID);
  ck_ok (kata_sandbox_plan (&json, runtime, NULL, &error), error);
  ck_assert_ptr_nonnull (strstr (json, "\"backend\""));
  kata_free (json);
  kata_hypervisor *hypervisor = NULL;
  const char *reason = NULL;
  ck_assert_int_eq (kata_hypervisor_open (&hypervisor, runtime, "nothing", NULL), KATA_E_NOT_FOUND);
  ck_ok (kata_hypervisor_open (&hypervisor, runtime, "null", &error), error);
  ck_assert_int_eq (kata_hypervisor_has (hypervisor, "pause", &reason), 1);
  ck_assert_int_eq (kata_hypervisor_has (hypervisor, "vfio", &reason), 0);
  ck_assert_ptr_nonnull (reason);
  ck_assert_int_eq (kata_hypervisor_has (hypervisor, "levitation", NULL), KATA_E_INVALID);
  kata_hypervisor_unref (hypervisor);
}
END_TEST

/* The other process: it knows no more than where the state is. */
static int
attach (const char *dir)
{
  static const char *const args[] = { "echo", "from afar", NULL };
  struct life *place = life_open (dir);
  kata_runtime *mine = NULL;
  kata_sandbox *sandbox = NULL;
  kata_container *container = NULL;
  kata_process *process = NULL;
  kata_exec_options options = KATA_EXEC_OPTIONS_INIT;
  kata_error *error = NULL;
  char buffer[32] = "";
  size_t n = 0;
  int status = -1;
  options.args = args;
  int r = life_runtime_new (&mine, place, &error);
  if (r == 0)
    r = kata_sandbox_open (&sandbox, mine, "s1", &error);
  if (r == 0)
    r = kata_container_open (&container, sandbox, "c1", &error);
  if (r == 0)
    r = kata_container_exec (&process, container, &options, LIFE_MS, &error);
  if (r == 0)
    r = kata_process_read (process, KATA_STDOUT, buffer, sizeof buffer - 1, &n, LIFE_MS, &error);
  if (r == 0)
    r = kata_process_wait (process, &status, LIFE_MS, &error);
  if (r != 0)
    printf ("from another process: %s\n", kata_error_get_message (error));
  kata_error_unref (error);
  kata_process_unref (process);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (mine);
  life_close (place);
  return r == 0 && status == 0 && strcmp (buffer, "from afar\n") == 0 ? 0 : 1;
}

/* The sandbox is another process's too, and goes on when that one has let go of it. */
START_TEST (re_attached)
{
  const char *const args[] = { "test-life", "attach", life->dir, real[0], real[1], NULL };
  kata_error *error = NULL;
  kata_container *container = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s1");
  ck_ok (life_container (&container, sandbox, life, "c1", "sleep 1000", &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  ck_assert_int_eq (bed_wait (bed_spawn (args), LIFE_MS), 0);
  ck_assert_int_eq (kata_container_get_state (container), KATA_STATE_RUNNING);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
}
END_TEST

/* As the releases of Firecracker are installed: the jailer follows the link, and calls its directory by what that leads to. */
START_TEST (jailed_by_link)
{
  g_autofree char *link = g_build_filename (life->dir, "firecracker", NULL), *fake = g_strconcat ("fc:", link, NULL);
  kata_error *error = NULL;
  if (g_getenv ("KATA_TESTS_JAILER") == NULL)
    return;
  ck_assert_int_eq (symlink (strchr (g_getenv ("KATA_TESTS_FAKE"), ':') + 1, link), 0);
  g_setenv ("KATA_TESTS_FAKE", fake, TRUE);
  life_configure (life, "");
  kata_runtime_unref (runtime);
  runtime = life_runtime (life);
  ck_ok (life_run (life, runtime, "s1", &error), error);
}
END_TEST

/* The name of a thread that a signal could be delivered to, if it is not the caller's own; NULL; g_free(). */
static char *
takes_signals (const char *tid)
{
  static const int signals[] = { SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGALRM, SIGCHLD };
  g_autofree char *path = g_build_filename ("/proc/self/task", tid, "status", NULL), *text = NULL;
  if (strtol (tid, NULL, 10) == getpid () || !g_file_get_contents (path, &text, NULL, NULL))
    return NULL; /* or it has ended */
  const char *blocked = strstr (text, "SigBlk:");
  uint64_t mask = blocked != NULL ? g_ascii_strtoull (blocked + strlen ("SigBlk:"), NULL, 16) : 0;
  for (size_t i = 0; i < G_N_ELEMENTS (signals); i++)
    if ((mask >> (signals[i] - 1) & 1) == 0)
      return g_strndup (text, strcspn (text, "\n"));
  return NULL;
}

/* Handlers of the program's signals run on its own threads. */
START_TEST (threads_without_signals)
{
  kata_error *error = NULL;
  kata_container *container = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_assert_int_ge (kata_sandbox_get_event_fd (sandbox), 0);
  ck_ok (life_container (&container, sandbox, life, "c", "cat", &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  g_autoptr (GDir) tasks = g_dir_open ("/proc/self/task", 0, NULL);
  int n = 0;
  for (const char *tid; (tid = g_dir_read_name (tasks)) != NULL; n++) {
    g_autofree char *name = takes_signals (tid);
    ck_assert_msg (name == NULL || bed_sanitized (), "a thread takes signals: %s", name);
  }
  ck_assert_int_ge (n, 3); /* ours, the reader's, the watcher's */
  kata_container_unref (container);
  fixture_end (sandbox);
}
END_TEST

static Suite *
make_real (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "life", 600, fixture_setup, fixture_teardown);
  tcase_add_test (tcase, whole_life);
  tcase_add_test (tcase, re_attached);
  return suite;
}

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "life", 60, fixture_setup, fixture_teardown);
  tcase_add_test (tcase, whole_life);
  tcase_add_test (tcase, streams_and_exit);
  tcase_add_test (tcase, timeouts_lose_nothing);
  tcase_add_test (tcase, states_are_kept);
  tcase_add_test (tcase, guest_metrics);
  tcase_add_test (tcase, arguments);
  tcase_add_test (tcase, reports);
  tcase_add_test (tcase, re_attached);
  tcase_add_test (tcase, jailed_by_link);
  tcase_add_test (tcase, threads_without_signals);
  return suite;
}

int
main (int argc, char **argv)
{
  bool attaching = argc > 2 && strcmp (argv[1], "attach") == 0;
  int first = attaching ? 3 : 1;
  for (int i = 0; i < 2 && first + i < argc; i++)
    real[i] = argv[first + i];
  g_autofree char *why = real[1] != NULL ? life_over (real[0], real[1]) : NULL;
  if (attaching)
    return why != NULL ? 1 : attach (argv[2]);
  if (why != NULL) {
    printf ("SKIP: %s\n", why);
    return 77;
  }
  return bed_run (real[1] != NULL ? make_real : make);
}
