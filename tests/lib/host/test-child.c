/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-child: what a started program finds, how failures come back, and that nothing runs or stays when the parent dies at the gate. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/child.h"

static int64_t
soon (void)
{
  return kata_deadline__within (INT64_MAX, 5000);
}

/* Runs /bin/sh -c script with its output in a pipe; returns the output. */
static char *
run_shell (const char *script, kata_child_options *options, kata_exit_status *status)
{
  int pipes[2];
  char buf[8192];
  const char *const argv[] = { "sh", "-c", script, NULL };
  kata_child child;
  ck_assert_int_eq (pipe2 (pipes, O_CLOEXEC), 0);
  options->program = "/bin/sh";
  options->argv = argv;
  options->stdout_fd = pipes[1];
  g_autoptr (kata_error) error = NULL;
  ck_assert_msg (kata_child__spawn (&child, options, &error) == 0, "%s", kata_error_get_message (error));
  close (pipes[1]);
  size_t len = 0;
  ssize_t n;
  while ((n = read (pipes[0], buf + len, sizeof buf - 1 - len)) > 0)
    len += (size_t) n;
  buf[len] = '\0';
  close (pipes[0]);
  ck_assert_int_eq (kata_pidfd__wait (child.pidfd, soon (), NULL), 0);
  kata_pidfd__reap (child.pidfd, status);
  close (child.pidfd);
  return g_strdup (buf);
}

START_TEST (surroundings)
{
  kata_child_options options = KATA_CHILD_OPTIONS_INIT;
  kata_exit_status status;
  ck_assert_int_eq (setenv ("KATA_TEST_LEAK", "1", 1), 0);
  signal (SIGTERM, SIG_IGN);
  g_autofree char *out =
      run_shell ("pwd; env | grep -c KATA_TEST_LEAK; (exec ls /proc/self/fd) | wc -l; "
                 "while read k v; do case $k in SigIgn:|SigBlk:) echo $v;; esac; done < /proc/$$/status; exit 7",
                 &options, &status);
  signal (SIGTERM, SIG_DFL);
  ck_assert (status.known);
  ck_assert_int_eq (status.code, 7);
  /* Three descriptors and the directory that ls reads. */
  ck_assert_str_eq (out, "/\n0\n4\n0000000000000000\n0000000000000000\n");
}
END_TEST

START_TEST (ignored_signal)
{
  kata_child_options options = KATA_CHILD_OPTIONS_INIT;
  kata_exit_status status;
  options.ignored_signal = SIGXFSZ;
  g_autofree char *out =
      run_shell ("while read k v; do case $k in SigIgn:) echo $v;; esac; done < /proc/$$/status", &options, &status);
  ck_assert_str_eq (out, "0000000001000000\n");
}
END_TEST

START_TEST (descriptors)
{
  /* Sources lie on each other's targets, on 0, and far above. */
  kata_child_options options = KATA_CHILD_OPTIONS_INIT;
  kata_exit_status status;
  int a = memfd_create ("a", 0), b = memfd_create ("b", MFD_CLOEXEC);
  ck_assert_int_eq (write (a, "A", 1) + write (b, "B", 1), 2);
  int a5 = fcntl (a, F_DUPFD, 50), b5 = fcntl (b, F_DUPFD, a5 + 1);
  kata_child_fd fds[] = { { b5, a5 }, { a5, b5 }, { a5, 9 }, { b, 700 } };
  options.fds = fds;
  options.n_fds = G_N_ELEMENTS (fds);
  options.cwd = "/usr";
  g_autofree char *script = g_strdup_printf (
      "for i in %d %d 9 700; do cat /proc/self/fd/$i; done; (exec ls /proc/self/fd) | wc -l; pwd", a5, b5);
  g_autofree char *out = run_shell (script, &options, &status);
  ck_assert_str_eq (out, "BAAB8\n/usr\n");
  close (a);
  close (b);
  close (a5);
  close (b5);
}
END_TEST

START_TEST (limits)
{
  kata_child_options options = KATA_CHILD_OPTIONS_INIT;
  kata_exit_status status;
  kata_child_rlimit limit = { RLIMIT_CORE, { 0, 0 } };
  options.rlimits = &limit;
  options.n_rlimits = 1;
  g_autofree char *out = run_shell ("ulimit -c; kill -9 $$", &options, &status);
  ck_assert_str_eq (out, "0\n");
  ck_assert_int_eq (status.signal, SIGKILL);
  g_autofree char *text = kata_exit_status__text (&status);
  ck_assert_ptr_nonnull (strstr (text, "killed by signal 9"));
}
END_TEST

START_TEST (exec_fails)
{
  static const struct {
    const char *program, *cwd;
    int code;
    const char *text;
  } cases[] = {
    { "/nonexistent/qemu", NULL, KATA_E_HOST, "No such file" },
    { "/etc/passwd", NULL, KATA_E_HOST, "Permission denied" },
    { "/bin/sh", "/nonexistent", KATA_E_IO, "change to its directory" },
    { "sh", NULL, KATA_E_INVALID, "absolute" },
  };
  const char *const argv[] = { "x", NULL };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    kata_child_options options = KATA_CHILD_OPTIONS_INIT;
    kata_child child = { .pidfd = -77 };
    g_autoptr (kata_error) error = NULL;
    options.program = cases[i].program;
    options.cwd = cases[i].cwd;
    options.argv = argv;
    ck_assert_int_eq (kata_child__spawn (&child, &options, &error), cases[i].code);
    ck_assert_msg (strstr (kata_error_get_message (error), cases[i].text) != NULL, "%s",
                   kata_error_get_message (error));
    ck_assert_int_eq (child.pidfd, -77);
  }
  /* No zombie, not even of the kind that sends no SIGCHLD. */
  ck_assert_int_eq (waitpid (-1, NULL, WNOHANG | __WALL), -1);
  ck_assert_int_eq (errno, ECHILD);
}
END_TEST

