/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-crowd: many machines at once, again and again, each with Linux in it until its agent answers; not what containers do in them.
   Arguments: HYPERVISOR CONFIG CYCLES AT-ONCE MIB. */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"

/* Emulated twice, twenty guests share one processor. */
#define START_MS (900 * 1000)
#define STOP_MS  (120 * 1000)
/* What the caller's own process must get back after each round. */
#define ROUND (RESIDUE_FDS | RESIDUE_CHILDREN | RESIDUE_MOUNTS | RESIDUE_FILES | RESIDUE_SOCKETS | RESIDUE_SHM)

static int cycles, at_once;
static uint64_t mib;

struct member {
  GThread *thread;
  char id[16];
  kata_sandbox *sandbox;
  kata_error *error;
  int result;
};

/* In threads of their own: nothing is asserted here. */
static void *
begin (void *data)
{
  struct member *member = data;
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  options.id = member->id;
  options.memory_mib = mib;
  member->result = kata_sandbox_create (&member->sandbox, runtime, &options, &member->error);
  if (member->result == 0)
    member->result = kata_sandbox_start (member->sandbox, START_MS, &member->error);
  return NULL;
}

static void *
end (void *data)
{
  struct member *member = data;
  member->result = kata_sandbox_stop (member->sandbox, STOP_MS, &member->error);
  if (member->result == 0)
    member->result = kata_sandbox_delete (member->sandbox, 0, &member->error);
  return NULL;
}

static void
all (struct member *members, void *(*run) (void *), const char *what)
{
  for (int i = 0; i < at_once; i++)
    members[i].thread = g_thread_new ("member", run, &members[i]);
  for (int i = 0; i < at_once; i++)
    g_thread_join (members[i].thread);
  for (int i = 0; i < at_once; i++)
    ck_assert_msg (members[i].result == 0, "%s of %s: %d %s", what, members[i].id, members[i].result,
                   kata_error_get_message (members[i].error));
}

static int
running (const struct member *members)
{
  int n = 0;
  for (int i = 0; i < at_once; i++)
    n += kata_sandbox_get_state (members[i].sandbox) == KATA_STATE_RUNNING;
  return n;
}

static void
round_of (int number)
{
  g_autofree struct member *members = g_new0 (struct member, at_once);
  for (int i = 0; i < at_once; i++)
    g_snprintf (members[i].id, sizeof members[i].id, "m%d-%d", number, i);
  int64_t began = g_get_monotonic_time ();
  all (members, begin, "start");
  int64_t up = g_get_monotonic_time ();
  ck_assert_int_eq (running (members), at_once);
  int fds = residue_fds (), threads = residue_threads ();
  all (members, end, "stop");
  for (int i = 0; i < at_once; i++)
    kata_sandbox_unref (members[i].sandbox);
  printf (
      "round %d: %d machines up after %.1f s (%d descriptors, %d threads here), gone after %.1f s more; RSS %ld KiB\n",
      number, at_once, (double) (up - began) / 1e6, fds, threads, (double) (g_get_monotonic_time () - up) / 1e6,
      residue_rss_kib ());
  fflush (stdout);
}

START_TEST (crowd)
{
  g_autofree char *before = residue_take (life->dir, ROUND);
  for (int done = 0, number = 1; done < cycles; done += at_once, number++) {
    round_of (number);
    g_autofree char *after = residue_compare (before, life->dir, ROUND);
    ck_assert_msg (after == NULL, "left behind after round %d:\n%s", number, after);
  }
  printf ("%d machines, %d at once, %llu MiB each: nothing left behind\n", cycles, at_once, (unsigned long long) mib);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "crowd", 600 + 60 * cycles, fixture_setup, fixture_teardown);
  tcase_add_test (tcase, crowd);
  return suite;
}

int
main (int argc, char **argv)
{
  if (argc != 6)
    return 2;
  g_autofree char *why = life_over (argv[1], argv[2]);
  if (why != NULL) {
    printf ("SKIP: %s\n", why);
    return 77;
  }
  cycles = atoi (argv[3]);
  at_once = atoi (argv[4]);
  mib = (uint64_t) atoi (argv[5]);
  return bed_run (make);
}
