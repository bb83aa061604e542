/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory: regions and the hole, borders, slices, discard. */
#include "vmm/memory.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/raise.h"

#define MIB (UINT64_C (1) << 20)
#define GIB (UINT64_C (1) << 30)

static struct vmm_memory
make (uint64_t size)
{
  struct vmm_memory memory;
  kata_auto_error kata_error *error = NULL;
  ck_assert_msg (vmm_memory__open (&memory, size, 0, &error) == 0, "%s", kata_error_get_message (error));
  return memory;
}

START_TEST (wrong_sizes_are_refused)
{
  static const uint64_t sizes[] = { 0, 1, 14 * MIB, 16 * MIB + 4096, 17 * MIB, VMM_RAM_MAX + 2 * MIB, UINT64_MAX };
  struct vmm_memory memory = { .fd = 77 };
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    kata_auto_error kata_error *error = NULL;
    ck_assert_int_eq (vmm_memory__open (&memory, sizes[i], 0, &error), KATA_E_INVALID);
    ck_assert_str_eq (kata_error_get_key (error), "memory");
  }
  ck_assert_int_eq (vmm_memory__open (&memory, 16 * MIB, 0x80, NULL), KATA_E_INVALID);
  ck_assert_int_eq (memory.fd, 77);
}
END_TEST

START_TEST (regions_leave_the_hole)
{
  struct vmm_memory memory = make (3 * GIB);
  ck_assert_uint_eq (memory.n_regions, 1);
  vmm_memory__close (&memory);
  memory = make (5 * GIB);
  ck_assert_uint_eq (memory.n_regions, 2);
  ck_assert_uint_eq (memory.regions[0].size, VMM_RAM_LOW_END);
  ck_assert_uint_eq (memory.regions[1].base, VMM_RAM_HIGH_BASE);
  ck_assert_uint_eq (memory.regions[1].size, 2 * GIB);
  ck_assert_uint_eq (memory.regions[1].fd_offset, VMM_RAM_LOW_END);
  uint8_t byte = 1;
  ck_assert (vmm_memory__write (&memory, VMM_RAM_LOW_END - 1, &byte, 1));
  ck_assert (!vmm_memory__write (&memory, VMM_RAM_LOW_END - 1, "ab", 2));
  ck_assert (!vmm_memory__read (&memory, VMM_RAM_LOW_END, &byte, 1));
  ck_assert (!vmm_memory__read (&memory, VMM_RAM_HIGH_BASE - 1, &byte, 1));
  ck_assert (vmm_memory__write (&memory, VMM_RAM_HIGH_BASE, "xyz", 3));
  ck_assert (vmm_memory__read (&memory, VMM_RAM_HIGH_BASE + 2 * GIB - 1, &byte, 1));
  ck_assert (!vmm_memory__read (&memory, VMM_RAM_HIGH_BASE + 2 * GIB, &byte, 1));
  ck_assert (!vmm_memory__read (&memory, UINT64_MAX, &byte, 2));
  ck_assert (vmm_memory__read (&memory, UINT64_MAX - 1, &byte, 0));
  vmm_memory__close (&memory);
}
END_TEST

START_TEST (a_refused_write_changes_nothing)
{
  struct vmm_memory memory = make (16 * MIB);
  ck_assert (!vmm_memory__write (&memory, 16 * MIB - 2, "abcd", 4));
  ck_assert (!vmm_memory__fill (&memory, 16 * MIB - 2, 0xff, 4));
  uint8_t last[2] = { 9, 9 };
  ck_assert (vmm_memory__read (&memory, 16 * MIB - 2, last, 2));
  ck_assert (last[0] == 0 && last[1] == 0);
  ck_assert (vmm_memory__fill (&memory, 16 * MIB - 2, 0x5a, 2));
  ck_assert (vmm_memory__read (&memory, 16 * MIB - 2, last, 2));
  ck_assert (last[0] == 0x5a && last[1] == 0x5a);
  vmm_memory__close (&memory);
}
END_TEST

/* Two regions that touch, as no machine has them today: pieces must be split where they meet. */
START_TEST (slices_are_split_where_regions_meet)
{
  struct vmm_memory memory = make (5 * GIB);
  memory.regions[1].base = VMM_RAM_LOW_END;
  struct iovec iov[3] = { 0 };
  size_t n = 1;
  ck_assert (vmm_memory__slice (&memory, VMM_RAM_LOW_END - 10, 30, iov, 3, &n));
  ck_assert_uint_eq (n, 3);
  ck_assert_ptr_eq (iov[1].iov_base, memory.regions[0].host + memory.regions[0].size - 10);
  ck_assert_uint_eq (iov[1].iov_len, 10);
  ck_assert_ptr_eq (iov[2].iov_base, memory.regions[1].host);
  ck_assert_uint_eq (iov[2].iov_len, 20);
  n = 2;
  ck_assert (!vmm_memory__slice (&memory, VMM_RAM_LOW_END - 10, 30, iov, 3, &n));
  ck_assert_uint_eq (n, 2);
  ck_assert (vmm_memory__slice (&memory, 0, 0, iov, 0, &n));
  char text[8] = "";
  ck_assert (vmm_memory__write (&memory, VMM_RAM_LOW_END - 3, "abcdef", 7));
  ck_assert (vmm_memory__read (&memory, VMM_RAM_LOW_END - 3, text, 7));
  ck_assert_str_eq (text, "abcdef");
  vmm_memory__close (&memory);
}
END_TEST

