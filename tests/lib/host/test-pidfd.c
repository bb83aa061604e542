/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-pidfd: identity, a reused number, waiting, and deadlines. */
#include <check.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "host/pidfd.h"

static pid_t
sleeper (void)
{
  pid_t pid = fork ();
  if (pid == 0) {
    pause ();
    _exit (0);
  }
  return pid;
}

START_TEST (identity)
{
  kata_pid_identity self, again;
  ck_assert_int_eq (kata_pidfd__identify (&self, getpid (), NULL), 0);
  ck_assert_int_eq (self.pid, getpid ());
  ck_assert_uint_gt (self.start_time, 0);
  ck_assert_int_eq (kata_pidfd__identify (&again, getpid (), NULL), 0);
  ck_assert_uint_eq (self.start_time, again.start_time);
  ck_assert_int_eq (kata_pidfd__identify (&again, 0, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_pidfd__identify (&again, -5, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_pidfd__identify (&again, (int64_t) INT_MAX + 1, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_pidfd__identify (&again, 4194304, NULL), KATA_E_NOT_FOUND);
}
END_TEST

/* A record of a process whose number has gone to another: it must not be opened, so it cannot be signalled. */
START_TEST (reused_number)
{
  kata_pid_identity identity;
  int pidfd = -1;
  pid_t pid = sleeper ();
  ck_assert_int_eq (kata_pidfd__identify (&identity, pid, NULL), 0);
  identity.start_time--;
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (kata_pidfd__open (&pidfd, &identity, &error), KATA_E_NOT_FOUND);
  ck_assert_int_eq (pidfd, -1);
  ck_assert_int_eq (waitpid (pid, NULL, WNOHANG), 0);
  identity.start_time++;
  ck_assert_int_eq (kata_pidfd__open (&pidfd, &identity, NULL), 0);
  ck_assert (!kata_pidfd__ended (pidfd));
  ck_assert_int_eq (kata_pidfd__wait (pidfd, kata_deadline__within (INT64_MAX, 30), NULL), KATA_E_TIMEOUT);
  ck_assert_int_eq (kata_pidfd__kill (pidfd, INT64_MAX, NULL), 0);
  ck_assert_int_eq (kata_pidfd__signal (pidfd, SIGTERM, NULL), 0); /* gone: no error */
  close (pidfd);
  ck_assert_int_eq (kata_pidfd__open (&pidfd, &identity, NULL), KATA_E_NOT_FOUND);
}
END_TEST

static gpointer
tell_number (gpointer data)
{
  GAsyncQueue **queues = data;
  g_async_queue_push (queues[0], GINT_TO_POINTER (gettid ()));
  return g_async_queue_pop (queues[1]); /* stays until it is known what comes of it */
}

/* A number that a thread has now: the process that had it is gone. */
START_TEST (number_of_a_thread)
{
  GAsyncQueue *queues[] = { g_async_queue_new (), g_async_queue_new () };
  GThread *thread = g_thread_new ("number", tell_number, queues);
  const kata_pid_identity identity = { GPOINTER_TO_INT (g_async_queue_pop (queues[0])), 1 };
  int pidfd = -1;
  g_autoptr (kata_error) error = NULL;
  int r = kata_pidfd__open (&pidfd, &identity, &error);
  g_async_queue_push (queues[1], thread);
  g_thread_join (thread);
  g_async_queue_unref (queues[0]);
  g_async_queue_unref (queues[1]);
  ck_assert_int_eq (r, KATA_E_NOT_FOUND);
}
END_TEST

START_TEST (exit_status)
{
  kata_pid_identity identity;
  kata_exit_status status;
  int pidfd;
  pid_t pid = fork ();
  if (pid == 0)
    _exit (42);
  ck_assert_int_eq (kata_pidfd__identify (&identity, pid, NULL), 0);
  ck_assert_int_eq (kata_pidfd__open (&pidfd, &identity, NULL), 0);
  ck_assert_int_eq (kata_pidfd__wait (pidfd, INT64_MAX, NULL), 0);
  kata_pidfd__reap (pidfd, &status);
  ck_assert (status.known);
  ck_assert_int_eq (status.code, 42);
  kata_pidfd__reap (pidfd, &status);
  ck_assert (!status.known);
  close (pidfd);
}
END_TEST

START_TEST (deadlines)
{
  int64_t now = kata_deadline__now ();
  ck_assert_int_eq (kata_deadline__poll_ms (INT64_MAX), -1);
  ck_assert_int_eq (kata_deadline__poll_ms (now - 1), 0);
  ck_assert_int_eq (kata_deadline__poll_ms (INT64_MAX - 1), INT_MAX);
  ck_assert_int_eq (kata_deadline__within (now, 1000), now);
  ck_assert_int_eq (kata_deadline__within (INT64_MAX, INT64_MAX), INT64_MAX);
  ck_assert_int_le (kata_deadline__within (INT64_MAX, 10), kata_deadline__now () + 10000);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("pidfd");
  Suite *suite = suite_create ("host/pidfd");
  tcase_add_test (tc, identity);
  tcase_add_test (tc, reused_number);
  tcase_add_test (tc, number_of_a_thread);
  tcase_add_test (tc, exit_status);
  tcase_add_test (tc, deadlines);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
