/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Control groups over a tree of plain files: v2, v1 and both; and the host's own, where there are any that can be written. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "host/cgroup.h"
#include "host/pidfd.h"

static const char v2_only[] = "24 1 0:22 / /sys rw - sysfs sysfs rw\n"
                              "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
static const char hybrid[] =
    "31 24 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
    "32 31 0:28 / /sys/fs/cgroup/unified rw shared:10 - cgroup2 cgroup2 rw\n"
    "33 31 0:29 / /sys/fs/cgroup/systemd rw shared:11 - cgroup cgroup rw,xattr,name=systemd\n"
    "34 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:12 master:1 - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:31 / /sys/fs/cgroup/a\\040b rw - cgroup cgroup rw,memory\n"
    "36 31 0:31 / /again rw - cgroup cgroup rw,memory\n"
    "37 31 0:32 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer\n"
    "38 31 0:33 broken\n";

START_TEST (hierarchies_are_found)
{
  g_autoptr (kata_cgroups) one = kata_cgroups__parse (v2_only);
  ck_assert_uint_eq (one->n, 1);
  ck_assert (one->items[0].v2);
  ck_assert_str_eq (one->items[0].dir, "/sys/fs/cgroup");
  g_autoptr (kata_cgroups) many = kata_cgroups__parse (hybrid);
  ck_assert_uint_eq (many->n, 3);
  ck_assert_str_eq (many->items[0].dir, "/sys/fs/cgroup/unified");
  ck_assert_str_eq (many->items[1].names, "cpu,cpuacct");
  ck_assert_str_eq (many->items[2].dir, "/sys/fs/cgroup/a b");
  g_autoptr (kata_cgroups) none = kata_cgroups__parse ("");
  ck_assert_uint_eq (none->n, 0);
}
END_TEST

/* ---- a tree of files ---- */

static char top[64];

static char *
path_of (const char *name)
{
  return g_strdup_printf ("%s/%s", top, name);
}

static void
file (const char *name, const char *text)
{
  g_autofree char *path = path_of (name);
  ck_assert (g_file_set_contents (path, text, -1, NULL));
}

static void
is (const char *name, const char *text)
{
  g_autofree char *path = path_of (name), *found = NULL;
  ck_assert_msg (g_file_get_contents (path, &found, NULL, NULL), "%s is missing", name);
  ck_assert_str_eq (found, text);
}

static void
tree_begin (void)
{
  strcpy (top, "/tmp/kata-cgroup-XXXXXX");
  ck_assert_ptr_nonnull (mkdtemp (top));
}

static void
tree_end (void)
{
  g_autofree char *command = g_strdup_printf ("rm -rf %s", top);
  ck_assert_int_eq (system (command), 0);
}

static kata_cgroups *
fake (const char *const *lines)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (; *lines != NULL; lines += 2) {
    g_autofree char *dir = path_of (lines[0]);
    ck_assert_int_eq (g_mkdir_with_parents (dir, 0755), 0);
    g_string_append_printf (text, "1 1 0:1 / %s rw - %s x rw,%s\n", dir, lines[1][0] == '2' ? "cgroup2" : "cgroup",
                            lines[1]);
  }
  return kata_cgroups__parse (text->str);
}

struct seen {
  GString *text;
  int fail_at;
};

static int
note (void *data, const char *dir, enum kata_cgroup_word word, kata_error **err)
{
  struct seen *seen = data;
  bool leaf = word == KATA_CGROUP_LEAF;
  ck_assert_int_ne (word, KATA_CGROUP_TAKEN);
  ck_assert (access (dir, F_OK) != 0); /* before the effect */
  if (seen->fail_at-- == 0)
    return KATA_E_IO;
  g_string_append_printf (seen->text, "%s%s ", dir + strlen (top), leaf ? "!" : "");
  return 0;
}

