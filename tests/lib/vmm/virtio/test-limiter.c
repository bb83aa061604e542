/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* limiter: rates, bursts, large operations, extreme numbers; time is made up. */
#include "vmm/virtio/limiter.h"

#include <check.h>
#include <stdlib.h>

#define S INT64_C (1000000000)

static struct vmm_limiter
make (struct vmm_limit limit)
{
  struct vmm_limiter limiter;
  vmm_limiter__init (&limiter, &limit, 5 * S);
  return limiter;
}

START_TEST (no_limit_never_waits)
{
  struct vmm_limiter limiter = make ((struct vmm_limit){ 0 });
  for (int i = 0; i < 1000; i++)
    ck_assert_int_eq (vmm_limiter__take (&limiter, UINT64_MAX, 5 * S), 0);
}
END_TEST

START_TEST (a_burst_then_the_rate)
{
  struct vmm_limiter limiter = make ((struct vmm_limit){ .bytes = 1000, .bytes_burst = 100 });
  ck_assert_int_eq (vmm_limiter__take (&limiter, 100, 5 * S), 0);
  ck_assert_int_eq (vmm_limiter__take (&limiter, 50, 5 * S), S / 20);
  /* Nothing was taken by the refusal. */
  ck_assert_int_eq (vmm_limiter__take (&limiter, 50, 5 * S + S / 20 - 1), 1);
  ck_assert_int_eq (vmm_limiter__take (&limiter, 50, 5 * S + S / 20), 0);
  /* A long rest fills no more than the burst. */
  ck_assert_int_eq (vmm_limiter__take (&limiter, 100, 900 * S), 0);
  ck_assert_int_gt (vmm_limiter__take (&limiter, 1, 900 * S), 0);
}
END_TEST

START_TEST (operations_count_whatever_their_size)
{
  struct vmm_limiter limiter = make ((struct vmm_limit){ .ops = 10, .ops_burst = 2 });
  ck_assert_int_eq (vmm_limiter__take (&limiter, 0, 5 * S), 0);
  ck_assert_int_eq (vmm_limiter__take (&limiter, UINT64_MAX, 5 * S), 0);
  ck_assert_int_eq (vmm_limiter__take (&limiter, 0, 5 * S), S / 10);
}
END_TEST

START_TEST (both_must_allow)
{
  struct vmm_limiter limiter =
      make ((struct vmm_limit){ .bytes = 1000, .bytes_burst = 1000, .ops = 1, .ops_burst = 1 });
  ck_assert_int_eq (vmm_limiter__take (&limiter, 500, 5 * S), 0);
  /* Refused by operations: the bytes stay. */
  ck_assert_int_eq (vmm_limiter__take (&limiter, 500, 5 * S), S);
  ck_assert_uint_eq (limiter.bytes.left, 500);
}
END_TEST

START_TEST (what_is_given_once_goes_first)
{
  struct vmm_limiter limiter = make ((struct vmm_limit){ .bytes = 1000, .bytes_burst = 100, .bytes_once = 5000 });
  ck_assert_int_eq (vmm_limiter__take (&limiter, 4990, 5 * S), 0);
  ck_assert_int_eq (vmm_limiter__take (&limiter, 110, 5 * S), 0); /* ten of what was given, all of the bucket */
  ck_assert_int_eq (vmm_limiter__take (&limiter, 100, 5 * S), S / 10);
  /* It does not come back. */
  ck_assert_int_eq (vmm_limiter__take (&limiter, 100, 900 * S), 0);
  ck_assert_int_eq (vmm_limiter__take (&limiter, 100, 900 * S), S / 10);
  /* A burst without a rate limits nothing. */
  limiter = make ((struct vmm_limit){ .ops_once = 1 });
  for (int i = 0; i < 10; i++)
    ck_assert_int_eq (vmm_limiter__take (&limiter, 1, 5 * S), 0);
}
END_TEST

START_TEST (larger_than_the_burst_is_paid_off)
{
  struct vmm_limiter limiter = make ((struct vmm_limit){ .bytes = 1000, .bytes_burst = 100 });
  ck_assert_int_eq (vmm_limiter__take (&limiter, 1100, 5 * S), 0);
  ck_assert_int_eq (vmm_limiter__take (&limiter, 100, 5 * S), S + S / 10);
  ck_assert_int_eq (vmm_limiter__take (&limiter, 1, 6 * S), S / 1000);
  ck_assert_int_eq (vmm_limiter__take (&limiter, 1, 6 * S + S / 1000), 0);
}
END_TEST

/* Over ten seconds of impatient asking, neither more nor noticeably less than the rate. */
START_TEST (the_rate_is_kept)
{
  static const uint64_t rates[] = { 3, 7, 999, 1000000007, UINT64_C (10) << 30 };
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    uint64_t rate = rates[i], each = rate / 100 + 1, burst = each, sum = 0;
    struct vmm_limiter limiter = make ((struct vmm_limit){ .bytes = rate, .bytes_burst = burst });
    for (int64_t now = 5 * S; now < 15 * S;) {
      int64_t wait = vmm_limiter__take (&limiter, each, now);
      if (wait == 0)
        sum += each;
      now += wait > 4 ? wait / 2 : wait;
    }
    ck_assert_uint_le (sum, 10 * rate + burst);
    ck_assert_uint_ge (sum + 2 * each, 10 * rate);
  }
}
END_TEST

START_TEST (extremes_do_not_overflow)
{
  static const uint64_t numbers[] = { 1, 2, UINT64_MAX / 2, UINT64_MAX };
  for (int i = 0; i < 4 * 4 * 4; i++) {
    struct vmm_limiter limiter =
        make ((struct vmm_limit){ .bytes = numbers[i % 4], .bytes_burst = numbers[i / 4 % 4] });
    int64_t now = 5 * S;
    for (int turn = 0; turn < 8; turn++) {
      int64_t wait = vmm_limiter__take (&limiter, numbers[i / 16], now);
      ck_assert_int_ge (wait, 0);
      if (wait < INT64_MAX / 64)
        now += wait;
    }
    ck_assert_int_ge (vmm_limiter__take (&limiter, 1, 0), 0); /* a clock that went back */
  }
}
END_TEST

START_TEST (a_burst_that_is_not_given)
{
  struct vmm_limiter limiter = make ((struct vmm_limit){ .bytes = 1000, .ops = 5 });
  ck_assert_uint_eq (limiter.bytes.burst, 100);
  ck_assert_uint_eq (limiter.ops.burst, 1);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vmm/virtio/limiter");
  TCase *tcase = tcase_create ("limiter");
  tcase_add_test (tcase, no_limit_never_waits);
  tcase_add_test (tcase, a_burst_then_the_rate);
  tcase_add_test (tcase, operations_count_whatever_their_size);
  tcase_add_test (tcase, both_must_allow);
  tcase_add_test (tcase, larger_than_the_burst_is_paid_off);
  tcase_add_test (tcase, what_is_given_once_goes_first);
  tcase_add_test (tcase, the_rate_is_kept);
  tcase_add_test (tcase, extremes_do_not_overflow);
  tcase_add_test (tcase, a_burst_that_is_not_given);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
