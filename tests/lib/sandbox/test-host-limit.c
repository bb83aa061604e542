/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-host-limit: what the limit of the host's cgroup becomes when a container's changes. */
#include <check.h>
#include <stdlib.h>

#include "sandbox/host-limit.h"

static const struct {
  uint32_t current, before, after, overhead;
  bool alone;
  uint32_t next;
} cases[] = {
  { 750, 500, 200, 250, true, 450 }, { 750, 500, 2000, 250, false, 2250 },
  { 750, 500, 0, 250, true, 0 },     { 0, 0, 500, 250, true, 750 },    /* it comes back with the machine's own */
  { 0, 0, 500, 250, false, 0 },      { 900, 0, 500, 250, false, 900 }, /* the pod's own limit holds already */
  { 100, 5000, 1, 0, false, 1 },     { UINT32_MAX, 1, UINT32_MAX, 0, false, UINT32_MAX },
};

START_TEST (next)
{
  ck_assert_uint_eq (
      kata_host_limit__next (cases[_i].current, cases[_i].before, cases[_i].after, cases[_i].overhead, cases[_i].alone),
      cases[_i].next);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("sandbox/host-limit");
  TCase *tcase = tcase_create ("next");
  tcase_add_loop_test (tcase, next, 0, (int) G_N_ELEMENTS (cases));
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
