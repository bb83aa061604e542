/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-failure: every point of a sandbox's life fails once, every agent request too; nothing is left and the error says what failed. */
#include <stdio.h>
#include <string.h>

#include "bed.h"
#include "life.h"
#include "residue.h"
#include "sandbox/sandbox.h"

#define POINTS_MIN 30 /* promised */

static struct life *life;

static void
setup (void)
{
  life = life_new ();
  /* Once without failures: what the first use of a library makes is no residue. */
  kata_runtime *runtime = life_runtime (life);
  kata_error *error = NULL;
  ck_ok (life_run (life, runtime, "warm", &error), error);
  kata_runtime_unref (runtime);
}

static void
teardown (void)
{
  life_free (life);
}

static void
compare (const char *before, const char *what)
{
  g_autofree char *after = residue_compare (before, life->dir, RESIDUE_ISOLATED);
  ck_assert_msg (after == NULL, "left behind after %s:\n%s", what, after);
}

static int
count_points (GPtrArray *names)
{
  struct life_fault fault = { .names = names };
  kata_runtime *runtime = life_runtime (life);
  kata_error *error = NULL;
  life_fault (runtime, &fault);
  ck_ok (life_run (life, runtime, "count", &error), error);
  kata_runtime_unref (runtime);
  return fault.hits;
}

/* The orderly end is a courtesy: a backend that refuses it is asked again, and nobody has to know. */
static bool
may_go_on (const char *point)
{
  return strcmp (point, "backend:stop") == 0;
}

static void
fail_at (int n, bool recover)
{
  struct life_fault fault = { .at = n, .code = KATA_E_NO_MEMORY };
  kata_error *error = NULL;
  g_autofree char *before = residue_take (life->dir, RESIDUE_ISOLATED);
  kata_runtime *runtime = life_runtime (life);
  life_fault (runtime, &fault);
  int r = life_run (life, runtime, "s", &error);
  g_autofree char *what = g_strdup_printf ("point %d (\"%s\", in %s)", n, fault.name, life->step);
  ck_assert_msg (fault.name[0] != '\0', "point %d was not reached", n);
  if (r != 0) {
    ck_assert_msg (r == KATA_E_NO_MEMORY, "%s: %d %s", what, r, kata_error_get_message (error));
    ck_assert_msg (strstr (kata_error_get_message (error), fault.name) != NULL, "%s: \"%s\" does not say so", what,
                   kata_error_get_message (error));
    bed_failed (r, &error, what);
  } else {
    ck_assert_msg (may_go_on (fault.name), "%s: nobody noticed", what);
  }
  life_clear (life, "s", recover);
  kata_runtime_unref (runtime);
  compare (before, what);
}

START_TEST (every_point_fails)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  int last = count_points (names);
  ck_assert_int_ge (last, POINTS_MIN);
  for (int n = 1; n <= last; n++)
    fail_at (n, n % 2 == 0);
  for (int n = 1; n <= last; n++)
    fail_at (n, n % 2 != 0);
  printf ("failure matrix: %d points, each failed twice (cleared by delete, by recover), nothing left\n", last);
  for (guint i = 0; g_getenv ("KATA_DEBUG") != NULL && i < names->len; i++)
    printf ("  %s\n", (char *) names->pdata[i]);
}
END_TEST

/* Files and mounts of the sandboxes; the state's content changes with each try. */
static char *
made (void)
{
  g_autofree char *all = residue_take (life->state_dir, RESIDUE_FILES | RESIDUE_MOUNTS);
  g_auto (GStrv) lines = g_strsplit (all, "\n", -1);
  GString *rest = g_string_new (NULL);
  for (char **line = lines; *line != NULL; line++)
    if (strstr (*line, "/state.json ") == NULL)
      g_string_append_printf (rest, "%s\n", *line);
  return g_string_free (rest, FALSE);
}

static void
check_undone (const char *then, const char *point)
{
  g_autofree char *now = made ();
  ck_assert_msg (strcmp (now, then) == 0, "not undone by the call that failed at \"%s\"; before:\n%s\nafter:\n%s",
                 point, strstr (then, "file "), strstr (now, "file "));
}

