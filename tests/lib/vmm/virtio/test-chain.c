/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes to and from the pieces of a chain that is made by hand. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/virtio/queue.h"

static uint8_t in[2][8], out[2][8];
static struct vmm_chain chain;

/* Readable: 3 and 5 bytes, writable: 2 and 7. */
static void
set_up (void)
{
  memset (out, 0, sizeof out);
  memcpy (in[0], "abc", 3);
  memcpy (in[1], "defgh", 5);
  chain = (struct vmm_chain){ .n_read = 2,
                              .n_write = 2,
                              .read_len = 8,
                              .write_len = 9,
                              .iov = { { in[0], 3 }, { in[1], 5 }, { out[0], 2 }, { out[1], 7 } } };
}

START_TEST (reads)
{
  uint8_t bytes[16];
  ck_assert_uint_eq (vmm_chain__read (&chain, 0, bytes, sizeof bytes), 8);
  ck_assert_mem_eq (bytes, "abcdefgh", 8);
  ck_assert_uint_eq (vmm_chain__read (&chain, 2, bytes, 3), 3);
  ck_assert_mem_eq (bytes, "cde", 3);
  ck_assert_uint_eq (vmm_chain__read (&chain, 3, bytes, 1), 1);
  ck_assert_mem_eq (bytes, "d", 1);
  ck_assert_uint_eq (vmm_chain__read (&chain, 8, bytes, 3), 0);
  ck_assert_uint_eq (vmm_chain__read (&chain, SIZE_MAX, bytes, 3), 0);
  ck_assert_uint_eq (vmm_chain__read (&chain, 0, bytes, 0), 0);
}
END_TEST

START_TEST (writes)
{
  ck_assert_uint_eq (vmm_chain__write (&chain, 1, "123456789", 9), 8);
  ck_assert_mem_eq (out[0], "\0001\0", 3);
  ck_assert_mem_eq (out[1], "2345678\0", 8);
  ck_assert_uint_eq (vmm_chain__write (&chain, 9, "x", 1), 0);
}
END_TEST

START_TEST (gives_pieces)
{
  struct iovec pieces[4];
  ck_assert_uint_eq (vmm_chain__pieces (&chain, false, 1, 4, pieces, 4), 2);
  ck_assert (pieces[0].iov_base == in[0] + 1 && pieces[0].iov_len == 2);
  ck_assert (pieces[1].iov_base == in[1] && pieces[1].iov_len == 2);
  ck_assert_uint_eq (vmm_chain__pieces (&chain, true, 2, 7, pieces, 4), 1);
  ck_assert_uint_eq (vmm_chain__pieces (&chain, true, 0, 9, pieces, 2), 2);
  ck_assert_uint_eq (vmm_chain__pieces (&chain, true, 0, 9, pieces, 1), 0);
  ck_assert_uint_eq (vmm_chain__pieces (&chain, true, 3, 7, pieces, 4), 0);
  ck_assert_uint_eq (vmm_chain__pieces (&chain, true, SIZE_MAX, 2, pieces, 4), 0);
  ck_assert_uint_eq (vmm_chain__pieces (&chain, false, 8, 0, pieces, 4), 0);
}
END_TEST

int
main (void)
{
  Suite *s = suite_create ("vmm/virtio/chain");
  TCase *c = tcase_create ("all");
  tcase_add_checked_fixture (c, set_up, NULL);
  tcase_add_test (c, reads);
  tcase_add_test (c, writes);
  tcase_add_test (c, gives_pieces);
  suite_add_tcase (s, c);
  SRunner *runner = srunner_create (s);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
