/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-journal: records survive a round trip, a torn last line is tolerated, and nothing hostile in the file is believed. */
#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "base/error.h"
#include "host/tree.h"
#include "sandbox/journal.h"

static char *dir;
static int fd;
static struct kata_journal journal;

static void
setup (void)
{
  dir = g_dir_make_tmp ("kata-journal-XXXXXX", NULL);
  fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  journal = (struct kata_journal){ fd, dir, "", NULL };
}

static void
teardown (void)
{
  unlinkat (fd, KATA_JOURNAL_FILE, 0);
  close (fd);
  ck_assert_int_eq (rmdir (dir), 0);
  g_free (dir);
}

static void
record_some (void)
{
  g_autofree char *socket = g_build_filename (dir, "qmp.sock", NULL);
  kata_undo process = {
    .size = sizeof process, .kind = KATA_UNDO_PROCESS, .role = "qemu", .pid = 4194000, .start_time = 77
  };
  kata_undo file = { .size = sizeof file, .kind = KATA_UNDO_FILE, .role = "qmp", .path = socket };
  ck_assert_int_eq (kata_journal__record (&journal, &process, NULL), 0);
  ck_assert_int_eq (kata_journal__record (&journal, &file, NULL), 0);
  journal.scope = "c1";
  ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_MOUNT, "rootfs", "shared/c1/rootfs", NULL), 0);
}

START_TEST (round_trip)
{
  g_autoptr (kata_journal_log) log = NULL;
  ck_assert_int_eq (kata_journal__load (&log, fd, NULL), 0);
  ck_assert_uint_eq (log->entries->len, 0);
  record_some ();
  g_clear_pointer (&log, kata_journal_log__free);
  ck_assert_int_eq (kata_journal__load (&log, fd, NULL), 0);
  ck_assert_uint_eq (log->entries->len, 3);
  ck_assert (log->same_boot);
  ck_assert_uint_eq (log->bad_lines, 0);
  const struct kata_journal_entry *first = log->entries->pdata[0], *second = log->entries->pdata[1];
  struct kata_journal_entry *third = log->entries->pdata[2];
  ck_assert_int_eq (first->kind, KATA_UNDO_PROCESS);
  ck_assert_int_eq (first->pid, 4194000);
  ck_assert_uint_eq (first->start_time, 77);
  ck_assert_str_eq (second->path, "qmp.sock");
  ck_assert_str_eq (third->scope, "c1");
  /* What is done is forgotten, the rest stays. */
  third->done = true;
  ck_assert_int_eq (kata_journal__store (log, fd, NULL), 0);
  g_clear_pointer (&log, kata_journal_log__free);
  ck_assert_int_eq (kata_journal__load (&log, fd, NULL), 0);
  ck_assert_uint_eq (log->entries->len, 2);
  for (guint i = 0; i < 2; i++)
    ((struct kata_journal_entry *) log->entries->pdata[i])->done = true;
  ck_assert_int_eq (kata_journal__store (log, fd, NULL), 0);
  ck_assert_int_eq (faccessat (fd, KATA_JOURNAL_FILE, F_OK, 0), -1);
}
END_TEST

/* Only the newest of those that are alike, and nothing at all of another boot. */
START_TEST (forgotten)
{
  g_autoptr (kata_journal_log) log = NULL;
  ck_assert_int_eq (kata_journal__forget (&journal, KATA_UNDO_FILE, NULL, "a", NULL), 0);
  ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_FILE, "x", "a", NULL), 0);
  ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_FILE, "x", "b", NULL), 0);
  ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_FILE, "y", "a", NULL), 0);
  ck_assert_int_eq (kata_journal__forget (&journal, KATA_UNDO_FILE, "z", "a", NULL), 0);
  ck_assert_int_eq (kata_journal__forget (&journal, KATA_UNDO_DIR, NULL, "a", NULL), 0);
  ck_assert_int_eq (kata_journal__load (&log, fd, NULL), 0);
  ck_assert_uint_eq (log->entries->len, 3);
  ck_assert_int_eq (kata_journal__forget (&journal, KATA_UNDO_FILE, NULL, "a", NULL), 0);
  g_clear_pointer (&log, kata_journal_log__free);
  ck_assert_int_eq (kata_journal__load (&log, fd, NULL), 0);
  ck_assert_uint_eq (log->entries->len, 2);
  ck_assert_str_eq (((const struct kata_journal_entry *) log->entries->pdata[0])->role, "x");
  ck_assert_str_eq (((const struct kata_journal_entry *) log->entries->pdata[1])->path, "b");
  ck_assert_int_eq (kata_journal__forget (&journal, KATA_UNDO_FILE, "x", "a", NULL), 0);
  ck_assert_int_eq (kata_journal__forget (&journal, KATA_UNDO_FILE, "x", "b", NULL), 0);
  ck_assert_int_eq (faccessat (fd, KATA_JOURNAL_FILE, F_OK, 0), -1);
}
END_TEST

