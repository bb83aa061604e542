/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-cycles: a thousand lives and a thousand failures of each kind; descriptors, threads and memory do not grow. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

#define GROWTH_MAX_KIB 1024

static kata_sandbox *running; /* for what needs one */

/* A short life: what a caller runs who only wants the output of one command. */
static void
cycle (void)
{
  kata_error *error = NULL;
  kata_container *container = NULL;
  kata_process *process = NULL;
  char buffer[16];
  size_t n = 0;
  int status = -1;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (life_container (&container, sandbox, life, "c", "echo hello; exit 7", &error), error);
  ck_ok (kata_container_get_process (&process, container, &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  ck_ok (kata_process_read (process, KATA_STDOUT, buffer, sizeof buffer, &n, LIFE_MS, &error), error);
  ck_assert_uint_eq (n, 6);
  ck_ok (kata_process_wait (process, &status, LIFE_MS, &error), error);
  ck_assert_int_eq (status, 7);
  ck_ok (kata_container_delete (container, 0, LIFE_MS, &error), error);
  ck_ok (kata_sandbox_stop (sandbox, 1000, &error), error);
  ck_ok (kata_sandbox_delete (sandbox, 0, &error), error);
  kata_process_unref (process);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
}

static void
bad_config (void)
{
  kata_runtime *bad = NULL;
  kata_error *error = NULL;
  bed_failed (life_runtime_new (&bad, life, &error), &error, "bad configuration");
}

static void
bad_sandbox (void)
{
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  kata_sandbox *sandbox = NULL;
  kata_error *error = NULL;
  options.vcpus = 100000;
  bed_failed (kata_sandbox_create (&sandbox, runtime, &options, &error), &error, "too many CPUs");
}

static void
bad_spec (void)
{
  kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;
  kata_container *container = NULL;
  kata_error *error = NULL;
  options.config_json = "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"/\"},\"process\":{\"args\":[1]}}";
  bed_failed (kata_container_create (&container, running, &options, LIFE_MS, &error), &error, "bad specification");
}

/* Fails in the guest, after everything on the host was made. */
static void
bad_program (void)
{
  static const char *const args[] = { "/no/such/program", NULL };
  kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;
  kata_container *container = NULL;
  kata_error *error = NULL;
  options.rootfs = life->rootfs;
  options.args = args;
  bed_failed (kata_container_create (&container, running, &options, LIFE_MS, &error), &error, "no such program");
}

static void
repeat (const char *what, int times, void (*run) (void))
{
  int64_t begin = g_get_monotonic_time (), slowest = 0;
  long rss[3];
  int fds[3], threads[3];
  if (bed_sanitized ())
    times /= 10;
  run (); /* what the first one makes for good is no growth */
  for (int half = 0; half < 3; half++) {
    for (int i = 0; half != 0 && i < times / 2; i++) {
      int64_t start = g_get_monotonic_time ();
      run ();
      slowest = MAX (slowest, g_get_monotonic_time () - start);
    }
    g_usleep (50000); /* threads that are about to end */
    rss[half] = residue_rss_kib ();
    fds[half] = residue_fds ();
    threads[half] = residue_threads ();
  }
  printf (
      "%d x %s: %.1f ms each (slowest %.0f ms); memory %ld, %ld, %ld KiB at start, middle, end; descriptors %d, %d, "
      "%d; threads %d, %d, %d\n",
      times, what, (double) (g_get_monotonic_time () - begin) / 1000 / times, (double) slowest / 1000, rss[0], rss[1],
      rss[2], fds[0], fds[1], fds[2], threads[0], threads[1], threads[2]);
  ck_assert_int_eq (fds[2], fds[1]);
  ck_assert_int_eq (fds[1], fds[0]);
  ck_assert_int_le (threads[2], threads[1] + 2); /* those that are about to end, those that wait for more work */
  if (!bed_sanitized ())
    ck_assert_msg (rss[2] - rss[1] < GROWTH_MAX_KIB, "%s: memory grew by %ld KiB", what, rss[2] - rss[1]);
}

START_TEST (lives)
{
  g_autofree char *files = residue_take (life->dir, RESIDUE_FILES);
  repeat ("create, run, delete", 1000, cycle);
  g_autofree char *after = residue_compare (files, life->dir, RESIDUE_FILES);
  ck_assert_msg (after == NULL, "left behind:\n%s", after);
}
END_TEST

START_TEST (failures)
{
  kata_error *error = NULL;
  running = life_sandbox (runtime, "running");
  g_autofree char *files = residue_take (life->state_dir, RESIDUE_FILES);
  repeat ("create a sandbox that cannot be", 1000, bad_sandbox);
  repeat ("create a container with a bad specification", 1000, bad_spec);
  repeat ("create a container whose program is missing", 1000, bad_program);
  g_autofree char *after = residue_compare (files, life->state_dir, RESIDUE_FILES);
  ck_assert_msg (after == NULL, "left behind:\n%s", after);
  ck_ok (kata_sandbox_delete (running, KATA_DELETE_FORCE, &error), error);
  running = kata_sandbox_unref (running);
  life_configure (life, "default_vcpus = \"many\"");
  repeat ("read a bad configuration", 1000, bad_config);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "cycles", 180, fixture_setup, fixture_teardown);
  tcase_add_test (tcase, lives);
  tcase_add_test (tcase, failures);
  return suite;
}

int
main (void)
{
  return bed_run (make);
}
