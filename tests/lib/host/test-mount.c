/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-mount: bind mounts: read-only ones, files, busy ones, layers, and that nothing propagates back to the source. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "base/error.h"
#include "host/mount.h"
#include "host/tree.h"

static char *top, *source;
static int fd;

static void
setup (void)
{
  top = g_dir_make_tmp ("kata-mount-XXXXXX", NULL);
  source = g_build_filename (top, "source", NULL);
  fd = open (top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ck_assert_int_eq (mkdirat (fd, "source", 0755), 0);
  ck_assert_int_eq (mkdirat (fd, "source/sub", 0755), 0);
  ck_assert_int_eq (mkdirat (fd, "target", 0755), 0);
  g_autofree char *file = g_build_filename (source, "file", NULL);
  ck_assert (g_file_set_contents (file, "hello", 5, NULL));
}

static void
teardown (void)
{
  g_autoptr (kata_error) error = NULL;
  ck_assert_msg (kata_tree__remove (fd, "source", &error) == 0, "%s", kata_error_get_message (error));
  ck_assert_int_eq (kata_tree__remove (fd, "target", NULL), 0);
  close (fd);
  ck_assert_int_eq (rmdir (top), 0);
  g_free (source);
  g_free (top);
}

START_TEST (readwrite_and_readonly)
{
  ck_assert_int_eq (kata_mount__is (fd, "target"), 0);
  ck_assert_int_eq (kata_mount__is (fd, "nowhere"), -ENOENT);
  ck_assert_int_eq (kata_mount__bind (source, fd, "target", 0, NULL), 0);
  ck_assert_int_eq (kata_mount__is (fd, "target"), 1);
  ck_assert_int_eq (faccessat (fd, "target/file", W_OK, 0), 0);
  ck_assert_int_eq (kata_mount__remove (fd, "target", NULL), 0);
  ck_assert_int_eq (kata_mount__is (fd, "target"), 0);
  ck_assert_int_eq (kata_mount__bind (source, fd, "target", KATA_MOUNT_READONLY, NULL), 0);
  int f = openat (fd, "target/file", O_WRONLY | O_CLOEXEC);
  ck_assert_int_eq (f, -1);
  ck_assert_int_eq (errno, EROFS);
  ck_assert_int_eq (kata_mount__remove (fd, "target", NULL), 0);
}
END_TEST

START_TEST (busy_and_layers)
{
  for (int i = 0; i < 3; i++)
    ck_assert_int_eq (kata_mount__bind (source, fd, "target", 0, NULL), 0);
  int busy = openat (fd, "target/file", O_RDONLY | O_CLOEXEC);
  ck_assert_int_ge (busy, 0);
  ck_assert_int_eq (kata_mount__remove (fd, "target", NULL), 0);
  ck_assert_int_eq (kata_mount__is (fd, "target"), 0);
  close (busy);
  ck_assert_int_eq (kata_mount__remove (fd, "target", NULL), 0);
}
END_TEST

/* A recursive copy of a shared tree, unmounted with its submounts, must leave the host's own submounts alone. */
START_TEST (nothing_propagates_back)
{
  g_autofree char *sub = g_build_filename (source, "sub", NULL);
  ck_assert_int_eq (mount (source, source, NULL, MS_BIND, NULL), 0);
  ck_assert_int_eq (mount (NULL, source, NULL, MS_SHARED, NULL), 0);
  ck_assert_int_eq (mount ("none", sub, "tmpfs", 0, "size=64k"), 0);
  ck_assert_int_eq (kata_mount__share (fd, "target", NULL), 0);
  ck_assert_int_eq (mkdirat (fd, "target/inner", 0755), 0);
  ck_assert_int_eq (kata_mount__bind (source, fd, "target/inner", KATA_MOUNT_RECURSIVE | KATA_MOUNT_READONLY, NULL), 0);
  ck_assert_int_eq (kata_mount__is (fd, "target/inner/sub"), 1);
  ck_assert_int_eq (kata_mount__remove (fd, "target/inner", NULL), 0);
  ck_assert_int_eq (kata_mount__is (fd, "source/sub"), 1);
  ck_assert_int_eq (kata_mount__remove (fd, "target", NULL), 0);
  ck_assert_int_eq (umount (sub), 0);
  ck_assert_int_eq (umount (source), 0);
}
END_TEST

START_TEST (wrong)
{
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (kata_mount__bind ("/nowhere/at/all", fd, "target", 0, &error), KATA_E_NOT_FOUND);
  ck_assert_int_eq (kata_mount__bind (source, fd, "missing", 0, NULL), KATA_E_NOT_FOUND);
  ck_assert_int_eq (symlinkat ("/etc", fd, "target/link"), 0);
  ck_assert_int_ne (kata_mount__bind (source, fd, "target/link", 0, NULL), 0);
  ck_assert_int_ne (kata_mount__bind (source, fd, "../escape", 0, NULL), 0);
  ck_assert_int_eq (kata_mount__is (fd, "target"), 0);
}
END_TEST

int
main (void)
{
  if (geteuid () != 0) {
    printf ("SKIP: mounts need root\n");
    return 77;
  }
  Suite *suite = suite_create ("host/mount");
  TCase *tcase = tcase_create ("bind");
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, readwrite_and_readonly);
  tcase_add_test (tcase, busy_and_layers);
  tcase_add_test (tcase, nothing_propagates_back);
  tcase_add_test (tcase, wrong);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
