/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-undo: each kind of record, order, scopes, what is gone already, and what must never be touched. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "host/mount.h"
#include "host/pidfd.h"
#include "host/tree.h"
#include "sandbox/journal.h"
#include "sandbox/undo.h"

static char *dir;
static int fd;
static struct kata_journal journal;

static void
setup (void)
{
  dir = g_dir_make_tmp ("kata-undo-XXXXXX", NULL);
  fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  journal = (struct kata_journal){ fd, dir, "", NULL };
}

static void
teardown (void)
{
  close (fd);
  ck_assert_msg (rmdir (dir) == 0, "not empty: %s", dir);
  g_free (dir);
}

static int
replay (const char *scope, kata_error **err)
{
  return kata_undo__replay (fd, scope, kata_deadline__within (INT64_MAX, 5000), NULL, err);
}

static void
touch (const char *name)
{
  int f = openat (fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ck_assert_int_ge (f, 0);
  close (f);
}

START_TEST (files_and_directories)
{
  ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_DIR, "d", "d", NULL), 0);
  ck_assert_int_eq (mkdirat (fd, "d", 0755), 0);
  ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_FILE, "f", "d/f", NULL), 0);
  touch ("d/f");
  touch ("d/what-a-guest-put-there");
  /* Recorded, never made: the process died in between. */
  ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_FILE, "f", "never/made", NULL), 0);
  ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_MOUNT, "m", "never/mounted", NULL), 0);
  ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_DIR, "d", "never", NULL), 0);
  ck_assert_int_eq (replay (NULL, NULL), 0);
  ck_assert_int_eq (replay (NULL, NULL), 0);
}
END_TEST

START_TEST (scopes)
{
  ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_FILE, "f", "vm", NULL), 0);
  touch ("vm");
  journal.scope = "c1";
  ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_FILE, "f", "one", NULL), 0);
  touch ("one");
  journal.scope = "c2";
  ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_FILE, "f", "two", NULL), 0);
  touch ("two");
  ck_assert_int_eq (replay ("c1", NULL), 0);
  ck_assert_int_eq (faccessat (fd, "one", F_OK, 0), -1);
  ck_assert_int_eq (faccessat (fd, "two", F_OK, 0), 0);
  ck_assert_int_eq (faccessat (fd, "vm", F_OK, 0), 0);
  ck_assert_int_eq (replay (NULL, NULL), 0);
}
END_TEST

static pid_t
sleeper (kata_pid_identity *identity)
{
  pid_t pid = fork ();
  if (pid == 0) {
    signal (SIGTERM, SIG_IGN);
    for (;;)
      pause ();
  }
  ck_assert_int_eq (kata_pidfd__identify (identity, pid, NULL), 0);
  return pid;
}

START_TEST (processes)
{
  kata_pid_identity mine, stranger;
  pid_t pid = sleeper (&mine), other = sleeper (&stranger);
  kata_undo record = {
    .size = sizeof record, .kind = KATA_UNDO_PROCESS, .role = "qemu", .pid = mine.pid, .start_time = mine.start_time
  };
  ck_assert_int_eq (kata_journal__record (&journal, &record, NULL), 0);
  /* The number was used again: another start time, another process. */
  record.pid = stranger.pid;
  record.start_time = stranger.start_time + 1;
  ck_assert_int_eq (kata_journal__record (&journal, &record, NULL), 0);
  ck_assert_int_eq (replay (NULL, NULL), 0);
  ck_assert_int_eq (kill (other, 0), 0);
  ck_assert_int_eq (waitpid (other, NULL, WNOHANG), 0);
  kill (other, SIGKILL);
  waitpid (other, NULL, 0);
  waitpid (pid, NULL, 0); /* reaped already, or now */
}
END_TEST

/* After a reboot a number and even a start time may belong to anybody. */
START_TEST (another_boot)
{
  kata_pid_identity stranger;
  pid_t pid = sleeper (&stranger);
  g_autofree char *path = g_build_filename (dir, KATA_JOURNAL_FILE, NULL);
  g_autofree char *text = g_strdup_printf ("{\"journal\":1,\"boot\":\"other\"}\n{\"scope\":\"\",\"kind\":0,\"role\":"
                                           "\"x\",\"pid\":%d,\"start_time\":%" G_GUINT64_FORMAT "}\n",
                                           (int) stranger.pid, stranger.start_time);
  ck_assert (g_file_set_contents (path, text, -1, NULL));
  ck_assert_int_eq (replay (NULL, NULL), 0);
  ck_assert_int_eq (waitpid (pid, NULL, WNOHANG), 0);
  kill (pid, SIGKILL);
  waitpid (pid, NULL, 0);
}
END_TEST