START_TEST (paths_outside_are_refused)
{
  const char *const bad[] = { "/etc/passwd", "../x", "a/../../x", "", "a//b", "./a", "..", "/", NULL };
  for (size_t i = 0; bad[i] != NULL; i++)
    ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_FILE, "x", bad[i], NULL), KATA_E_INTERNAL);
  g_autofree char *neighbour = g_strconcat (dir, "-other/file", NULL);
  ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_FILE, "x", neighbour, NULL), KATA_E_INTERNAL);
  ck_assert_int_eq (kata_journal__path (&journal, 17, "x", "ok", NULL), KATA_E_INTERNAL);
  ck_assert_int_eq (faccessat (fd, KATA_JOURNAL_FILE, F_OK, 0), -1);
}
END_TEST

static void
write_text (const char *text, gssize length)
{
  g_autofree char *path = g_build_filename (dir, KATA_JOURNAL_FILE, NULL);
  ck_assert (g_file_set_contents (path, text, length, NULL));
}

START_TEST (truncated_everywhere)
{
  g_autofree char *path = g_build_filename (dir, KATA_JOURNAL_FILE, NULL);
  g_autofree char *text = NULL;
  gsize length = 0;
  record_some ();
  ck_assert (g_file_get_contents (path, &text, &length, NULL));
  guint last = 0;
  for (gsize n = 0; n <= length; n++) {
    g_autoptr (kata_journal_log) log = NULL;
    write_text (text, (gssize) n);
    ck_assert_int_eq (kata_journal__load (&log, fd, NULL), 0);
    ck_assert_uint_eq (log->bad_lines, 0);
    ck_assert_uint_ge (log->entries->len, last); /* never fewer: a line counts from its newline on */
    last = log->entries->len;
  }
  ck_assert_uint_eq (last, 3);
}
END_TEST

/* What is recorded after a line that was cut short is a record all the same. */
START_TEST (written_after_a_torn_line)
{
  g_autofree char *path = g_build_filename (dir, KATA_JOURNAL_FILE, NULL);
  g_autofree char *text = NULL;
  gsize length = 0;
  record_some ();
  ck_assert (g_file_get_contents (path, &text, &length, NULL));
  for (gsize n = 0; n <= length; n++) {
    g_autoptr (kata_journal_log) log = NULL;
    write_text (text, (gssize) n);
    ck_assert_int_eq (kata_journal__path (&journal, KATA_UNDO_FILE, "later", "later", NULL), 0);
    ck_assert_int_eq (kata_journal__load (&log, fd, NULL), 0);
    ck_assert_msg (log->entries->len >= 1, "cut after %zu bytes", n);
    const struct kata_journal_entry *last = log->entries->pdata[log->entries->len - 1];
    ck_assert_msg (strcmp (last->role, "later") == 0, "cut after %zu bytes, the last is \"%s\"", n, last->role);
  }
}
END_TEST

START_TEST (flipped_bits)
{
  g_autofree char *path = g_build_filename (dir, KATA_JOURNAL_FILE, NULL);
  g_autofree char *text = NULL;
  gsize length = 0;
  record_some ();
  ck_assert (g_file_get_contents (path, &text, &length, NULL));
  for (gsize n = 0; n < length; n++)
    for (int bit = 0; bit < 8; bit++) {
      g_autoptr (kata_journal_log) log = NULL;
      g_autofree char *copy = g_memdup2 (text, length + 1);
      copy[n] = (char) (copy[n] ^ (1 << bit));
      write_text (copy, (gssize) length);
      ck_assert_int_eq (kata_journal__load (&log, fd, NULL), 0);
      for (guint i = 0; i < log->entries->len; i++) {
        const struct kata_journal_entry *entry = log->entries->pdata[i];
        ck_assert (entry->kind != KATA_UNDO_PROCESS || entry->pid > 1);
        ck_assert (entry->kind == KATA_UNDO_PROCESS || entry->path[0] != '/');
      }
    }
}
END_TEST

