/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-external-log: which lines of a VMM's log an error quotes. */
#include <check.h>
#include <string.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "backend/external.h"
#include "base/fd.h"

#define CHAT "2026-11-22T09:00:00.000000001: [1][1][machine_manager/src/qmp/qmp_socket.rs:163]:INFO: QMP: <-- \"{}\"\n"

static char *
why (const char *log, size_t max)
{
  const struct kata_external_logs logs = { "vmm.log", max, "console.log" };
  const kata_exit_status helper = { 0 };
  g_autofree char *dir = g_dir_make_tmp ("kata-log-XXXXXX", NULL), *path = g_build_filename (dir, "vmm.log", NULL);
  kata_auto_fd int fd = -1;
  ck_assert_int_eq (kata_external__open_dir (&fd, dir, NULL), 0);
  ck_assert (g_file_set_contents (path, log, -1, NULL));
  char *text = kata_external__why ("vmm", "ended", fd, &logs, &helper);
  g_unlink (path);
  g_rmdir (dir);
  return text;
}

static void
says (const char *log, size_t max, const char *expected)
{
  g_autofree char *text = why (log, max);
  ck_assert_str_eq (text, expected);
}

START_TEST (notable)
{
  says ("", 100, "vmm ended");
  says ("one\ntwo\n", 100, "vmm ended; it said: one\ntwo");
  says ("one\ntwo\n", 7, "vmm ended; it said: two");
  says (CHAT "x: ERROR: it failed\n\nCaused by:\n    nothing\n" CHAT CHAT, 100,
        "vmm ended; it said: x: ERROR: it failed\nCaused by:\n    nothing");
  says ("vmm: 0.1s: <main> INFO:a.rs:1 -- b\nvmm: 0.2s: <main> WARN:a.rs:2 -- c\n[id:DEBUG:x] d\n", 100,
        "vmm ended; it said: vmm: 0.2s: <main> WARN:a.rs:2 -- c");
  says ("MISINFO: here\n", 100, "vmm ended; it said: MISINFO: here");
}
END_TEST

/* Nothing else to say; a log that is longer than what is looked at; a line that is longer than what is quoted. */
START_TEST (long_ones)
{
  g_autoptr (GString) log = g_string_new ("ERROR: long ago\n");
  g_autofree char *line = g_strnfill (200, 'y'), *end = g_strnfill (100, 'y');
  g_autofree char *cut = g_strconcat ("vmm ended; it said: ", end, NULL);
  says (line, 100, cut);
  for (int i = 0; i < 2000; i++)
    g_string_append (log, CHAT);
  g_autofree char *text = why (log->str, 100);
  ck_assert_msg (g_str_has_suffix (text, "QMP: <-- \"{}\""), "%s", text);
  ck_assert_uint_le (strlen (text), 100 + strlen ("vmm ended; it said: "));
  g_string_append (log, "WARN: at last\n");
  says (log->str, 100, "vmm ended; it said: WARN: at last");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("external-log");
  TCase *tcase = tcase_create ("why");
  tcase_add_test (tcase, notable);
  tcase_add_test (tcase, long_ones);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