START_TEST (v2_is_made_limited_and_entered)
{
  tree_begin ();
  static const char *const lines[] = { "u", "2", NULL };
  g_autoptr (GString) text = g_string_new (NULL);
  struct seen seen = { text, -1 };
  g_autoptr (kata_cgroups) cgroups = fake (lines);
  g_autoptr (kata_error) err = NULL;
  file ("u/cgroup.subtree_control", "");
  ck_assert_int_eq (kata_cgroups__make (cgroups, "/pods/kata_a", note, &seen, NULL), 0);
  ck_assert_str_eq (text->str, "/u/pods /u/pods/kata_a! ");
  ck_assert_int_eq (kata_cgroups__make (cgroups, "/pods/kata_a", note, &seen, &err), KATA_E_EXISTS);
  ck_assert_int_eq (kata_cgroups__make (cgroups, "/pods/kata_b", note, &seen, NULL), 0);
  ck_assert_str_eq (text->str, "/u/pods /u/pods/kata_a! /u/pods/kata_b! ");
  ck_assert_int_eq (kata_cgroups__limit_cpu (cgroups, "/pods/kata_a", 1500, NULL), KATA_E_UNSUPPORTED);
  file ("u/pods/kata_a/cpu.max", "");
  file ("u/pods/kata_a/cgroup.procs", "");
  ck_assert_int_eq (kata_cgroups__limit_cpu (cgroups, "/pods/kata_a", 1500, NULL), 0);
  is ("u/pods/kata_a/cpu.max", "150000 100000");
  file ("u/pods/kata_a/cpu.max", ""); /* a plain file keeps what is longer */
  ck_assert_int_eq (kata_cgroups__limit_cpu (cgroups, "/pods/kata_a", 0, NULL), 0);
  is ("u/pods/kata_a/cpu.max", "max 100000");
  ck_assert_int_eq (kata_cgroups__enter (cgroups, "/pods/kata_a", 4711, NULL), 0);
  is ("u/pods/kata_a/cgroup.procs", "4711");
  ck_assert_int_eq (kata_cgroups__enter (cgroups, "/pods/kata_b", 4711, NULL), KATA_E_HOST);
  tree_end ();
}
END_TEST

START_TEST (v1_and_both)
{
  tree_begin ();
  static const char *const lines[] = { "unified", "2",      "cpu",    "cpu,cpuacct", "cpuset",
                                       "cpuset",  "memory", "memory", NULL };
  g_autoptr (GString) text = g_string_new (NULL);
  struct seen seen = { text, -1 };
  g_autoptr (kata_cgroups) cgroups = fake (lines);
  ck_assert_uint_eq (cgroups->n, 4);
  ck_assert_int_eq (kata_cgroups__make (cgroups, "/kata_a", note, &seen, NULL), 0);
  ck_assert_str_eq (text->str, "/unified/kata_a! /cpu/kata_a! /cpuset/kata_a! /memory/kata_a! ");
  static const char *const files[] = { "unified/kata_a/cgroup.procs",  "cpu/kata_a/cgroup.procs",
                                       "cpuset/kata_a/cgroup.procs",   "memory/kata_a/cgroup.procs",
                                       "cpu/kata_a/cpu.cfs_period_us", "cpu/kata_a/cpu.cfs_quota_us" };
  for (size_t i = 0; i < G_N_ELEMENTS (files); i++)
    file (files[i], "");
  ck_assert_int_eq (kata_cgroups__limit_cpu (cgroups, "/kata_a", 5, NULL), 0);
  is ("cpu/kata_a/cpu.cfs_period_us", "100000");
  is ("cpu/kata_a/cpu.cfs_quota_us", "1000");
  file ("cpu/kata_a/cpu.cfs_quota_us", "");
  ck_assert_int_eq (kata_cgroups__limit_cpu (cgroups, "/kata_a", 0, NULL), 0);
  is ("cpu/kata_a/cpu.cfs_quota_us", "-1");
  ck_assert_int_eq (kata_cgroups__enter (cgroups, "/kata_a", 12, NULL), 0);
  for (size_t i = 0; i < 4; i++)
    is (files[i], "12");
  tree_end ();
}
END_TEST

START_TEST (nothing_is_made_without_a_record)
{
  tree_begin ();
  static const char *const lines[] = { "u", "2", NULL };
  g_autoptr (GString) text = g_string_new (NULL);
  struct seen seen = { text, 1 };
  g_autoptr (kata_cgroups) cgroups = fake (lines);
  g_autofree char *above = path_of ("u/a"), *leaf = path_of ("u/a/b");
  ck_assert_int_eq (kata_cgroups__make (cgroups, "/a/b", note, &seen, NULL), KATA_E_IO);
  ck_assert (access (above, F_OK) == 0 && access (leaf, F_OK) != 0);
  ck_assert_int_eq (kata_cgroup__remove (leaf, 0, INT64_MAX, NULL), 0);
  ck_assert_int_eq (kata_cgroup__remove (above, -1, INT64_MAX, NULL), 0);
  ck_assert (access (above, F_OK) != 0);
  tree_end ();
}
END_TEST

