/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The console: output in order and within its limit, input that waits for room, ends and pauses; a reader who does not read. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver.h"

#include "vmm/virtio/console.h"

#define IN  0
#define OUT 1

static struct driver driver;
static int host = -1, own = -1; /* two ends of what the console speaks to */

static void
begin (uint64_t limit, bool input)
{
  int pair[2];
  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
  host = pair[0];
  own = pair[1];
  struct vmm_console_config config = { .out_fd = own, .in_fd = input ? own : -1, .limit = limit };
  driver_open (&driver, VMM_RAM_MIN);
  ck_assert_int_eq (driver_device (&driver, &vmm_virtio_console_ops, &config, NULL), 0);
  driver_start (&driver, VMM_VIRTIO_F_EVENT_IDX);
}

static void
end (void)
{
  driver_close (&driver);
  close (host);
  close (own);
}

static void
say (const char *text)
{
  struct driver_buffer buffer = { driver_put (&driver, text, strlen (text)), (uint32_t) strlen (text), false };
  ck_assert_uint_eq (driver_request (&driver, OUT, &buffer, 1), 0);
}

/* What has come out so far, one timer of the output included. */
static size_t
heard (char *to, size_t max)
{
  size_t len = 0;
  driver_run_for (&driver, 20);
  for (ssize_t n; len < max && (n = read (host, to + len, max - len)) > 0;)
    len += (size_t) n;
  return len;
}

START_TEST (says_it_in_order)
{
  char text[64];
  begin (0, false);
  say ("one ");
  say ("two\n");
  say ("three");
  ck_assert_uint_eq (heard (text, sizeof text), 13);
  ck_assert_mem_eq (text, "one two\nthree", 13);
  end ();
}
END_TEST

START_TEST (keeps_to_its_limit)
{
  char text[64];
  begin (10, false);
  say ("0123456");
  say ("789abcdef\n");
  say ("more\n");
  ck_assert_uint_eq (heard (text, sizeof text), 10);
  ck_assert_mem_eq (text, "0123456789", 10);
  end ();
}
END_TEST

/* Larger than one turn, and made of pieces: still all of it, in order. */
START_TEST (says_large_things)
{
  enum { LEN = 400 * 1024 };
  static uint8_t bytes[LEN], back[LEN];
  int file = memfd_create ("out", MFD_CLOEXEC);
  struct vmm_console_config config = { .out_fd = file, .in_fd = -1 };
  driver_open (&driver, VMM_RAM_MIN);
  ck_assert_int_eq (driver_device (&driver, &vmm_virtio_console_ops, &config, NULL), 0);
  driver_start (&driver, 0);
  for (unsigned i = 0; i < LEN; i++)
    bytes[i] = (uint8_t) (i % 251);
  vmm_gpa at = driver_put (&driver, bytes, LEN);
  struct driver_buffer buffers[] = { { at, 1, false },
                                     { at + 1, 300000, false },
                                     { at + 300001, LEN - 300001, false } };
  ck_assert_uint_eq (driver_request (&driver, OUT, buffers, 3), 0);
  driver_run_for (&driver, 20);
  ck_assert_int_eq ((int) pread (file, back, LEN, 0), LEN);
  ck_assert_mem_eq (bytes, back, LEN);
  driver_close (&driver);
  close (file);
}
END_TEST

/* Case 25: nobody reads. The guest goes on, bytes are lost, nothing grows. */
START_TEST (does_not_wait_for_a_reader)
{
  static char text[4096];
  begin (0, false);
  memset (text, 'x', sizeof text);
  struct driver_buffer buffer = { driver_put (&driver, text, sizeof text), sizeof text, false };
  for (unsigned i = 0; i < 2000; i++)
    driver_request (&driver, OUT, &buffer, 1);
  ck_assert (!driver_needs_reset (&driver));
  end ();
}
END_TEST

START_TEST (survives_a_reader_that_goes)
{
  begin (0, true);
  close (host);
  host = -1;
  for (unsigned i = 0; i < 5; i++)
    say ("anybody?\n");
  driver_run_for (&driver, 20);
  ck_assert (!driver_needs_reset (&driver));
  end ();
}
END_TEST

/* ---- input ---- */

static vmm_gpa
give_room (uint32_t len)
{
  vmm_gpa at = driver_alloc (&driver, len, 16);
  struct driver_buffer buffer = { at, len, true };
  driver_add (&driver, IN, &buffer, 1);
  driver_kick (&driver, IN);
  return at;
}