static int
refuse (void *data, const kata_pid_identity *identity, kata_error **err)
{
  *(kata_pid_identity *) data = *identity;
  return kata_error__set (err, KATA_E_IO, NULL, "the journal is full");
}

START_TEST (record_fails)
{
  kata_child_options options = KATA_CHILD_OPTIONS_INIT;
  g_autofree char *flag = g_strdup_printf ("/tmp/kata-test-child-%d", getpid ());
  const char *const argv[] = { "touch", flag, NULL };
  kata_pid_identity seen = { 0 };
  kata_child child;
  g_autoptr (kata_error) error = NULL;
  options.program = "/usr/bin/touch";
  options.argv = argv;
  options.record = refuse;
  options.record_data = &seen;
  ck_assert_int_eq (kata_child__spawn (&child, &options, &error), KATA_E_IO);
  ck_assert_str_eq (kata_error_get_message (error), "the journal is full");
  ck_assert_int_eq (access (flag, F_OK), -1);
  int pidfd;
  ck_assert_int_eq (kata_pidfd__open (&pidfd, &seen, NULL), KATA_E_NOT_FOUND);
}
END_TEST

static int
tell_and_die (void *data, const kata_pid_identity *identity, kata_error **err)
{
  ssize_t ignored = write (*(int *) data, identity, sizeof *identity);
  (void) ignored;
  kill (getpid (), SIGKILL);
  return 0;
}

/* The caller is killed after the record and before the program runs: the child must end by itself, the program never run. */
START_TEST (parent_dies_at_gate)
{
  int pipes[2];
  kata_pid_identity identity;
  g_autofree char *flag = g_strdup_printf ("/tmp/kata-test-gate-%d", getpid ());
  ck_assert_int_eq (pipe2 (pipes, O_CLOEXEC), 0);
  pid_t parent = fork ();
  if (parent == 0) {
    kata_child_options options = KATA_CHILD_OPTIONS_INIT;
    const char *const argv[] = { "touch", flag, NULL };
    kata_child child;
    options.program = "/usr/bin/touch";
    options.argv = argv;
    options.record = tell_and_die;
    options.record_data = &pipes[1];
    kata_child__spawn (&child, &options, NULL);
    _exit (1);
  }
  close (pipes[1]);
  ck_assert_int_eq (read (pipes[0], &identity, sizeof identity), (int) sizeof identity);
  waitpid (parent, NULL, 0);
  int pidfd = -1;
  if (kata_pidfd__open (&pidfd, &identity, NULL) == 0) {
    ck_assert_int_eq (kata_pidfd__wait (pidfd, soon (), NULL), 0);
    close (pidfd);
  }
  ck_assert_int_eq (access (flag, F_OK), -1);
  close (pipes[0]);
}
END_TEST

/* Root of a user namespace of its own and pid 1; outside it has the number that we were told, and is who we said. */
START_TEST (namespaces)
{
  kata_child_options options = KATA_CHILD_OPTIONS_INIT;
  kata_exit_status status;
  bool root = geteuid () == 0;
  kata_child_userns userns = { .uid = root ? 12345 : geteuid (), .gid = root ? 23456 : getegid (), .map_caller = root };
  kata_pid_identity seen = { 0 };
  options.userns = &userns;
  options.new_pidns = true;
  options.record = refuse;
  options.record_data = &seen;
  const char *const argv[] = { "sh", "-c", "true", NULL };
  kata_child child;
  options.program = "/bin/sh";
  options.argv = argv;
  int code = kata_child__spawn (&child, &options, NULL);
  if (code == KATA_E_HOST)
    return; /* the host refuses user namespaces */
  ck_assert_int_eq (code, KATA_E_IO);
  ck_assert_int_gt (seen.pid, 1);
  options.record = NULL;
  g_autofree char *out =
      run_shell ("echo $$ $PPID; id -u; id -g; while read a b c; do echo $a $b $c; done < /proc/self/uid_map; "
                 "while read k v; do case $k in Groups:|CapEff:) echo $k $v;; esac; done < /proc/self/status",
                 &options, &status);
  g_autofree char *expected =
      root ? g_strdup ("1 0\n0\n0\n0 12345 1\n1 0 1\nGroups:\n") : g_strdup_printf ("1 0\n0\n0\n0 %u 1\n", geteuid ());
  ck_assert_msg (g_str_has_prefix (out, expected), "%s", out);
  ck_assert_ptr_nonnull (strstr (out, "CapEff: 000001ff")); /* all of them, in there */
}
END_TEST

static void *
spawn_many (void *data)
{
  for (int i = 0; i < 20; i++) {
    kata_child_options options = KATA_CHILD_OPTIONS_INIT;
    kata_exit_status status;
    g_autofree char *out = run_shell ("exec ls /proc/self/fd", &options, &status);
    ck_assert_str_eq (out, "0\n1\n2\n3\n"); /* 3 is the directory */
  }
  return NULL;
}

START_TEST (threads)
{
  GThread *other = g_thread_new ("other", spawn_many, NULL);
  spawn_many (NULL);
  g_thread_join (other);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("child");
  Suite *suite = suite_create ("host/child");
  tcase_set_timeout (tc, 30);
  tcase_add_test (tc, surroundings);
  tcase_add_test (tc, ignored_signal);
  tcase_add_test (tc, descriptors);
  tcase_add_test (tc, limits);
  tcase_add_test (tc, exec_fails);
  tcase_add_test (tc, record_fails);
  tcase_add_test (tc, parent_dies_at_gate);
  tcase_add_test (tc, namespaces);
  tcase_add_test (tc, threads);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