/* Another process makes each directory just after it was recorded. */
static int
overtake (void *data, const char *dir, enum kata_cgroup_word word, kata_error **err)
{
  static const char marks[] = { '^', '!', '-' };
  GString *text = data;
  g_string_append_printf (text, "%s%c ", dir + strlen (top), marks[word]);
  ck_assert_int_eq (mkdir (dir, 0755), word == KATA_CGROUP_TAKEN ? -1 : 0);
  return 0;
}

START_TEST (somebody_was_faster)
{
  tree_begin ();
  static const char *const lines[] = { "u", "2", NULL };
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (kata_cgroups) cgroups = fake (lines);
  g_autoptr (kata_error) err = NULL;
  g_autofree char *leaf = path_of ("u/pods/kata_a");
  ck_assert_int_eq (kata_cgroups__make (cgroups, "/pods/kata_a", overtake, text, &err), KATA_E_EXISTS);
  ck_assert_str_eq (text->str, "/u/pods^ /u/pods/kata_a! /u/pods/kata_a- ");
  ck_assert_str_eq (kata_error_get_key (err), leaf);
  ck_assert (access (leaf, F_OK) == 0);
  tree_end ();
}
END_TEST

START_TEST (what_others_use_stays)
{
  tree_begin ();
  g_autofree char *above = path_of ("a"), *theirs = path_of ("a/theirs");
  ck_assert_int_eq (g_mkdir_with_parents (theirs, 0755), 0);
  ck_assert_int_eq (kata_cgroup__remove (above, -1, INT64_MAX, NULL), 0);
  ck_assert (access (theirs, F_OK) == 0);
  ck_assert_int_eq (kata_cgroup__remove (above, 0, INT64_MAX, NULL), KATA_E_IO);
  tree_end ();
}
END_TEST

/* The real thing: a child is put in, and out again when the cgroup goes. */
static int
no_record (void *data, const char *dir, enum kata_cgroup_word word, kata_error **err)
{
  g_ptr_array_add (data, g_strdup (dir));
  return 0;
}

START_TEST (the_hosts_own)
{
  g_autoptr (kata_cgroups) cgroups = NULL;
  g_autoptr (kata_error) err = NULL;
  g_autoptr (GPtrArray) made = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *path = g_strdup_printf ("/kata_test_%d", (int) getpid ());
  if (geteuid () != 0 || kata_cgroups__find (&cgroups, NULL) != 0)
    return;
  int r = kata_cgroups__make (cgroups, path, no_record, made, &err);
  pid_t pid = r == 0 ? fork () : -1;
  if (pid == 0) {
    pause ();
    _exit (0);
  }
  if (pid > 0) {
    r = kata_cgroups__enter (cgroups, path, pid, &err);
    kata_cgroups__limit_cpu (cgroups, path, 1500, NULL);
    g_autofree char *procs = g_strdup_printf ("/proc/%d/cgroup", (int) pid), *text = NULL;
    ck_assert (r != 0 || (g_file_get_contents (procs, &text, NULL, NULL) && strstr (text, path) != NULL));
  }
  for (guint i = made->len; i > 0; i--)
    ck_assert_int_eq (kata_cgroup__remove (made->pdata[i - 1], 0, INT64_MAX, NULL), 0);
  if (pid > 0) {
    kill (pid, SIGKILL);
    waitpid (pid, NULL, 0);
  }
  if (r != 0)
    printf ("the host's own cgroups cannot be used: %s\n", kata_error_get_message (err));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("host/cgroup");
  TCase *tcase = tcase_create ("cgroup");
  tcase_set_timeout (tcase, 30);
  tcase_add_test (tcase, hierarchies_are_found);
  tcase_add_test (tcase, v2_is_made_limited_and_entered);
  tcase_add_test (tcase, v1_and_both);
  tcase_add_test (tcase, nothing_is_made_without_a_record);
  tcase_add_test (tcase, somebody_was_faster);
  tcase_add_test (tcase, what_others_use_stays);
  tcase_add_test (tcase, the_hosts_own);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