/* A failed start leaves a sandbox that can be started; a failed container a sandbox that takes it at the second try. */
START_TEST (again_after_failure)
{
  int tried = 0;
  for (int n = 1;; n++, tried++) {
    struct life_fault fault = { .at = n, .code = KATA_E_IO };
    g_autofree char *before = residue_take (life->dir, RESIDUE_ISOLATED);
    kata_runtime *runtime = life_runtime (life);
    kata_error *error = NULL;
    kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
    kata_sandbox *sandbox = NULL;
    kata_container *container = NULL;
    options.id = "s";
    life_fault (runtime, &fault);
    if (kata_sandbox_create (&sandbox, runtime, &options, NULL) != 0)
      ck_ok (kata_sandbox_create (&sandbox, runtime, &options, &error), error);
    g_autofree char *created = made ();
    if (kata_sandbox_start (sandbox, LIFE_MS, NULL) != 0) {
      check_undone (created, fault.name);
      ck_assert_msg (!sandbox->lost, "%s: the next machine's connection would be taken for one that was made again",
                     fault.name);
      ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
    }
    g_autofree char *started = made ();
    if (life_container (&container, sandbox, life, "c", "sleep 9", NULL) != 0) {
      check_undone (started, fault.name);
      ck_ok (life_container (&container, sandbox, life, "c", "sleep 9", &error), error);
    }
    bool struck = fault.name[0] != '\0';
    fault.at = 0;
    ck_ok (kata_container_start (container, LIFE_MS, &error), error);
    ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
    kata_container_unref (container);
    kata_sandbox_unref (sandbox);
    kata_runtime_unref (runtime);
    compare (before, fault.name);
    if (!struck)
      break;
  }
  printf ("second tries: %d points\n", tried);
  ck_assert_int_ge (tried, 20);
}
END_TEST

/* A stop or delete that failed half-way is only said again; the second one finishes it. */
START_TEST (stop_and_delete_again)
{
  int tried = 0;
  for (int n = 1;; n++, tried++) {
    struct life_fault fault = { .code = KATA_E_IO };
    g_autofree char *before = residue_take (life->dir, RESIDUE_ISOLATED);
    kata_runtime *runtime = life_runtime (life);
    kata_error *error = NULL;
    kata_container *container = NULL;
    life_fault (runtime, &fault);
    kata_sandbox *sandbox = life_sandbox (runtime, "s");
    ck_ok (life_container (&container, sandbox, life, "c", "sleep 9", &error), error);
    fault.hits = 0;
    fault.at = n;
    if (kata_sandbox_stop (sandbox, 1000, NULL) != 0)
      ck_ok (kata_sandbox_stop (sandbox, 1000, &error), error);
    if (kata_sandbox_delete (sandbox, 0, NULL) != 0)
      ck_ok (kata_sandbox_delete (sandbox, 0, &error), error);
    kata_container_unref (container);
    kata_sandbox_unref (sandbox);
    kata_runtime_unref (runtime);
    compare (before, fault.name);
    if (fault.name[0] == '\0')
      break;
  }
  printf ("second stops and deletes: %d points\n", tried);
  ck_assert_int_ge (tried, 5);
}
END_TEST

START_TEST (every_agent_request_fails)
{
  int n = 1, failed = 0;
  for (bool struck = true; struck; n++) {
    g_autofree char *setting = g_strdup_printf ("fail_at = %d", n);
    g_autofree char *what = g_strdup_printf ("agent request %d", n);
    kata_error *error = NULL;
    life_configure (life, setting);
    g_autofree char *before = residue_take (life->dir, RESIDUE_ISOLATED);
    kata_runtime *runtime = life_runtime (life);
    int r = life_run (life, runtime, "s", &error);
    if (r != 0) {
      ck_assert_msg (strstr (kata_error_get_message (error), "told to fail at step") != NULL, "%s, in %s: %s", what,
                     life->step, kata_error_get_message (error));
      bed_failed (r, &error, what);
      failed++;
    }
    life_clear (life, "s", n % 2 == 0);
    kata_runtime_unref (runtime);
    compare (before, what);
    struck = n < 60;
  }
  printf ("agent requests: the first %d each failed once, %d were noticed\n", n - 1, failed);
  ck_assert_int_ge (failed, 10);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "failure", 120, setup, teardown);
  tcase_add_test (tcase, every_point_fails);
  tcase_add_test (tcase, again_after_failure);
  tcase_add_test (tcase, stop_and_delete_again);
  tcase_add_test (tcase, every_agent_request_fails);
  return suite;
}

int
main (void)
{
  return bed_run (make);
}