START_TEST (hostile_lines)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  g_autofree char *self =
      g_strdup_printf ("{\"scope\":\"\",\"kind\":0,\"role\":\"x\",\"pid\":%d,\"start_time\":1}", getpid ());
  const char *const bad[] = {
    "",
    "[]",
    "null",
    "{",
    "{\"kind\":1,\"path\":\"/etc/passwd\"}",
    "{\"kind\":1,\"path\":\"../../etc/passwd\"}",
    "{\"kind\":1}",
    "{\"kind\":9,\"path\":\"a\"}",
    "{\"kind\":4,\"role\":\"eth0\",\"path\":\"netns\",\"pid\":3,\"start_time\":1}",
    "{\"kind\":4,\"role\":\"eth0\",\"path\":\"/run/netns/a\",\"pid\":3}",
    "{\"kind\":4,\"role\":\"eth0\",\"path\":\"/run/netns/a\",\"pid\":-3,\"start_time\":1}",
    "{\"kind\":5,\"path\":\"/run/netns/a\",\"start_time\":1}",
    "{\"kind\":-1,\"path\":\"a\"}",
    "{\"kind\":0,\"pid\":1,\"start_time\":1}",
    "{\"kind\":0,\"pid\":0}",
    "{\"kind\":0,\"pid\":-5}",
    "{\"kind\":0,\"pid\":99999999999}",
    "{\"kind\":\"0\",\"pid\":5}",
    "{\"scope\":\"../x\",\"kind\":1,\"path\":\"a\"}",
    "{\"kind\":1,\"path\":\"a\",\"path\":\"b\"}",
    self,
  };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    ck_assert_msg (kata_journal__parse (arena, bad[i], strlen (bad[i])) == NULL, "believed: %s", bad[i]);
  static const char good[] = "{\"scope\":\"\",\"kind\":1,\"role\":\"x\",\"path\":\"a/b\"}";
  ck_assert_ptr_nonnull (kata_journal__parse (arena, good, strlen (good)));
}
END_TEST

START_TEST (another_boot)
{
  g_autoptr (kata_journal_log) log = NULL;
  static const char text[] = "{\"journal\":1,\"boot\":\"another\"}\n{\"scope\":\"\",\"kind\":0,\"role\":\"x\",\"pid\":"
                             "9999,\"start_time\":1}\n";
  write_text (text, -1);
  ck_assert_int_eq (kata_journal__load (&log, fd, NULL), 0);
  ck_assert (!log->same_boot);
  ck_assert_uint_eq (log->entries->len, 1);
}
END_TEST

/* What lies there holds no records, which is said, and keeps nobody from removing the rest. */
static void
expect_foreign (void)
{
  g_autoptr (kata_journal_log) log = NULL;
  ck_assert_int_eq (kata_journal__load (&log, fd, NULL), 0);
  ck_assert (log->bad_lines);
  ck_assert_uint_eq (log->entries->len, 0);
}

START_TEST (not_a_file)
{
  ck_assert_int_eq (mkfifoat (fd, KATA_JOURNAL_FILE, 0600), 0);
  expect_foreign ();
  ck_assert_int_ne (kata_journal__path (&journal, KATA_UNDO_FILE, "x", "a", NULL), 0);
  ck_assert_int_eq (unlinkat (fd, KATA_JOURNAL_FILE, 0), 0);
  ck_assert_int_eq (symlinkat ("/etc/passwd", fd, KATA_JOURNAL_FILE), 0);
  expect_foreign ();
  ck_assert_int_ne (kata_journal__path (&journal, KATA_UNDO_FILE, "x", "a", NULL), 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("sandbox/journal");
  TCase *tcase = tcase_create ("journal");
  tcase_set_timeout (tcase, 60);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, round_trip);
  tcase_add_test (tcase, forgotten);
  tcase_add_test (tcase, paths_outside_are_refused);
  tcase_add_test (tcase, truncated_everywhere);
  tcase_add_test (tcase, written_after_a_torn_line);
  tcase_add_test (tcase, flipped_bits);
  tcase_add_test (tcase, hostile_lines);
  tcase_add_test (tcase, another_boot);
  tcase_add_test (tcase, not_a_file);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