START_TEST (indexes)
{
  struct vmm_memory memory = make (16 * MIB);
  uint16_t value = 1;
  ck_assert (vmm_memory__store_u16 (&memory, 16 * MIB - 2, 0xbeef));
  ck_assert (vmm_memory__load_u16 (&memory, 16 * MIB - 2, &value));
  ck_assert_uint_eq (value, 0xbeef);
  ck_assert (!vmm_memory__load_u16 (&memory, 1, &value));
  ck_assert (!vmm_memory__store_u16 (&memory, 16 * MIB, 1));
  ck_assert (!vmm_memory__load_u16 (&memory, UINT64_MAX - 1, &value));
  vmm_memory__close (&memory);
}
END_TEST

START_TEST (discard_gives_pages_back)
{
  struct vmm_memory memory = make (16 * MIB);
  struct stat before, after;
  ck_assert (vmm_memory__fill (&memory, 0, 0xaa, 1 * MIB));
  ck_assert_int_eq (fstat (memory.fd, &before), 0);
  ck_assert (vmm_memory__discard (&memory, 4095, 8194));
  ck_assert_int_eq (fstat (memory.fd, &after), 0);
  ck_assert_int_eq (before.st_blocks - after.st_blocks, 2 * 4096 / 512);
  uint8_t bytes[12290];
  ck_assert (vmm_memory__read (&memory, 4095, bytes, sizeof bytes));
  ck_assert (bytes[0] == 0xaa && bytes[1] == 0 && bytes[8192] == 0 && bytes[8193] == 0xaa);
  ck_assert (vmm_memory__discard (&memory, 4097, 4000)); /* no whole page */
  ck_assert (!vmm_memory__discard (&memory, 16 * MIB - 4096, 8192));
  vmm_memory__close (&memory);
}
END_TEST

START_TEST (guards_fault)
{
  struct vmm_memory memory = make (16 * MIB);
  *(volatile uint8_t *) (memory.regions[0].host + (_i == 0 ? -1 : (ptrdiff_t) memory.regions[0].size)) = 1;
}
END_TEST

START_TEST (preallocated)
{
  struct vmm_memory memory;
  struct stat info;
  ck_assert_int_eq (vmm_memory__open (&memory, 16 * MIB, VMM_MEMORY_PREALLOC, NULL), 0);
  ck_assert_int_eq (fstat (memory.fd, &info), 0);
  ck_assert_int_eq (info.st_blocks, 16 * MIB / 512);
  vmm_memory__close (&memory);
}
END_TEST

START_TEST (huge_pages_or_a_reason)
{
  struct vmm_memory memory;
  kata_auto_error kata_error *error = NULL;
  int result = vmm_memory__open (&memory, 16 * MIB, VMM_MEMORY_HUGE, &error);
  if (result == 0) {
    ck_assert_uint_eq (memory.page_size, 2 * MIB);
    vmm_memory__close (&memory);
  } else {
    ck_assert_int_eq (result, KATA_E_HOST);
    ck_assert_ptr_nonnull (strstr (kata_error_get_message (error), "huge pages"));
  }
}
END_TEST

START_TEST (nobody_can_shorten_it)
{
  struct vmm_memory memory = make (16 * MIB);
  ck_assert_int_ne (ftruncate (memory.fd, 4096), 0);
  vmm_memory__close (&memory);
}
END_TEST

START_TEST (files_are_loaded)
{
  struct vmm_memory memory = make (3 * GIB + 16 * MIB);
  static const vmm_gpa places[] = { 12345, 2 * MIB, VMM_RAM_HIGH_BASE + 4095 };
  char text[16] = { 0 };
  int fd = memfd_create ("file", MFD_CLOEXEC);
  ck_assert_int_eq (write (fd, "0123456789", 10), 10);
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    ck_assert_int_eq (vmm_memory__load (&memory, places[i], 100, fd, 3), 7);
    ck_assert (vmm_memory__read (&memory, places[i], text, sizeof text));
    ck_assert_str_eq (text, "3456789");
  }
  ck_assert_int_eq (vmm_memory__load (&memory, 0, 4, fd, 10), 0);
  /* Not over a border: the rest is the next step's. */
  ck_assert_int_eq (vmm_memory__load (&memory, VMM_RAM_LOW_END - 4, 10, fd, 0), 4);
  ck_assert_int_eq (vmm_memory__load (&memory, VMM_RAM_LOW_END, 10, fd, 0), -1);
  ck_assert_int_eq (errno, EFAULT);
  ck_assert_int_eq (vmm_memory__load (&memory, 0, 10, -1, 0), -1);
  ck_assert_int_eq (errno, EBADF);
  close (fd);
  vmm_memory__close (&memory);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vmm/memory");
  TCase *tcase = tcase_create ("memory");
  tcase_add_test (tcase, wrong_sizes_are_refused);
  tcase_add_test (tcase, regions_leave_the_hole);
  tcase_add_test (tcase, a_refused_write_changes_nothing);
  tcase_add_test (tcase, slices_are_split_where_regions_meet);
  tcase_add_test (tcase, indexes);
  tcase_add_test (tcase, discard_gives_pages_back);
#ifndef __SANITIZE_ADDRESS__ /* it reports the fault in its own way */
  tcase_add_loop_test_raise_signal (tcase, guards_fault, SIGSEGV, 0, 2);
#endif
  tcase_add_test (tcase, preallocated);
  tcase_add_test (tcase, huge_pages_or_a_reason);
  tcase_add_test (tcase, nobody_can_shorten_it);
  tcase_add_test (tcase, files_are_loaded);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
