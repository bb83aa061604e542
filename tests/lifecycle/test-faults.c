/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-faults: a VMM that dies, hangs, hangs up, talks nonsense or refuses at each request: typed errors in time, and nothing left. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

#define HANG_MS  3000  /* for what is waited for in vain */
#define START_MS 60000 /* for what fails by itself: not reached, on a machine that stands still neither */
#define SLACK_MS 20000 /* the machine may be busy */

static const char *const hows[] = { "die", "hang", "hang-up", "junk", "refuse", "deep", "long" };

/* The first of each start is the question whether it is there; the first of each end is the pause. */
static const struct requests {
  const char *fake, *starting[3], *ending[3];
} all[] = {
  { "clh:", { "vmm.ping", "vm.create", "vm.boot" }, { "vm.pause", "vm.power-button", "vmm.shutdown" } },
  { "fc:", { "version", "machine-config", "InstanceStart" }, { "vm", "SendCtrlAltDel", NULL } },
  { "acrn:", { "start", NULL, NULL }, { "stop", NULL, NULL } },
  { "stratovirt:", { "greeting", "qmp_capabilities", NULL }, { "stop", "system_powerdown", "quit" } },
};

static const struct requests *
requests (void)
{
  const char *fake = g_getenv ("KATA_TESTS_FAKE");
  for (size_t i = 0; i < G_N_ELEMENTS (all); i++)
    if (g_str_has_prefix (fake, all[i].fake))
      return &all[i];
  g_assert_not_reached ();
}

START_TEST (start_fails)
{
  const char *how = hows[_i];
  const char *const *starting = requests ()->starting;
  bool hangs = strcmp (how, "hang") == 0;
  for (size_t i = 0; i < 3 && starting[i] != NULL; i++) {
    kata_error *error = NULL;
    fixture_misbehave (starting[i], how);
    kata_sandbox *sandbox = fixture_sandbox ();
    int64_t begin = g_get_monotonic_time ();
    int r = kata_sandbox_start (sandbox, hangs ? HANG_MS : START_MS, &error);
    int ms = (int) ((g_get_monotonic_time () - begin) / 1000);
    printf ("%s, %s: %s after %d ms: %s\n", starting[i], how, kata_error_code_name (r), ms,
            kata_error_get_message (error));
    ck_assert_int_le (ms, HANG_MS + SLACK_MS);
    if (hangs)
      ck_assert_int_eq (r, KATA_E_TIMEOUT);
    if (strcmp (how, "die") == 0)
      ck_assert_int_eq (r, KATA_E_VMM);
    if (strcmp (how, "refuse") == 0 && i > 0)
      ck_assert_ptr_nonnull (strstr (kata_error_get_message (error), "it is said so: in two parts"));
    bed_failed (r, &error, how);
    ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_STATE_CREATED);
    ck_ok (kata_sandbox_delete (sandbox, 0, &error), error);
    kata_sandbox_unref (sandbox);
  }
}
END_TEST

START_TEST (late_is_not_wrong)
{
  const char *const *starting = requests ()->starting;
  for (size_t i = 0; i < 3 && starting[i] != NULL; i++) {
    kata_error *error = NULL;
    fixture_misbehave (starting[i], "late");
    kata_sandbox *sandbox = fixture_sandbox ();
    ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
    ck_ok (kata_sandbox_stop (sandbox, 1000, &error), error);
    ck_ok (kata_sandbox_delete (sandbox, 0, &error), error);
    kata_sandbox_unref (sandbox);
  }
}
END_TEST

