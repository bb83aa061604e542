/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-monitor: the event monitor of a fake Cloud Hypervisor: a guest that panics or resets itself has ended; a monitor that talks nonsense harms nothing. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

static const struct {
  const char *how, *text;
  int code;
} ends[] = { { "panic", "a panic of the guest", KATA_E_GUEST }, { "reset", "a reset of the guest", KATA_E_VMM } };
static const char *const hows[] = { "junk", "deep", "endless", "silent" };

/* Reads events until there is one of @state. */
static void
await_state (kata_sandbox *sandbox, int state)
{
  kata_event event = KATA_EVENT_INIT;
  kata_error *error = NULL;
  do
    ck_assert_int_eq (kata_sandbox_next_event (sandbox, &event, LIFE_MS, &error), 1);
  while (event.type != KATA_EVENT_SANDBOX_STATE || event.state != state);
}

/* The VMM goes on, and would boot the guest anew: the watch of the sandbox sees that the guest is gone, and says why. */
START_TEST (guest_ends)
{
  kata_error *error = NULL;
  fixture_misbehave ("vm.pause", ends[_i].how);
  kata_sandbox *sandbox = fixture_sandbox ();
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  ck_assert_int_ge (kata_sandbox_get_event_fd (sandbox), 0);
  ck_assert_int_lt (kata_sandbox_pause (sandbox, LIFE_MS, &error), 0);
  kata_error_unrefp (&error);
  await_state (sandbox, KATA_STATE_STOPPED);
  ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_STATE_STOPPED);
  ck_ok (kata_sandbox_delete (sandbox, 0, &error), error);
  kata_sandbox_unref (sandbox);
}
END_TEST

/* Without a watch the next call that misses the guest says it; and a process that comes later reads it, too. */
START_TEST (told_in_the_error)
{
  kata_error *error = NULL;
  fixture_misbehave ("vm.pause", ends[_i].how);
  kata_sandbox *sandbox = fixture_sandbox ();
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  int r = kata_sandbox_pause (sandbox, LIFE_MS, &error);
  printf ("%s: %s: %s\n", ends[_i].how, kata_error_code_name (r), kata_error_get_message (error));
  ck_assert_int_eq (r, ends[_i].code);
  ck_assert_ptr_nonnull (strstr (kata_error_get_message (error), ends[_i].text));
  bed_failed (r, &error, ends[_i].how);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
  runtime = life_runtime (life);
  ck_ok (kata_sandbox_open (&sandbox, runtime, "s", &error), error);
  ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_STATE_STOPPED);
  ck_ok (kata_sandbox_delete (sandbox, 0, &error), error);
  kata_sandbox_unref (sandbox);
}
END_TEST

START_TEST (nonsense_is_passed_over)
{
  kata_error *error = NULL;
  fixture_misbehave ("events", hows[_i]);
  ck_ok (life_run (life, runtime, "s", &error), error);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "monitor", 180, fixture_setup, fixture_teardown);
  tcase_add_loop_test (tcase, guest_ends, 0, (int) G_N_ELEMENTS (ends));
  tcase_add_loop_test (tcase, told_in_the_error, 0, (int) G_N_ELEMENTS (ends));
  tcase_add_loop_test (tcase, nonsense_is_passed_over, 0, (int) G_N_ELEMENTS (hows));
  return suite;
}

int
main (void)
{
  return bed_run (make);
}
