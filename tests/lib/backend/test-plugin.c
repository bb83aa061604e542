/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-plugin: which files are loaded as a backend, which are refused, and with what error; the .so files are made from plugins.c. */
#include <check.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include <kata/kata.h>
#include <kata/sys/backend.h>

#include "base/error.h"

static char *dir; /* as the kernel names it: no symbolic link on the way */
static kata_runtime *runtime;

static kata_runtime *
new_runtime (void)
{
  kata_runtime_options options = KATA_RUNTIME_OPTIONS_INIT;
  kata_runtime *made = NULL;
  g_autoptr (kata_error) error = NULL;
  g_autofree char *config = g_build_filename (dir, "configuration.toml", NULL);
  ck_assert (g_file_set_contents (config, "", 0, NULL));
  options.state_dir = dir;
  options.config_path = config;
  ck_assert_msg (kata_runtime_new (&made, &options, &error) == 0, "%s", kata_error_get_message (error));
  return made;
}

static void
setup (void)
{
  g_autofree char *made = g_dir_make_tmp ("kata-plugin-XXXXXX", NULL);
  umask (022);
  dir = realpath (made, NULL);
  runtime = new_runtime ();
}

static void
teardown (void)
{
  const char *const args[] = { "rm", "-rf", dir, NULL };
  kata_runtime_unref (runtime);
  ck_assert (g_spawn_sync (NULL, (char **) args, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL));
  free (dir);
}

/* Where it is put; @length: how much of it, -1 = all. g_free(). */
static char *
put (const char *plugin, const char *name, gssize length)
{
  g_autofree char *file = g_strdup_printf ("plugin-%s.so", plugin);
  g_autofree char *source = g_build_filename (g_getenv ("KATA_TESTS_PLUGINS"), file, NULL);
  g_autofree char *data = NULL;
  gsize whole;
  char *path = g_build_filename (dir, name, NULL);
  ck_assert_msg (g_file_get_contents (source, &data, &whole, NULL), "%s", source);
  ck_assert (length <= (gssize) whole);
  ck_assert (g_file_set_contents_full (path, data, length < 0 ? (gssize) whole : length, G_FILE_SET_CONTENTS_NONE, 0644,
                                       NULL));
  return path;
}

/* @key NULL: the path. */
static void
refused (const char *path, int code, const char *key, const char *text)
{
  g_autoptr (kata_error) error = NULL;
  int r = kata_runtime_load_backend (runtime, path, &error);
  ck_assert_msg (r == code, "%s: %d, not %d: %s", path, r, code, kata_error_get_message (error));
  ck_assert_str_eq (kata_error_get_key (error), key != NULL ? key : path);
  ck_assert_msg (strstr (kata_error_get_message (error), text) != NULL, "%s", kata_error_get_message (error));
  ck_assert_msg (strstr (kata_error_get_message (error), "/proc/self") == NULL, "%s", kata_error_get_message (error));
  ck_assert_int_eq (kata_runtime_load_backend (runtime, path, NULL), code);
}

static bool
knows (kata_runtime *of, const char *name)
{
  char **names = NULL;
  ck_assert_int_eq (kata_runtime_list_hypervisors (&names, of, NULL), 0);
  bool found = g_strv_contains ((const char *const *) names, name);
  kata_strv_free (names);
  return found;
}

static void
loads (kata_runtime *into, const char *path, const char *name)
{
  g_autoptr (kata_error) error = NULL;
  ck_assert_msg (kata_runtime_load_backend (into, path, &error) == 0, "%s", kata_error_get_message (error));
  ck_assert (knows (into, name));
}

static bool
mapped (const char *path)
{
  g_autofree char *maps = NULL;
  ck_assert (g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL));
  return strstr (maps, path) != NULL;
}

static int
lowest_fd (void)
{
  int fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  ck_assert_int_ge (fd, 0);
  close (fd);
  return fd;
}

/* Two files in a row come by descriptors of the same number, and the loader knows libraries by name; each runtime has its own list. */
START_TEST (each_is_itself)
{
  int fd = lowest_fd ();
  g_autofree char *good = put ("good", "a.so", -1), *other = put ("other", "b.so", -1);
  loads (runtime, good, "good");
  loads (runtime, other, "other");
  refused (good, KATA_E_EXISTS, "good", "good");
  kata_runtime *second = new_runtime ();
  loads (second, other, "other");
  ck_assert (!knows (second, "good"));
  kata_runtime_unref (second);
  ck_assert (mapped (other));
  /* Another file in its place is another library. */
  ck_assert_int_eq (g_unlink (other), 0);
  g_autofree char *again = put ("good", "b.so", -1);
  second = new_runtime ();
  loads (second, again, "good");
  ck_assert (!knows (second, "other"));
  kata_runtime_unref (second);
  ck_assert_int_eq (lowest_fd (), fd);
}
END_TEST

