/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-program: the verbs for a VMM that is a program, over one that only sleeps; with an agent behind it they run in lifecycle/life-example. */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>
#include <glib/gstdio.h>

#include <kata/sys/program.h>

#include "base/error.h"
#include "host/pidfd.h"

static char *dir, *sleeps;
static int n_files, n_processes;
static kata_vm_plan plan;
static kata_backend_env env;
static kata_program program = KATA_PROGRAM_INIT;
static const char *argv[3];

static int
record (void *journal, const kata_undo *undo, kata_error **err)
{
  if (undo->kind == KATA_UNDO_FILE)
    n_files++;
  else
    n_processes++;
  return journal == NULL ? 0 : kata_error__set (err, KATA_E_IO, NULL, "the journal is full");
}

static void
setup (void)
{
  dir = g_dir_make_tmp ("kata-program-XXXXXX", NULL);
  sleeps = g_find_program_in_path ("sleep");
  ck_assert_ptr_nonnull (sleeps);
  argv[0] = sleeps;
  argv[1] = "300";
  plan = (kata_vm_plan){ .size = sizeof plan, .id = "s", .dir = dir, .agent_port = 1024 };
  env = (kata_backend_env){ .size = sizeof env, .deadline_us = INT64_MAX, .record = record };
  program.name = "sleeper";
  program.socket = "agent.sock";
  program.argv = argv;
}

static void
teardown (void)
{
  const char *const args[] = { "rm", "-rf", dir, NULL };
  ck_assert (g_spawn_sync (NULL, (char **) args, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL));
  g_free (dir);
  g_free (sleeps);
}

static bool
has_ended (void *vm, int ms)
{
  struct pollfd poller = { .fd = kata_program_exit_fd (vm), .events = POLLIN };
  return poll (&poller, 1, ms) == 1;
}

START_TEST (a_life)
{
  void *vm = NULL, *again = NULL;
  char *saved = NULL;
  int64_t pids[2] = { 7, 7 }, same[1];
  kata_stream stream;
  g_autoptr (kata_error) error = NULL;
  ck_assert_msg (kata_program_launch (&vm, &plan, &program, &env, &error) == 0, "%s", kata_error_get_message (error));
  ck_assert_int_eq (n_files, 3); /* the socket and two logs, before they are there */
  ck_assert_int_eq (n_processes, 1);
  ck_assert_uint_eq (kata_program_pids (vm, pids, 2), 1);
  ck_assert (pids[0] > 1 && pids[1] == 0);
  ck_assert (!has_ended (vm, 0));
  /* From another handle, which sees what this one sees. */
  ck_assert_int_eq (kata_program_save (vm, &saved, NULL), 0);
  ck_assert_int_eq (kata_program_attach (&again, &plan, &program, saved, NULL), 0);
  ck_assert_uint_eq (kata_program_pids (again, same, 1), 1);
  ck_assert_int_eq (same[0], pids[0]);
  env.deadline_us = kata_deadline__now () + 50000;
  ck_assert_int_eq (kata_program_connect (vm, &stream, &env, NULL), KATA_E_TIMEOUT);
  env.deadline_us = INT64_MAX;
  /* Stopped, it ends all the same. */
  ck_assert_int_eq (kata_program_signal (vm, SIGSTOP, NULL), 0);
  ck_assert_int_eq (kata_program_stop (vm, 0, &env, NULL), 0);
  ck_assert (has_ended (vm, 0) && has_ended (again, 10000));
  char *why = kata_program_why (vm);
  ck_assert_msg (strstr (why, "sleeper") != NULL && strstr (why, "signal") != NULL, "%s", why);
  kata_free (why);
  ck_assert_int_eq (kata_program_signal (vm, SIGCONT, NULL), KATA_E_NOT_FOUND);
  ck_assert_int_eq (kata_program_connect (vm, &stream, &env, NULL), KATA_E_VMM);
  kata_program_detach (again);
  kata_program_detach (vm);
  kata_program_detach (NULL);
  /* And when nobody had it open. */
  ck_assert_int_eq (kata_program_attach (&again, &plan, &program, saved, NULL), 0);
  ck_assert (has_ended (again, 0));
  kata_program_detach (again);
  kata_free (saved);
}
END_TEST

static void
wrong (int code)
{
  void *vm = NULL;
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (kata_program_launch (&vm, &plan, &program, &env, &error), code);
  ck_assert_ptr_nonnull (error);
  ck_assert_ptr_null (vm);
}

START_TEST (what_is_refused)
{
  static const char *const names[] = { "", "a/b", "A", "0123456789012345678901234567890123" }, *const sockets[] = {
    "", "a/b", "..", "01234567890123456789012345678901234567890123456789012345678901234567890123456789"
  };
  static const char *const saved[] = { "", "{", "{}", "[1]",
                                       "{\"version\":1,\"vmm\":[0,0],\"virtiofsd\":[0,0],\"port\":1,\"cid\":0}" };
  void *vm = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    program.name = names[i];
    wrong (KATA_E_INVALID);
  }
  program.name = "sleeper";
  for (size_t i = 0; i < G_N_ELEMENTS (sockets); i++) {
    program.socket = sockets[i];
    wrong (KATA_E_INVALID);
  }
  program.socket = "agent.sock";
  argv[0] = "sleep";
  wrong (KATA_E_INVALID);
  ck_assert_int_eq (n_files + n_processes, 0);
  argv[0] = "/nonexistent/vmm";
  wrong (KATA_E_HOST);
  argv[0] = sleeps;
  env.journal = &env;
  wrong (KATA_E_IO);
  for (size_t i = 0; i < G_N_ELEMENTS (saved); i++)
    ck_assert_int_eq (kata_program_attach (&vm, &plan, &program, saved[i], NULL), KATA_E_CORRUPT);
  ck_assert_ptr_null (vm);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("api/program");
  TCase *tcase = tcase_create ("program");
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, a_life);
  tcase_add_test (tcase, what_is_refused);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
