/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-thread: machines with bare guests in threads of this process: how they end, and what is left while their handle is kept. */
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/builtin/thread.h"
#include "bare.h"
#include "base/error.h"

static const uint8_t forever[] = { 0xeb, 0xfe };
static const uint8_t power_off[] = { 0xc6, 0x05, 0x00, 0x00, 0x00, 0xfe, 0x34, 0xf4 }; /* movb $0x34, 0xfe000000 */

/* Under a name that the kernel chooses. */
static int
listener (void)
{
  const struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  ck_assert_int_eq (bind (fd, (const struct sockaddr *) &address, sizeof address.sun_family), 0);
  ck_assert_int_eq (listen (fd, 8), 0);
  return fd;
}

/* Returns the end to read of what the guest says; the machine has the other alone. */
static int
start (struct kata_builtin_thread **out, const void *code, size_t len)
{
  struct bare bare;
  struct vmm_description description;
  g_autoptr (kata_error) error = NULL;
  bare_init (&bare, code, len);
  vmm_description__init (&description);
  description.machine = bare.config;
  description.control_fd = listener ();
  int rc = kata_builtin_thread__start (out, &description, &error);
  ck_assert_msg (rc == 0, "%s", kata_error_get_message (error));
  return bare.serial;
}

static void
expect_end (struct kata_builtin_thread *thread)
{
  struct pollfd poller = { .fd = kata_builtin_thread__exit_fd (thread), .events = POLLIN };
  ck_assert_int_eq (poll (&poller, 1, 20000), 1);
}

/* What a machine was given is closed when it ends: virtiofsd waits for that of its connection. */
START_TEST (closes_at_its_end)
{
  struct kata_builtin_thread *thread;
  char byte;
  int serial = _i == 0 ? start (&thread, power_off, sizeof power_off) : start (&thread, forever, sizeof forever);
  if (_i == 1)
    kata_builtin_thread__stop (thread);
  expect_end (thread);
  ck_assert_int_eq (read (serial, &byte, 1), 0); /* not EAGAIN: nobody can write any more */
  g_autofree char *how = kata_builtin_thread__how (thread);
  ck_assert_ptr_nonnull (strstr (how, _i == 0 ? "switched itself off" : "stopped"));
  kata_builtin_thread__unref (thread);
  close (serial);
}
END_TEST

int
main (void)
{
  bare_need_kvm ();
  Suite *suite = suite_create ("thread");
  TCase *tc = tcase_create ("thread");
  tcase_set_timeout (tc, 60);
  tcase_add_loop_test (tc, closes_at_its_end, 0, 2);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