START_TEST (tables_that_are_wrong)
{
  static const struct {
    const char *plugin;
    int code;
    const char *key, *text;
  } wrong[] = {
    { "bigger", KATA_E_INVALID, "size", "not as long as it says" },
    { "smaller", KATA_E_INVALID, "size", "not as long as it says" },
    { "tiny", KATA_E_INVALID, "size", "not as long as it says" },
    { "newer", KATA_E_UNSUPPORTED, "abi", "newer libkata" },
    { "older", KATA_E_INVALID, "abi", "rebuild" },
    { "no-verb", KATA_E_INVALID, "stop", "missing" },
    { "taken", KATA_E_EXISTS, "qemu", "already" },
    { "no-table", KATA_E_INVALID, KATA_BACKEND_SYMBOL, "exports no" },
    { "function", KATA_E_INVALID, KATA_BACKEND_SYMBOL, "no variable" },
    { "unresolved", KATA_E_INVALID, NULL, "kata_nobody_has_this" },
  };
  int fd = lowest_fd ();
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autofree char *path = put (wrong[i].plugin, wrong[i].plugin, -1);
    refused (path, wrong[i].code, wrong[i].key, wrong[i].text);
    ck_assert_msg (!mapped (path), "%s is still loaded", path);
  }
  ck_assert (!knows (runtime, "good"));
  ck_assert_int_eq (lowest_fd (), fd);
}
END_TEST

START_TEST (what_is_no_library)
{
  static const gssize lengths[] = { 0, 3, 63, 64, 200, 1000, 4096, 5000, 9000 };
  int fd = lowest_fd ();
  for (size_t i = 0; i < G_N_ELEMENTS (lengths); i++) {
    g_autofree char *cut = put ("good", "cut.so", lengths[i]);
    refused (cut, KATA_E_INVALID, NULL, "cannot be loaded");
  }
  g_autofree char *text = g_build_filename (dir, "text.so", NULL), *fifo = g_build_filename (dir, "fifo", NULL);
  g_autofree char *gone = g_build_filename (dir, "gone.so", NULL), *below = g_build_filename (text, "x.so", NULL);
  ck_assert (g_file_set_contents (text, "#!/bin/sh\n", -1, NULL));
  ck_assert_int_eq (mkfifo (fifo, 0600), 0);
  refused (text, KATA_E_INVALID, NULL, "cannot be loaded");
  refused (fifo, KATA_E_INVALID, NULL, "not a regular file");
  refused (dir, KATA_E_INVALID, NULL, "not a regular file");
  refused ("/dev/null", KATA_E_INVALID, NULL, "not a regular file");
  refused (gone, KATA_E_NOT_FOUND, NULL, "no such file");
  refused (below, KATA_E_NOT_FOUND, NULL, "no such file");
  refused ("", KATA_E_INVALID, NULL, "absolute");
  refused ("/", KATA_E_INVALID, NULL, "absolute");
  refused ("a.so", KATA_E_INVALID, NULL, "absolute");
  ck_assert_int_eq (kata_runtime_load_backend (runtime, NULL, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_runtime_load_backend (NULL, text, NULL), KATA_E_INVALID);
  ck_assert_int_eq (lowest_fd (), fd);
}
END_TEST

START_TEST (whose_it_is)
{
  g_autofree char *path = put ("good", "a.so", -1), *link = g_build_filename (dir, "link.so", NULL);
  g_autofree char *folder = g_build_filename (dir, "folder", NULL), *through = g_build_filename (folder, "a.so", NULL);
  g_autofree char *up = g_build_filename (dir, "..", "a.so", NULL);
  ck_assert_int_eq (symlink (path, link), 0);
  ck_assert_int_eq (symlink (dir, folder), 0);
  refused (link, KATA_E_PERMISSION, NULL, "symbolic link");
  refused (through, KATA_E_PERMISSION, NULL, "symbolic link");
  refused (up, KATA_E_NOT_FOUND, NULL, "no such file");
  static const mode_t modes[] = { 0664, 0646, 0777 };
  for (size_t i = 0; i < G_N_ELEMENTS (modes); i++) {
    ck_assert_int_eq (chmod (path, modes[i]), 0);
    refused (path, KATA_E_PERMISSION, NULL, "others can write");
  }
  ck_assert_int_eq (chmod (path, 0644), 0);
  /* Somebody else's: only root can make one, and only where it has that user. */
  if (geteuid () == 0 && chown (path, 12345, 0) == 0) {
    refused (path, KATA_E_PERMISSION, NULL, "user 12345");
    ck_assert_int_eq (chown (path, 0, 0), 0);
  }
  ck_assert (!mapped (path));
  loads (runtime, path, "good");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("backend/plugin");
  TCase *tcase = tcase_create ("plugin");
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, each_is_itself);
  tcase_add_test (tcase, tables_that_are_wrong);
  tcase_add_test (tcase, what_is_no_library);
  tcase_add_test (tcase, whose_it_is);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
