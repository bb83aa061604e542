/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-tree: removal of trees; above all that a mount in one is never entered. */
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
#include "host/beneath.h"
#include "host/mount.h"
#include "host/tree.h"

static char *top;
static int top_fd;

static void
setup (void)
{
  top = g_dir_make_tmp ("kata-tree-XXXXXX", NULL);
  top_fd = open (top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ck_assert_int_ge (top_fd, 0);
}

static void
teardown (void)
{
  close (top_fd);
  ck_assert_int_eq (rmdir (top), 0);
  g_free (top);
}

static void
put (const char *name)
{
  g_autofree char *path = g_build_filename (top, name, NULL);
  ck_assert (g_file_set_contents (path, "x", 1, NULL));
}

static void
dir (const char *name)
{
  ck_assert_int_eq (mkdirat (top_fd, name, 0755), 0);
}

START_TEST (everything)
{
  dir ("t");
  dir ("t/a");
  put ("t/a/f");
  put ("t/f");
  ck_assert_int_eq (symlinkat ("/etc", top_fd, "t/link"), 0);
  ck_assert_int_eq (symlinkat ("nowhere", top_fd, "t/a/link"), 0);
  ck_assert_int_eq (mkfifoat (top_fd, "t/fifo", 0600), 0);
  ck_assert_int_eq (kata_tree__remove (top_fd, "t", NULL), 0);
  ck_assert_int_eq (faccessat (top_fd, "t", F_OK, 0), -1);
  ck_assert_int_eq (access ("/etc/passwd", F_OK), 0);
  ck_assert_int_eq (kata_tree__remove (top_fd, "t", NULL), 0);
}
END_TEST

/* A guest can make a deeper tree than we have descriptors or stack for. */
START_TEST (deep)
{
  dir ("t");
  int fd = kata_beneath__open (top_fd, "t", O_RDONLY | O_DIRECTORY, 0, false);
  for (int i = 0; i < 1000; i++) {
    ck_assert_int_eq (mkdirat (fd, "d", 0755), 0);
    int next = openat (fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge (next, 0);
    close (fd);
    fd = next;
  }
  close (fd);
  g_autoptr (kata_error) error = NULL;
  ck_assert_msg (kata_tree__remove (top_fd, "t", &error) == 0, "%s", kata_error_get_message (error));
}
END_TEST

/* Names like those that deep parts are moved to: left by a removal that was killed, or put there by a guest. */
START_TEST (deep_beside_names_of_ours)
{
  dir ("t");
  for (int i = 0; i < 8; i++) {
    g_autofree char *name = g_strdup_printf ("t/.deep-%d", i), *in = g_strdup_printf ("%s/f", name);
    if (i % 2 != 0) {
      put (name);
      continue;
    }
    dir (name);
    put (in);
  }
  for (int i = 0; i < 8; i++) {
    g_autoptr (GString) path = g_string_new (NULL);
    g_string_printf (path, "%s/t/%d", top, i);
    for (int depth = 0; depth < 70; depth++)
      g_string_append (path, "/d");
    ck_assert_int_eq (g_mkdir_with_parents (path->str, 0755), 0);
  }
  g_autoptr (kata_error) error = NULL;
  int r = kata_tree__remove (top_fd, "t", &error);
  while (r != 0 && kata_tree__remove (top_fd, "t", NULL) != 0)
    continue;
  ck_assert_msg (r == 0, "%s", kata_error_get_message (error));
}
END_TEST

static void
need_mounts (void)
{
  if (geteuid () != 0) {
    printf ("SKIP: mounts need root\n");
    exit (0);
  }
}

/* The catastrophe: a user's root file system is still bound in a sandbox's directory when that is removed. */
START_TEST (mount_is_not_entered)
{
  need_mounts ();
  dir ("rootfs");
  put ("rootfs/precious");
  dir ("t");
  dir ("t/m");
  put ("t/f");
  put ("precious-file");
  put ("t/bound-file");
  g_autofree char *source = g_build_filename (top, "rootfs", NULL);
  g_autofree char *file = g_build_filename (top, "precious-file", NULL);
  ck_assert_int_eq (kata_mount__bind (source, top_fd, "t/m", 0, NULL), 0);
  ck_assert_int_eq (kata_mount__bind (file, top_fd, "t/bound-file", 0, NULL), 0);
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (kata_tree__remove (top_fd, "t", &error), KATA_E_BUSY);
  ck_assert_int_eq (faccessat (top_fd, "rootfs/precious", F_OK, 0), 0);
  ck_assert_int_eq (faccessat (top_fd, "precious-file", F_OK, 0), 0);
  ck_assert_int_eq (faccessat (top_fd, "t/f", F_OK, 0), -1);
  /* The mount point itself: refused at once. */
  int t = openat (top_fd, "t", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ck_assert_int_eq (kata_tree__remove (t, "m", NULL), KATA_E_BUSY);
  close (t);
  ck_assert_int_eq (faccessat (top_fd, "rootfs/precious", F_OK, 0), 0);
  ck_assert_int_eq (kata_mount__remove (top_fd, "t/m", NULL), 0);
  ck_assert_int_eq (kata_mount__remove (top_fd, "t/bound-file", NULL), 0);
  ck_assert_int_eq (kata_tree__remove (top_fd, "t", NULL), 0);
  ck_assert_int_eq (faccessat (top_fd, "rootfs/precious", F_OK, 0), 0);
  ck_assert_int_eq (kata_tree__remove (top_fd, "rootfs", NULL), 0);
  ck_assert_int_eq (unlinkat (top_fd, "precious-file", 0), 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("host/tree");
  TCase *tcase = tcase_create ("remove");
  tcase_set_timeout (tcase, 60);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, everything);
  tcase_set_timeout (tcase, 60); /* a busy disk */
  tcase_add_test (tcase, deep);
  tcase_add_test (tcase, deep_beside_names_of_ours);
  tcase_add_test (tcase, mount_is_not_entered);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