/* A guest that runs: pausing it fails, and it ends all the same, by force if need be. */
START_TEST (end_comes)
{
  const char *const *ending = requests ()->ending;
  const char *how = hows[_i];
  for (size_t i = 0; i < 3 && ending[i] != NULL; i++) {
    kata_error *error = NULL;
    fixture_misbehave (ending[i], how);
    kata_sandbox *sandbox = fixture_sandbox ();
    ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
    if (i == 0)
      bed_failed (kata_sandbox_pause (sandbox, 500, &error), &error, how);
    int64_t begin = g_get_monotonic_time ();
    ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
    int ms = (int) ((g_get_monotonic_time () - begin) / 1000);
    printf ("%s, %s: deleted after %d ms\n", ending[i], how, ms);
    ck_assert_int_le (ms, HANG_MS + SLACK_MS);
    kata_sandbox_unref (sandbox);
  }
}
END_TEST

static pid_t
first_pid (kata_sandbox *sandbox)
{
  char *json = NULL;
  kata_error *error = NULL;
  ck_ok (kata_sandbox_inspect (&json, sandbox, &error), error);
  const char *pids = strstr (json, "\"pids\"");
  pid_t pid = pids != NULL ? (pid_t) g_ascii_strtoll (pids + strcspn (pids, "0123456789"), NULL, 10) : 0;
  kata_free (json);
  ck_assert_int_gt (pid, 1);
  return pid;
}

/* Whoever comes later is told why it stopped: by a call that finds it so, by one after it was written down, through another handle. */
START_TEST (end_is_remembered)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_sandbox (), *other = NULL;
  char *json = NULL;
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  ck_assert_int_eq (kill (first_pid (sandbox), SIGKILL), 0);
  for (int i = 0; i < 2000 && kata_sandbox_get_state (sandbox) != KATA_STATE_STOPPED; i++)
    g_usleep (5000);
  ck_ok (kata_sandbox_inspect (&json, sandbox, &error), error);
  ck_assert_msg (strstr (json, "\"ended\"") != NULL && strstr (json, "killed by signal 9") != NULL, "%s", json);
  kata_free (json);
  ck_ok (kata_sandbox_open (&other, runtime, "s", &error), error);
  for (int i = 0; i < 4; i++) {
    char *text = NULL;
    kata_sandbox *handle = i < 2 ? sandbox : other;
    int r = i % 2 == 0 ? kata_sandbox_metrics_get (&text, handle, LIFE_MS, &error)
                       : kata_sandbox_pause (handle, LIFE_MS, &error);
    ck_assert_int_eq (r, KATA_E_STATE);
    ck_assert_msg (strstr (kata_error_get_message (error), "killed by signal 9") != NULL, "%s",
                   kata_error_get_message (error));
    if (i == 0)
      printf ("later: %s\n", kata_error_get_message (error));
    error = kata_error_unref (error);
  }
  kata_sandbox_unref (other);
  ck_ok (kata_sandbox_delete (sandbox, 0, &error), error);
  kata_sandbox_unref (sandbox);
}
END_TEST

/* A VMM that lives and cannot be asked is no sandbox that is not there. */
START_TEST (nobody_listens)
{
  const char *fake = g_getenv ("KATA_TESTS_FAKE");
  bool clh = g_str_has_prefix (fake, "clh:");
  g_autofree char *path = g_build_filename (life->state_dir, "s", clh ? "clh.sock" : "fc.sock", NULL);
  kata_error *error = NULL;
  if (!clh && !g_str_has_prefix (fake, "fc:"))
    return;
  kata_sandbox *sandbox = fixture_sandbox ();
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  ck_assert_int_eq (unlink (path), 0);
  fixture_refused (kata_sandbox_pause (sandbox, LIFE_MS, &error), KATA_E_VMM, "does not listen", &error);
  fixture_end (sandbox);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "faults", 180, fixture_setup, fixture_teardown);
  tcase_add_loop_test (tcase, start_fails, 0, (int) G_N_ELEMENTS (hows));
  tcase_add_test (tcase, late_is_not_wrong);
  tcase_add_test (tcase, end_is_remembered);
  tcase_add_test (tcase, nobody_listens);
  tcase_add_loop_test (tcase, end_comes, 0, (int) G_N_ELEMENTS (hows));
  return suite;
}

int
main (void)
{
  return bed_run (make);
}
