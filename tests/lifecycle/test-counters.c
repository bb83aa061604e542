/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-counters: what a fake VMM counts comes with the guest's metrics; one that does not tell it, or tells nonsense, takes nothing from them. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

/* How a VMM can answer badly; the last one only takes its time. */
static const char *const hows[] = { "refuse", "junk", "deep", "long", "hang-up", "hang" };

static bool
over (const char *name)
{
  const char *fake = g_getenv ("KATA_TESTS_FAKE");
  return g_str_has_prefix (fake != NULL ? fake : "null:", name);
}

static char *
metrics (kata_sandbox *sandbox)
{
  kata_error *error = NULL;
  char *text = NULL;
  ck_ok (kata_sandbox_metrics_get (&text, sandbox, LIFE_MS, &error), error);
  ck_assert_msg (strstr (text, "kata_agent_containers") != NULL, "%s", text);
  ck_assert_msg (g_utf8_validate (text, -1, NULL) && g_str_has_suffix (text, "\n"), "%s", text);
  return text;
}

#define TRIES 20

/* Half a second is all that a VMM has for it: on a machine that stands still the next call may be the one. */
static char *
told_metrics (kata_sandbox *sandbox)
{
  char *text = metrics (sandbox);
  for (int i = 0; i < TRIES && strstr (text, "counters_answered 0") != NULL; i++) {
    kata_free (text);
    text = metrics (sandbox);
  }
  return text;
}

static void
has (const char *text, const char *line)
{
  ck_assert_msg (strstr (text, line) != NULL, "no %s in\n%s", line, text);
}

START_TEST (told)
{
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  for (int i = 0; i < 2; i++) {
    char *text = told_metrics (sandbox);
    if (over ("null:")) {
      ck_assert_ptr_null (strstr (text, "kata_hypervisor"));
    } else {
      has (text, "\nkata_hypervisor_counters_answered 1\n");
      ck_assert_ptr_null (strstr (text, "torn"));
      ck_assert_ptr_null (strstr (text, "lost"));
    }
    if (over ("clh:")) {
      has (text, "\nkata_hypervisor_counter{device=\"_disk0\",item=\"read_bytes\"} 4096\n");
      has (text, "item=\"read_latency\"} 12\n");
      has (text, "device=\"bad__\"");
    }
    if (over ("fc:")) {
      has (text, "\nkata_hypervisor_counter{device=\"api_server\",item=\"process_startup_time_us\"} 7\n");
      has (text, "{device=\"block\",item=\"read_agg_min_us\"} 3\n");
    }
    kata_free (text);
  }
  fixture_end (sandbox);
}
END_TEST

#define ROUNDS 100

/* How often it was not told. */
static gpointer
ask_often (gpointer data)
{
  uintptr_t missed = 0;
  for (int i = 0; i < ROUNDS; i++) {
    char *text = metrics (data);
    missed += strstr (text, "counters_answered 1") == NULL;
    kata_free (text);
  }
  return (gpointer) missed;
}

START_TEST (told_to_two)
{
  kata_error *error = NULL;
  if (over ("null:"))
    return;
  kata_sandbox *sandbox = life_sandbox (runtime, "s"), *other = NULL;
  ck_ok (kata_sandbox_open (&other, runtime, "s", &error), error);
  GThread *thread = g_thread_new ("other", ask_often, other);
  uintptr_t missed = (uintptr_t) ask_often (sandbox);
  missed += (uintptr_t) g_thread_join (thread);
  printf ("two at once: %u of %d without counters\n", (unsigned) missed, 2 * ROUNDS);
  ck_assert_uint_le (missed, ROUNDS / 10); /* half a second is all that each may take */
  kata_sandbox_unref (other);
  fixture_end (sandbox);
}
END_TEST

START_TEST (not_told)
{
  if (over ("null:"))
    return;
  fixture_misbehave (over ("clh:") ? "vm.counters" : "FlushMetrics", hows[_i]);
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  char *text = metrics (sandbox);
  has (text, "\nkata_hypervisor_counters_answered 0\n");
  ck_assert_ptr_null (strstr (text, "kata_hypervisor_counter{"));
  kata_free (text);
  fixture_end (sandbox);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "counters", 180, fixture_setup, fixture_teardown);
  tcase_add_test (tcase, told);
  tcase_add_test (tcase, told_to_two);
  tcase_add_loop_test (tcase, not_told, 0, (int) G_N_ELEMENTS (hows));
  return suite;
}

int
main (void)
{
  return bed_run (make);
}
