/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-serial: what Linux's 8250 driver does to find its port, what leaves it, and that nobody waits for whoever should read it. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake.h"
#include "vmm/dev/output.h"
#include "vmm/dev/platform.h"
#include "vmm/layout.h"

#define MIB (UINT64_C (1) << 20)

static struct fake *fake;
static void *serial;

static void
start (int fd, uint64_t limit)
{
  const struct vmm_serial_config config = { .fd = fd, .limit = limit };

  fake = fake_new (16 * MIB);
  serial = calloc (1, vmm_serial_ops.instance_size);
  ck_assert_ptr_nonnull (serial);
  ck_assert_int_eq (vmm_serial_ops.realize (serial, &fake->env, &config, NULL), 0);
}

static void
stop (void)
{
  vmm_serial_ops.unrealize (serial);
  free (serial);
  fake_free (fake);
}

static uint8_t
in (unsigned reg)
{
  return (uint8_t) fake_read (fake->env.pio, VMM_PORT_SERIAL + reg, 1);
}

static void
out (unsigned reg, uint8_t value)
{
  fake_write (fake->env.pio, VMM_PORT_SERIAL + reg, 1, value);
}

static void
say (const char *text)
{
  for (; *text != '\0'; text++)
    out (0, (uint8_t) *text);
}

static int
file (void)
{
  int fd = memfd_create ("serial", MFD_CLOEXEC);

  ck_assert_int_ge (fd, 0);
  return fd;
}

static void
assert_file (int fd, const char *want)
{
  char text[8192];
  ssize_t n = pread (fd, text, sizeof text - 1, 0);

  ck_assert_int_ge (n, 0);
  text[n] = '\0';
  ck_assert_str_eq (text, want);
}

/* The steps of Linux's autoconfig(), in its order: it must come out as a 16550A. */
START_TEST (probe)
{
  start (-1, 0);
  out (1, 0);
  ck_assert_uint_eq (in (1) & 0x0f, 0);
  out (1, 0x0f);
  ck_assert_uint_eq (in (1) & 0x0f, 0x0f);
  out (1, 0xff);
  ck_assert_uint_eq (in (1), 0x0f); /* no bits of a newer chip */
  out (1, 0);
  out (4, 0x1a); /* loop-back: RTS, OUT2 */
  ck_assert_uint_eq (in (6) & 0xf0, 0x90);
  out (4, 0);
  out (2, 1);
  ck_assert_uint_eq (in (2) >> 6, 3);
  out (3, 0x80);
  out (2, 0x21);
  ck_assert_uint_eq (in (2) & 0x20, 0); /* no FIFO of 64 */
  out (3, 0);
  out (7, 0xa5);
  ck_assert_uint_eq (in (7), 0xa5);
  ck_assert_uint_eq (in (5), 0x60);
  ck_assert_uint_eq (in (6), 0xb0);
  stop ();
}
END_TEST

/* The divisor is apart from data and interrupts. */
START_TEST (divisor)
{
  int fd = file ();

  start (fd, 0);
  out (1, 0x05);
  out (3, 0x83);
  out (0, 12);
  out (1, 34);
  ck_assert_uint_eq (in (0), 12);
  ck_assert_uint_eq (in (1), 34);
  out (3, 0x03);
  ck_assert_uint_eq (in (1), 0x05);
  ck_assert_uint_eq (in (0), 0);
  stop ();
  assert_file (fd, "");
  close (fd);
}
END_TEST

/* size_fifo(): what is said in loop-back comes back, no more than 16 bytes, and none of it leaves. */
START_TEST (loopback)
{
  int fd = file ();

  start (fd, 0);
  out (2, 0x07);
  out (4, 0x10);
  for (unsigned i = 0; i < 256; i++)
    out (0, (uint8_t) i);
  unsigned count = 0;
  for (; (in (5) & 1) != 0 && count < 300; count++)
    ck_assert_uint_eq (in (0), count);
  ck_assert_uint_eq (count, 16);
  out (0, 'x');
  out (2, 0x03); /* clears it */
  ck_assert_uint_eq (in (5) & 1, 0);
  out (1, 1);
  fake_raised (fake, VMM_IRQ_SERIAL);
  out (0, 'x');
  ck_assert_uint_eq (fake_raised (fake, VMM_IRQ_SERIAL), 1);
  ck_assert_uint_eq (in (2) & 0x0f, 4);
  stop ();
  assert_file (fd, "");
  close (fd);
}
END_TEST

/* do_startup(): the THR-empty interrupt comes whenever it is enabled, goes when IIR is read, and a burst is one. */
START_TEST (interrupts)
{
  start (-1, 0);
  ck_assert_uint_eq (in (2) & 0x0f, 1);
  for (int i = 0; i < 2; i++) {
    out (1, 2);
    ck_assert_uint_eq (fake_raised (fake, VMM_IRQ_SERIAL), 1);
    ck_assert_uint_eq (in (2) & 0x0f, 2);
    ck_assert_uint_eq (in (2) & 0x0f, 1);
    out (1, 0);
  }
  out (0, 'a');
  ck_assert_uint_eq (fake_raised (fake, VMM_IRQ_SERIAL), 0);
  out (1, 2);
  fake_raised (fake, VMM_IRQ_SERIAL);
  in (2);
  for (int i = 0; i < 16; i++)
    out (0, 'a');
  ck_assert_uint_eq (fake_raised (fake, VMM_IRQ_SERIAL), 1);
  ck_assert_uint_eq (in (2) & 0x0f, 2);
  stop ();
}
END_TEST

