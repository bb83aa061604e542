/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-thread: machines with bare guests in threads of this process: how they end, and what is left while their handle is kept. */
#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
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

/* What the kernel has left of threads: none for anybody, or none but for this one. */
static enum { THREADS_PLENTY, THREADS_NONE, THREADS_FOR_FIRST } threads;
static pthread_t first;

__attribute__ ((visibility ("default"))) int
pthread_create (pthread_t *thread, const pthread_attr_t *attr, void *(*run) (void *), void *data)
{
  int (*real) (pthread_t *, const pthread_attr_t *, void *(*) (void *), void *);
  void *symbol = dlsym (RTLD_NEXT, "pthread_create");
  memcpy (&real, &symbol, sizeof real);
  if (threads == THREADS_NONE || (threads == THREADS_FOR_FIRST && !pthread_equal (pthread_self (), first)))
    return EAGAIN;
  return real (thread, attr, run, data);
}

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

/* A process that can have no more threads gets an error, and goes on. */
START_TEST (no_threads)
{
  struct kata_builtin_thread *thread = NULL;
  struct bare bare;
  struct vmm_description description;
  g_autoptr (kata_error) error = NULL;
  bare_init (&bare, forever, sizeof forever);
  vmm_description__init (&description);
  description.machine = bare.config;
  description.control_fd = listener ();
  threads = THREADS_NONE;
  int rc = kata_builtin_thread__start (&thread, &description, &error);
  threads = THREADS_PLENTY;
  ck_assert_msg (rc == KATA_E_IO, "%s", kata_error_get_message (error));
  ck_assert_ptr_nonnull (strstr (kata_error_get_message (error), "no thread"));
  ck_assert_ptr_null (thread);
  ck_assert_int_ge (fcntl (description.control_fd, F_GETFD), 0);
  close (description.control_fd);
  close (bare.serial);
}
END_TEST

/* The first thread can be had, the next cannot: the machine ends before it began, and says why. */
START_TEST (one_thread)
{
  struct kata_builtin_thread *thread;
  first = pthread_self ();
  threads = THREADS_FOR_FIRST;
  int serial = start (&thread, forever, sizeof forever);
  expect_end (thread);
  threads = THREADS_PLENTY;
  g_autofree char *how = kata_builtin_thread__how (thread);
  ck_assert_msg (strstr (how, "no thread") != NULL, "%s", how);
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
  tcase_add_test (tc, no_threads);
  tcase_add_test (tc, one_thread);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
