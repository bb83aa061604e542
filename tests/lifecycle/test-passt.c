/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-passt: passt that ends at once, as in the wrong surroundings: the stage says so, and what it made goes with the sandbox. A working one is tests/real's. */
#include <string.h>
#include <sys/mount.h>

#include "fixture.h"
#include "sandbox/stage.h"

#define PLACE "/usr/local/bin" /* looked at first; this process's mounts are its own */

/* The stage alone, in a sandbox over the null backend, which itself has no use for passt. */
START_TEST (ends_at_once)
{
  static const char *const scripts[] = { "exit 3", "kill -9 $$" }, *const said[] = { "exit status 3", "signal 9" };
  static const char words[] = "no user namespaces here";
  const struct kata_operation_options options = { .what = "start", .timeout_ms = LIFE_MS };
  struct kata_operation op;
  kata_sandbox *sandbox = fixture_sandbox ();
  kata_error *error = NULL;
  g_autofree char *text = g_strdup_printf ("#!/bin/sh\necho %s >&2\n%s\n", words, scripts[_i]);
  ck_assert_int_eq (mount ("tmpfs", PLACE, "tmpfs", 0, "mode=0755"), 0);
  ck_assert (g_file_set_contents_full (PLACE "/passt", text, -1, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
  ck_ok (kata_operation__begin (&op, sandbox, &options, &error), error);
  /* It waits a tenth of a second for such an end; on a busy machine that may come later. */
  int r = 0;
  for (int tries = 0; r == 0 && tries < 100; tries++)
    r = kata_stage__user_network (&op, &error);
  kata_operation__end (&op);
  ck_assert_int_eq (umount2 (PLACE, MNT_DETACH), 0);
  ck_assert_int_eq (r, KATA_E_HOST);
  ck_assert_msg (strstr (kata_error_get_message (error), words) != NULL &&
                     strstr (kata_error_get_message (error), said[_i]) != NULL,
                 "%s", kata_error_get_message (error));
  bed_failed (r, &error, "passt");
  fixture_end (sandbox);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "passt", 120, fixture_setup, fixture_teardown);
  tcase_add_loop_test (tcase, ends_at_once, 0, 2);
  return suite;
}

int
main (void)
{
  return bed_run (make);
}
