/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-kill: the calling process dies by SIGKILL at every point of a sandbox's life, and at any moment; another one recovers everything.
   Arguments: none = over the null backend; HYPERVISOR CONFIG [N [FIRST]] = at every point, or every Nth, over a real guest. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "bed.h"
#include "life.h"
#include "residue.h"

#define POINTS_MIN 30
#define MOMENTS    (bed_sanitized () ? 20 : 80)

static struct life *life;
static const char *hypervisor, *config; /* of a real guest; NULL over null */
static int every = 1, first = 1;
static bool outlives; /* a machine of its own process does; null's, and one in threads, end with their creator */

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

/* In the child: one life, killed at point argv[5]; without a kill the number of points goes to a file. "" = over null. */
static int
live (char **argv)
{
  if (argv[2][0] != '\0' && life_over (argv[2], argv[3]) != NULL)
    return 4;
  struct life *mine = life_open (argv[4]);
  struct life_fault fault = { .at = atoi (argv[5]) };
  kata_runtime *runtime = NULL;
  if (life_runtime_new (&runtime, mine, NULL) != 0)
    return 3;
  life_fault (runtime, &fault);
  int r = life_run (mine, runtime, "s", NULL);
  kata_runtime_unref (runtime);
  if (argv[6] != NULL) {
    g_autofree char *count = g_strdup_printf ("%d", fault.hits);
    if (!g_file_set_contents (argv[6], count, -1, NULL))
      return 2;
  }
  life_close (mine);
  return r != 0;
}

static pid_t
spawn_life (int at, const char *count)
{
  g_autofree char *number = g_strdup_printf ("%d", at);
  const char *const args[] = {
    "test-kill", "live", hypervisor != NULL ? hypervisor : "", config != NULL ? config : "", life->dir, number,
    count,       NULL
  };
  return bed_spawn (args);
}

static int
count_points (int64_t *us)
{
  g_autofree char *path = g_build_filename (life->dir, "count", NULL);
  g_autofree char *text = NULL;
  int64_t begin = g_get_monotonic_time ();
  int status = bed_wait (spawn_life (0, path), LIFE_MS);
  *us = g_get_monotonic_time () - begin;
  ck_assert_msg (WIFEXITED (status) && WEXITSTATUS (status) == 0, "the life without a kill: status %d", status);
  ck_assert (g_file_get_contents (path, &text, NULL, NULL));
  ck_assert_int_eq (remove (path), 0);
  return atoi (text);
}

enum remedy { RECOVER, DELETE, REMEDIES };

static void
remedy (enum remedy how, const char *what)
{
  kata_runtime *runtime = life_runtime (life);
  kata_error *error = NULL;
  kata_sandbox *sandbox = NULL;
  char **ids = NULL;
  uint32_t n = how == DELETE ? 0 : 99;
  /* A forced delete is enough where there still is a sandbox by the public interface's words. */
  if (how == DELETE && kata_sandbox_open (&sandbox, runtime, "s", NULL) == 0)
    ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  int r = how == DELETE ? kata_runtime_recover_sandbox (runtime, "s", LIFE_MS, &error)
                        : kata_runtime_recover (runtime, KATA_RECOVER_DEAD, &n, LIFE_MS, &error);
  ck_assert_msg (r == 0, "%s: recover: %s", what, kata_error_get_message (error));
  ck_assert_uint_le (n, 1);
  ck_ok (kata_runtime_list (&ids, runtime, &error), error);
  /* Killed between its creation and its start, it is whole: recovery leaves it alone; and a machine that runs without its creator. */
  if (ids[0] != NULL && sandbox == NULL)
    ck_ok (kata_sandbox_open (&sandbox, runtime, ids[0], &error), error);
  if (ids[0] != NULL) {
    int state = kata_sandbox_get_state (sandbox);
    bool lives = outlives && (state == KATA_STATE_RUNNING || state == KATA_STATE_PAUSED);
    ck_assert_msg (state == KATA_STATE_CREATED || lives, "%s: recover left a sandbox in state %d", what, state);
    ck_ok (kata_sandbox_delete (sandbox, lives ? KATA_DELETE_FORCE : 0, &error), error);
  }
  kata_strv_free (ids);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
}

static void
compare (const char *before, const char *what)
{
  g_autofree char *after = residue_compare (before, life->dir, RESIDUE_ISOLATED);
  ck_assert_msg (after == NULL, "left behind after %s:\n%s", what, after);
}

