/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-clh-events: what an event monitor writes, whole, in parts, and nonsense. */
#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "backend/clh/events.h"

#define BOOTED "{\n  \"source\": \"vm\",\n  \"event\": \"booted\",\n  \"properties\": null\n}\n\n"
#define REMOVED                                                                                                        \
  "{\"source\":\"vm\",\"event\":\"device-removed\",\"properties\":{\"id\":\"port1\",\"bdf\":\"0000:00:05.0\"}}\n\n"
#define PANIC "{\"source\":\"guest\",\"event\":\"panic\",\"properties\":{\"event\":\"panic\"}}\n\n"

static void
collect (void *data, const struct kata_clh_event *event)
{
  g_string_append_printf (data, "%s/%s(%s,%s);", event->source, event->name, event->id, event->what);
}

static char *
parsed (const char *text, size_t len, size_t *done)
{
  GString *out = g_string_new (NULL);
  *done = kata_clh__parse_events (text, len, collect, out);
  return g_string_free (out, FALSE);
}

START_TEST (whole_events)
{
  static const char text[] = BOOTED REMOVED PANIC "{\"sour";
  size_t done;
  g_autofree char *out = parsed (text, strlen (text), &done);
  ck_assert_str_eq (out, "vm/booted(,);vm/device-removed(port1,);guest/panic(,panic);");
  ck_assert_uint_eq (done, strlen (text) - strlen ("{\"sour"));
}
END_TEST

/* Nothing is told twice and nothing is lost, wherever a write ends. */
START_TEST (cut_anywhere)
{
  static const char text[] = BOOTED REMOVED PANIC;
  for (size_t cut = 0; cut <= strlen (text); cut++) {
    size_t first, second;
    g_autofree char *one = parsed (text, cut, &first);
    g_autofree char *two = parsed (text + first, strlen (text) - first, &second);
    g_autofree char *both = g_strconcat (one, two, NULL);
    ck_assert_str_eq (both, "vm/booted(,);vm/device-removed(port1,);guest/panic(,panic);");
    ck_assert_uint_eq (first + second, strlen (text));
  }
}
END_TEST

START_TEST (nonsense)
{
  static const char junk[] =
      "\xff\xfe{]\n\n[]\n\n\n\n\n{\"source\":7,\"event\":[],\"properties\":[1]}\n\n\0\n\n" BOOTED;
  size_t done;
  g_autofree char *out = parsed (junk, sizeof junk - 1, &done);
  ck_assert_str_eq (out, "/(,);vm/booted(,);");
  g_autofree char *deep = g_strnfill (1000000, '[');
  g_autofree char *none = parsed (deep, 1000000, &done);
  ck_assert_str_eq (none, "");
  ck_assert_uint_eq (done, 999999);
}
END_TEST

/* From a file, through a flood: the last is read, and what comes after it. */
START_TEST (flood)
{
  g_autofree char *dir = g_dir_make_tmp ("kata-events-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, KATA_CLH_EVENTS_LOG, NULL);
  g_autoptr (GString) out = g_string_new (NULL);
  int64_t at = 0;
  int dir_fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  kata_clh__read_events (dir_fd, &at, collect, out); /* there is no file yet */
  int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
  g_autofree char *letters = g_strnfill (3000000, 'a');
  ck_assert_int_eq (write (fd, BOOTED, strlen (BOOTED)), (ssize_t) strlen (BOOTED));
  ck_assert_int_eq (write (fd, letters, 3000000), 3000000);
  ck_assert_int_eq (write (fd, "\n\n" PANIC, strlen (PANIC) + 2), (ssize_t) strlen (PANIC) + 2);
  kata_clh__read_events (dir_fd, &at, collect, out);
  ck_assert_str_eq (out->str, "guest/panic(,panic);");
  kata_clh__read_events (dir_fd, &at, collect, out);
  ck_assert_int_eq (write (fd, REMOVED, strlen (REMOVED)), (ssize_t) strlen (REMOVED));
  kata_clh__read_events (dir_fd, &at, collect, out);
  ck_assert_str_eq (out->str, "guest/panic(,panic);vm/device-removed(port1,);");
  ck_assert_int_eq (at, lseek (fd, 0, SEEK_END));
  close (fd);
  close (dir_fd);
  g_unlink (path);
  g_rmdir (dir);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("clh-events");
  TCase *tcase = tcase_create ("clh-events");
  tcase_add_test (tcase, whole_events);
  tcase_add_test (tcase, cut_anywhere);
  tcase_add_test (tcase, nonsense);
  tcase_add_test (tcase, flood);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
