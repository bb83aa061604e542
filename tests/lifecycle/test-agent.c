/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-agent: guests whose agent says nothing, hangs up or talks nonsense: the start fails in time with the right code and leaves nothing. */
#include <stdio.h>
#include <string.h>

#include "bed.h"
#include "life.h"
#include "residue.h"

#define START_MS 800
#define SLACK_MS 20000 /* the machine may be busy; without a limit these calls wait longer by far */

static struct life *life;

static void
setup (void)
{
  life = life_new ();
  kata_runtime_unref (life_runtime (life));
}

static void
teardown (void)
{
  life_free (life);
}

static const struct manner {
  const char *name;
  int code;
  bool at_once; /* nothing to wait for */
} manners[] = {
  { "silent", KATA_E_TIMEOUT, false },
  { "hangs-up", KATA_E_AGENT, true },
  { "garbage", KATA_E_TIMEOUT, false }, /* announces a frame of 4 GiB, which is thrown away as it comes */
};

START_TEST (start_fails)
{
  const struct manner *manner = &manners[_i];
  g_autofree char *setting = g_strdup_printf ("kernel_params = \"null.agent=%s\"", manner->name);
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  kata_sandbox *sandbox = NULL;
  kata_error *error = NULL;
  life_configure (life, setting);
  g_autofree char *before = residue_take (life->dir, RESIDUE_ISOLATED);
  kata_runtime *runtime = life_runtime (life);
  options.id = "s";
  ck_ok (kata_sandbox_create (&sandbox, runtime, &options, &error), error);
  for (int i = 0; i < 2; i++) {
    int64_t begin = g_get_monotonic_time ();
    int r = kata_sandbox_start (sandbox, START_MS, &error);
    int ms = (int) ((g_get_monotonic_time () - begin) / 1000);
    printf ("agent %s: %s after %d ms: %s\n", manner->name, kata_error_code_name (r), ms,
            kata_error_get_message (error));
    ck_assert_int_eq (r, manner->code);
    ck_assert_int_le (ms, (manner->at_once ? 0 : START_MS) + SLACK_MS);
    bed_failed (r, &error, manner->name);
    ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_STATE_CREATED);
  }
  ck_ok (kata_sandbox_delete (sandbox, 0, &error), error);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
  g_autofree char *after = residue_compare (before, life->dir, RESIDUE_ISOLATED);
  ck_assert_msg (after == NULL, "agent %s: left behind:\n%s", manner->name, after);
}
END_TEST

static gpointer
delete_later (gpointer data)
{
  g_usleep (300 * 1000);
  kata_error *error = NULL;
  int r = kata_sandbox_delete (data, KATA_DELETE_FORCE, &error);
  kata_error_unref (error);
  return GINT_TO_POINTER (-r);
}

/* A forced delete does not wait for a start that waits for an agent that never answers. */
START_TEST (delete_during_start)
{
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  kata_sandbox *sandbox = NULL;
  kata_error *error = NULL;
  life_configure (life, "kernel_params = \"null.agent=silent\"");
  g_autofree char *before = residue_take (life->dir, RESIDUE_ISOLATED);
  kata_runtime *runtime = life_runtime (life);
  options.id = "s";
  ck_ok (kata_sandbox_create (&sandbox, runtime, &options, &error), error);
  GThread *thread = g_thread_new ("delete", delete_later, kata_sandbox_ref (sandbox));
  int64_t begin = g_get_monotonic_time ();
  int r = kata_sandbox_start (sandbox, 30000, &error);
  int ms = (int) ((g_get_monotonic_time () - begin) / 1000);
  bed_failed (r, &error, "start that is deleted");
  ck_assert_int_le (ms, 300 + SLACK_MS);
  ck_assert_int_eq (GPOINTER_TO_INT (g_thread_join (thread)), 0);
  ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_E_NOT_FOUND);
  kata_sandbox_unref (sandbox);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
  g_autofree char *after = residue_compare (before, life->dir, RESIDUE_ISOLATED);
  ck_assert_msg (after == NULL, "left behind:\n%s", after);
}
END_TEST

/* A guest that is paused answers nothing: every call ends by its deadline, and stop is not held up. */
START_TEST (paused_guest)
{
  g_autofree char *before = residue_take (life->dir, RESIDUE_ISOLATED);
  kata_runtime *runtime = life_runtime (life);
  kata_error *error = NULL;
  kata_container *container = NULL;
  kata_process *process = NULL;
  char buffer[8];
  size_t n = 0;
  int status = 0;
  if (!life_pauses ()) {
    kata_runtime_unref (runtime);
    return;
  }
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (life_container (&container, sandbox, life, "c", "sleep 100", &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  ck_ok (kata_container_get_process (&process, container, &error), error);
  ck_ok (kata_sandbox_pause (sandbox, LIFE_MS, &error), error);
  int64_t begin = g_get_monotonic_time ();
  ck_assert_int_eq (kata_process_read (process, KATA_STDOUT, buffer, sizeof buffer, &n, 100, NULL), KATA_E_TIMEOUT);
  ck_assert_int_eq (kata_process_wait (process, &status, 100, NULL), KATA_E_TIMEOUT);
  ck_assert_int_eq (kata_process_signal (process, 15, 100, NULL), KATA_E_TIMEOUT);
  ck_assert_int_eq (kata_process_write (process, "x", 1, NULL, 100, NULL), KATA_E_TIMEOUT);
  ck_assert_int_eq (kata_process_close_stdin (process, 100, NULL), KATA_E_TIMEOUT);
  ck_ok (kata_sandbox_stop (sandbox, 500, &error), error);
  int ms = (int) ((g_get_monotonic_time () - begin) / 1000);
  ck_assert_msg (ms < 1000 + SLACK_MS, "took %d ms", ms);
  ck_ok (kata_sandbox_delete (sandbox, 0, &error), error);
  kata_process_unref (process);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
  g_autofree char *after = residue_compare (before, life->dir, RESIDUE_ISOLATED);
  ck_assert_msg (after == NULL, "left behind:\n%s", after);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "agent", 180, setup, teardown);
  tcase_add_loop_test (tcase, start_fails, 0, (int) G_N_ELEMENTS (manners));
  tcase_add_test (tcase, delete_during_start);
  tcase_add_test (tcase, paused_guest);
  return suite;
}

int
main (void)
{
  return bed_run (make);
}