START_TEST (at_every_point)
{
  int64_t us;
  int last = count_points (&us);
  ck_assert_int_ge (last, POINTS_MIN);
  g_autofree char *before = residue_take (life->dir, RESIDUE_ISOLATED);
  printf ("%d points; a whole life takes %.1f s\n", last, (double) us / 1e6);
  fflush (stdout);
  /* Under a sanitizer, which makes this slow, only the first way; over a real guest both in turn. */
  for (int how = 0; how < (bed_sanitized () || hypervisor != NULL ? 1 : REMEDIES); how++)
    for (int n = first; n <= last; n += every) {
      g_autofree char *what = g_strdup_printf ("SIGKILL at point %d", n);
      int64_t began = g_get_monotonic_time ();
      int status = bed_wait (spawn_life (n, NULL), LIFE_MS);
      ck_assert_msg (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL, "%s: status %d", what, status);
      remedy (hypervisor != NULL ? (enum remedy) (n / every % REMEDIES) : (enum remedy) how, what);
      compare (before, what);
      if (hypervisor != NULL) {
        printf ("%s: %.1f s\n", what, (double) (g_get_monotonic_time () - began) / 1e6);
        fflush (stdout);
      }
    }
  printf ("kill matrix: SIGKILL at each of %d points, recovered (and deleted) by another process, nothing left\n",
          (last - first) / every + 1);
}
END_TEST

/* Between the points, too: moments spread evenly over the time that a life takes. */
START_TEST (at_any_moment)
{
  int64_t us = INT64_MAX, one;
  int killed = 0;
  for (int i = 0; i < 3; i++) { /* the shortest: one that was held up is no measure */
    count_points (&one);
    us = MIN (us, one);
  }
  g_autofree char *before = residue_take (life->dir, RESIDUE_ISOLATED);
  for (int i = 0; i < MOMENTS; i++) {
    g_autofree char *what = g_strdup_printf ("SIGKILL after %d us", (int) (us * i / MOMENTS));
    pid_t pid = spawn_life (0, NULL);
    g_usleep ((gulong) (us * i / MOMENTS));
    kill (pid, SIGKILL);
    killed += WIFSIGNALED (bed_wait (pid, LIFE_MS));
    remedy (RECOVER, what);
    compare (before, what);
  }
  printf ("kill at any moment: %d of %d lives of %d ms were cut short, nothing left\n", killed, MOMENTS,
          (int) (us / 1000));
  ck_assert_int_ge (killed, MOMENTS / 4);
}
END_TEST

/* A sandbox that was being started by a process that died can be started by the next one, without a recovery in between. */
START_TEST (started_by_the_next)
{
  int64_t us;
  int last = count_points (&us), reached = 0;
  for (int n = 1; n <= last; n++) {
    g_autofree char *before = residue_take (life->dir, RESIDUE_ISOLATED);
    bed_wait (spawn_life (n, NULL), LIFE_MS);
    kata_runtime *runtime = life_runtime (life);
    kata_error *error = NULL;
    kata_sandbox *sandbox = NULL;
    int r = kata_sandbox_open (&sandbox, runtime, "s", NULL);
    if (r == 0 && kata_sandbox_get_state (sandbox) == KATA_STATE_CREATED) {
      ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
      reached++;
    }
    kata_sandbox_unref (sandbox);
    ck_ok (kata_runtime_recover (runtime, KATA_RECOVER_ALL, NULL, LIFE_MS, &error), error);
    kata_runtime_unref (runtime);
    compare (before, "a start after a start cut short");
  }
  printf ("starts after a start cut short: %d points\n", reached);
  ck_assert_int_ge (reached, 10);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "kill", hypervisor != NULL ? 7200 : 180, setup, teardown);
  tcase_add_test (tcase, at_every_point);
  if (hypervisor != NULL)
    return suite;
  tcase_add_test (tcase, at_any_moment);
  tcase_add_test (tcase, started_by_the_next);
  return suite;
}

int
main (int argc, char **argv)
{
  if (argc >= 6 && strcmp (argv[1], "live") == 0)
    return live (argv);
  if (argc >= 3 && argc <= 5) {
    every = argc > 3 ? MAX (atoi (argv[3]), 1) : 1;
    first = argc > 4 ? MAX (atoi (argv[4]), 1) : 1;
    outlives = true;
    hypervisor = argv[1];
    config = argv[2];
    g_autofree char *why = life_over (hypervisor, config);
    if (why != NULL) {
      printf ("SKIP: %s\n", why);
      return 77;
    }
  }
  return bed_run (make);
}