/* A mount without its record (it cannot be, but a file can be edited): its directory must stay, with what is behind it. */
START_TEST (forgotten_mount)
{
  if (geteuid () != 0)
    return;
  g_autofree char *source = g_dir_make_tmp ("kata-precious-XXXXXX", NULL);
  g_autofree char *precious = g_build_filename (source, "precious", NULL);
  ck_assert (g_file_set_contents (precious, "x", 1, NULL));
  ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_DIR, "d", "d", NULL), 0);
  ck_assert_int_eq (mkdirat (fd, "d", 0755), 0);
  ck_assert_int_eq (mkdirat (fd, "d/rootfs", 0755), 0);
  ck_assert_int_eq (kata_mount__bind (source, fd, "d/rootfs", 0, NULL), 0);
  ck_assert_int_eq (replay (NULL, NULL), KATA_E_BUSY);
  ck_assert_int_eq (access (precious, F_OK), 0);
  /* The record is still there, so that a later try does it. */
  ck_assert_int_eq (kata_mount__remove (fd, "d/rootfs", NULL), 0);
  ck_assert_int_eq (replay (NULL, NULL), 0);
  ck_assert_int_eq (access (precious, F_OK), 0);
  unlink (precious);
  rmdir (source);
}
END_TEST

START_TEST (mounts_in_order)
{
  if (geteuid () != 0)
    return;
  g_autofree char *source = g_dir_make_tmp ("kata-precious-XXXXXX", NULL);
  g_autofree char *precious = g_build_filename (source, "precious", NULL);
  ck_assert (g_file_set_contents (precious, "x", 1, NULL));
  ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_DIR, "d", "shared", NULL), 0);
  ck_assert_int_eq (mkdirat (fd, "shared", 0755), 0);
  ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_MOUNT, "m", "shared", NULL), 0);
  ck_assert_int_eq (kata_mount__share (fd, "shared", NULL), 0);
  ck_assert_int_eq (mkdirat (fd, "shared/rootfs", 0755), 0);
  ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_MOUNT, "m", "shared/rootfs", NULL), 0);
  ck_assert_int_eq (kata_mount__bind (source, fd, "shared/rootfs", KATA_MOUNT_RECURSIVE, NULL), 0);
  ck_assert_int_eq (replay (NULL, NULL), 0);
  ck_assert_int_eq (access (precious, F_OK), 0);
  ck_assert_int_eq (faccessat (fd, "shared", F_OK, 0), -1);
  unlink (precious);
  rmdir (source);
}
END_TEST

/* Links in the way of a record lead nowhere. */
START_TEST (symlinks)
{
  g_autofree char *outside = g_dir_make_tmp ("kata-outside-XXXXXX", NULL);
  g_autofree char *precious = g_build_filename (outside, "precious", NULL);
  ck_assert (g_file_set_contents (precious, "x", 1, NULL));
  ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_FILE, "f", "link/precious", NULL), 0);
  ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_DIR, "f", "link", NULL), 0);
  ck_assert_int_eq (symlinkat (outside, fd, "link"), 0);
  replay (NULL, NULL);
  ck_assert_int_eq (access (precious, F_OK), 0);
  unlinkat (fd, "link", 0);
  unlinkat (fd, KATA_JOURNAL_FILE, 0);
  unlink (precious);
  rmdir (outside);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("sandbox/undo");
  TCase *tcase = tcase_create ("undo");
  tcase_set_timeout (tcase, 60);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, files_and_directories);
  tcase_add_test (tcase, scopes);
  tcase_add_test (tcase, processes);
  tcase_add_test (tcase, another_boot);
  tcase_add_test (tcase, forgotten_mount);
  tcase_add_test (tcase, mounts_in_order);
  tcase_add_test (tcase, symlinks);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