/* A line goes at its end, a prompt after a moment, the rest when the machine pauses or ends. */
START_TEST (lines)
{
  int fd = file ();

  start (fd, 0);
  say ("hello\nlog");
  assert_file (fd, "hello\n");
  for (int i = 0; i < 20 && lseek (fd, 0, SEEK_END) < 9; i++)
    fake_run (fake, 20);
  assert_file (fd, "hello\nlog");
  say ("in: ");
  vmm_serial_ops.quiesce (serial);
  assert_file (fd, "hello\nlogin: ");
  say ("!");
  stop ();
  assert_file (fd, "hello\nlogin: !");
  close (fd);
}
END_TEST

START_TEST (long_line)
{
  int fd = file ();

  start (fd, 0);
  for (int i = 0; i < 2 * VMM_OUTPUT_LINE; i++)
    out (0, 'a');
  ck_assert_int_eq (lseek (fd, 0, SEEK_END), 2 * VMM_OUTPUT_LINE);
  stop ();
  close (fd);
}
END_TEST

START_TEST (limit)
{
  int fd = file ();

  start (fd, 8);
  say ("12345\n789\nxyz\n");
  stop ();
  assert_file (fd, "12345\n78");
  close (fd);
}
END_TEST

/* A pipe, a socket that nobody reads: bytes are lost, what is kept stays the same, and nobody waits (the test's time limit). */
START_TEST (flood)
{
  int ends[2];

  if (_i == 0)
    ck_assert_int_eq (pipe2 (ends, O_CLOEXEC), 0);
  else
    ck_assert_int_eq (socketpair (AF_UNIX, _i == 1 ? SOCK_STREAM : SOCK_SEQPACKET, 0, ends), 0);
  if (_i == 0) {
    int swap = ends[0];
    ends[0] = ends[1];
    ends[1] = swap;
  }
  start (ends[0], 0);
  ck_assert_int_eq (fcntl (ends[0], F_GETFL) & O_NONBLOCK, 0);
  for (int i = 0; i < 1 << 20; i++)
    out (0, i % 64 == 63 ? '\n' : 'f');
  char line[64];
  ck_assert_int_eq (read (ends[1], line, sizeof line), 64);
  ck_assert_mem_eq (line, "fffff", 5);
  /* And when there is room again, it goes on. */
  char drain[4096];
  ck_assert_int_eq (fcntl (ends[1], F_SETFL, O_NONBLOCK), 0);
  while (read (ends[1], drain, sizeof drain) > 0)
    ;
  say ("again\n");
  ck_assert_int_eq (read (ends[1], line, sizeof line), 6);
  stop ();
  close (ends[0]);
  close (ends[1]);
}
END_TEST

/* Nobody reads any more: no SIGPIPE, one message. */
START_TEST (reader_gone)
{
  int ends[2];

  if (_i == 0)
    ck_assert_int_eq (pipe2 (ends, O_CLOEXEC), 0);
  else {
    ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM, 0, ends), 0);
  }
  close (ends[0]);
  start (ends[1], 0);
  for (int i = 0; i < 10000; i++)
    say ("x\n");
  ck_assert_uint_eq (fake->logs, 1);
  stop ();
  close (ends[1]);
}
END_TEST

START_TEST (nowhere)
{
  start (-1, 0);
  say ("lost\n");
  ck_assert_int_eq (fake_run (fake, 0), 0);
  stop ();

  /* A descriptor that is none is an error, and all is undone. */
  const struct vmm_serial_config config = { .fd = 1000000 };
  fake = fake_new (16 * MIB);
  serial = calloc (1, vmm_serial_ops.instance_size);
  ck_assert_ptr_nonnull (serial);
  ck_assert_int_eq (vmm_serial_ops.realize (serial, &fake->env, &config, NULL), KATA_E_INVALID);
  free (serial);
  fake_free (fake);
}
END_TEST

/* Accesses wider than a register stay within the eight. */
START_TEST (wide)
{
  start (-1, 0);
  for (unsigned at = 0; at < 8; at++)
    for (unsigned len = 1; at + len <= 8; len *= 2) {
      fake_write (fake->env.pio, VMM_PORT_SERIAL + at, len, UINT64_MAX);
      fake_read (fake->env.pio, VMM_PORT_SERIAL + at, len);
    }
  stop ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vmm/dev/serial");
  TCase *all = tcase_create ("all");

  tcase_set_timeout (all, 30);
  tcase_add_test (all, probe);
  tcase_add_test (all, divisor);
  tcase_add_test (all, loopback);
  tcase_add_test (all, interrupts);
  tcase_add_test (all, lines);
  tcase_add_test (all, long_line);
  tcase_add_test (all, limit);
  tcase_add_loop_test (all, flood, 0, 3);
  tcase_add_loop_test (all, reader_gone, 0, 2);
  tcase_add_test (all, nowhere);
  tcase_add_test (all, wide);
  suite_add_tcase (suite, all);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