START_TEST (hears_when_there_is_room)
{
  char bytes[16];
  uint32_t len = 0;
  begin (0, true);
  ck_assert_int_eq ((int) write (host, "hello, guest", 12), 12);
  driver_run (&driver);
  vmm_gpa first = give_room (5), second = give_room (64);
  driver_run (&driver);
  ck_assert (driver_used (&driver, IN, NULL, &len));
  ck_assert_uint_eq (len, 5);
  driver_get (&driver, first, bytes, 5);
  ck_assert_mem_eq (bytes, "hello", 5);
  ck_assert (driver_used (&driver, IN, NULL, &len));
  ck_assert_uint_eq (len, 7);
  driver_get (&driver, second, bytes, 7);
  ck_assert_mem_eq (bytes, ", guest", 7);
  ck_assert_uint_ge (driver.interrupts[IN], 1);
  /* Room that waits for input. */
  give_room (64);
  driver_run (&driver);
  ck_assert (!driver_used (&driver, IN, NULL, NULL));
  ck_assert_int_eq ((int) write (host, "more", 4), 4);
  driver_run (&driver);
  ck_assert (driver_used (&driver, IN, NULL, &len));
  ck_assert_uint_eq (len, 4);
  end ();
}
END_TEST

/* Input that nobody has room for costs no time: the loop sleeps. */
START_TEST (rests_without_room)
{
  begin (0, true);
  ck_assert_int_eq ((int) write (host, "waits", 5), 5);
  driver_run (&driver);
  ck_assert_int_eq (vmm_loop__step (driver.env->loop, 0), 0);
  end ();
}
END_TEST

START_TEST (ends_with_its_input)
{
  uint32_t len = 0;
  begin (0, true);
  give_room (16);
  ck_assert_int_eq ((int) write (host, "bye", 3), 3);
  shutdown (host, SHUT_WR);
  driver_run (&driver);
  ck_assert (driver_used (&driver, IN, NULL, &len));
  ck_assert_uint_eq (len, 3);
  give_room (16);
  driver_run (&driver);
  ck_assert_int_eq (vmm_loop__step (driver.env->loop, 0), 0);
  ck_assert (!driver_used (&driver, IN, NULL, NULL));
  say ("still here\n");
  end ();
}
END_TEST

START_TEST (pauses)
{
  uint32_t len = 0;
  begin (0, true);
  give_room (16);
  driver_run (&driver);
  vmm_virtio__pause (driver.device);
  ck_assert_int_eq ((int) write (host, "later", 5), 5);
  driver_run (&driver);
  ck_assert (!driver_used (&driver, IN, NULL, NULL));
  vmm_virtio__unpause (driver.device);
  driver_run (&driver);
  ck_assert (driver_used (&driver, IN, NULL, &len));
  ck_assert_uint_eq (len, 5);
  end ();
}
END_TEST

/* A chain without room comes back at once; a broken one ends it; after a reset all begins anew. */
START_TEST (survives_bad_drivers)
{
  uint32_t len = 1;
  begin (0, true);
  struct driver_buffer readable = { driver_alloc (&driver, 16, 16), 16, false };
  driver_add (&driver, IN, &readable, 1);
  driver_kick (&driver, IN);
  ck_assert_int_eq ((int) write (host, "x", 1), 1);
  driver_run (&driver);
  ck_assert (driver_used (&driver, IN, NULL, &len));
  ck_assert_uint_eq (len, 0);
  driver_jump (&driver, IN, 0x4000);
  driver_kick (&driver, IN);
  driver_run (&driver);
  ck_assert (driver_needs_reset (&driver));
  ck_assert_int_eq (vmm_loop__step (driver.env->loop, 0), 0);
  driver_reset (&driver);
  driver_start (&driver, 0);
  give_room (16);
  driver_run (&driver);
  ck_assert (driver_used (&driver, IN, NULL, &len));
  ck_assert_uint_eq (len, 1);
  end ();
}
END_TEST

int
main (void)
{
  Suite *s = suite_create ("vmm/virtio/console");
  TCase *c = tcase_create ("all");
  tcase_set_timeout (c, 60);
  tcase_add_test (c, says_it_in_order);
  tcase_add_test (c, keeps_to_its_limit);
  tcase_add_test (c, says_large_things);
  tcase_add_test (c, does_not_wait_for_a_reader);
  tcase_add_test (c, survives_a_reader_that_goes);
  tcase_add_test (c, hears_when_there_is_room);
  tcase_add_test (c, rests_without_room);
  tcase_add_test (c, ends_with_its_input);
  tcase_add_test (c, pauses);
  tcase_add_test (c, survives_bad_drivers);
  suite_add_tcase (s, c);
  SRunner *runner = srunner_create (s);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
