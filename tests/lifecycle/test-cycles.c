/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-cycles: many lives and many failures of each kind in one process; descriptors, threads and memory do not grow.
   Arguments: none = a thousand of each over the null backend; COUNT = so many lives; HYPERVISOR CONFIG COUNT = COUNT lives (or
   $KATACTL_CYCLES) over a real guest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

/* Between the means of the two halves: what an allocator's arenas take by the chance of who runs when. */
#define GROWTH_MAX_KIB 512
/* In the second half of a thousand cycles no leak can hide behind that; in a hundred it can. */
#define SLOPE_MAX_KIB    0.6
#define SLOPE_MIN_CYCLES 1000

static kata_sandbox *running; /* for what needs one */
static int lives_wanted = 1000;
static bool only_lives;

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

/* What the process had after each cycle. */
struct samples {
  int n;
  long *rss, *pss; /* KiB */
  int *fds, *threads;
  int64_t slowest; /* microseconds */
};

static struct samples *
samples_new (int n)
{
  struct samples *samples = g_new0 (struct samples, 1);
  *samples = (struct samples){ n, g_new0 (long, n), g_new0 (long, n), g_new0 (int, n), g_new0 (int, n), 0 };
  return samples;
}

static void
samples_free (struct samples *samples)
{
  g_free (samples->rss);
  g_free (samples->pss);
  g_free (samples->fds);
  g_free (samples->threads);
  g_free (samples);
}

/* Threads that are about to end have a moment, and their descriptors. */
static void
samples_take (struct samples *samples, int i)
{
  for (int tries = 0; i > 0 && tries < 50 && residue_fds () > samples->fds[0]; tries++)
    g_usleep (1000);
  samples->rss[i] = residue_rss_kib ();
  samples->pss[i] = residue_pss_kib ();
  samples->fds[i] = residue_fds ();
  samples->threads[i] = residue_threads ();
}

static int
least (const int *values, int from, int to)
{
  int value = values[from];
  for (int i = from; i < to; i++)
    value = MIN (value, values[i]);
  return value;
}

static double
mean (const long *values, int from, int to)
{
  double sum = 0;
  for (int i = from; i < to; i++)
    sum += (double) values[i];
  return sum / (to - from);
}

/* By how much a value grows with each cycle: the least squares' line. */
static double
slope (const long *values, int from, int to)
{
  double middle = (from + to - 1) / 2.0, average = mean (values, from, to), sum = 0, squares = 0;
  for (int i = from; i < to; i++) {
    sum += (i - middle) * ((double) values[i] - average);
    squares += (i - middle) * (i - middle);
  }
  return squares > 0 ? sum / squares : 0;
}

static void
judge_memory (const char *what, const char *kind, const long *values, int n)
{
  int half = n / 2;
  double growth = mean (values, half, n) - mean (values, 0, half), each = slope (values, half, n);
  printf ("  %s: first half %.0f KiB, second half %.0f KiB (%+.0f), last %ld; %+.2f KiB a cycle in the second half\n",
          kind, mean (values, 0, half), mean (values, half, n), growth, values[n - 1], each);
  if (bed_sanitized () || strcmp (kind, "PSS") == 0)
    return; /* PSS is only shown: other programs that map libc, and end, move it */
  ck_assert_msg (growth < GROWTH_MAX_KIB, "%s: %s grew by %.0f KiB", what, kind, growth);
  if (n >= SLOPE_MIN_CYCLES)
    ck_assert_msg (each < SLOPE_MAX_KIB, "%s: %s grows by %.2f KiB a cycle", what, kind, each);
}

static void
judge (const char *what, const struct samples *samples, int64_t took_us)
{
  int n = samples->n;
  printf ("%d x %s: %.1f ms each, slowest %.0f ms; descriptors %d, then %d; threads %d, then %d\n", n, what,
          (double) took_us / 1000 / n, (double) samples->slowest / 1000, samples->fds[0], samples->fds[n - 1],
          samples->threads[0], samples->threads[n - 1]);
  judge_memory (what, "RSS", samples->rss, n);
  judge_memory (what, "PSS", samples->pss, n);
  /* What is about to end, or waits for more work, is there in some samples; what is lost is in all that come after. */
  int quarter = MAX (n / 4, 1);
  int fds = least (samples->fds, n - quarter, n), threads = least (samples->threads, n - quarter, n);
  int threads_before = least (samples->threads, 0, quarter);
  ck_assert_msg (fds <= samples->fds[0], "%s: descriptors were lost: %d, then %d", what, samples->fds[0], fds);
  ck_assert_msg (threads <= threads_before + 2, "%s: threads were lost: %d, then %d", what, threads_before, threads);
}

static void
repeat (const char *what, int times, void (*run) (void))
{
  if (bed_sanitized ())
    times /= 10;
  struct samples *samples = samples_new (MAX (times, 2));
  int64_t began = g_get_monotonic_time ();
  run (); /* what the first one makes for good is no growth */
  for (int i = 0; i < samples->n; i++) {
    int64_t start = g_get_monotonic_time ();
    run ();
    samples->slowest = MAX (samples->slowest, g_get_monotonic_time () - start);
    samples_take (samples, i);
  }
  judge (what, samples, g_get_monotonic_time () - began);
  samples_free (samples);
}

START_TEST (lives)
{
  g_autofree char *files = residue_take (life->dir, RESIDUE_FILES);
  repeat ("create, run, delete", lives_wanted, cycle);
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
  TCase *tcase =
      bed_case (&suite, "cycles", only_lives ? 120 + 60 * lives_wanted : 180, fixture_setup, fixture_teardown);
  tcase_add_test (tcase, lives);
  if (!only_lives)
    tcase_add_test (tcase, failures);
  return suite;
}

int
main (int argc, char **argv)
{
  const char *count = argc > 3 ? g_getenv ("KATACTL_CYCLES") : NULL;
  g_autofree char *why = argc > 3 ? life_over (argv[1], argv[2]) : NULL;
  if (why != NULL) {
    printf ("SKIP: %s\n", why);
    return 77;
  }
  only_lives = argc > 1;
  if (only_lives)
    lives_wanted = atoi (count != NULL ? count : argv[argc - 1]);
  return bed_run (make);
}
