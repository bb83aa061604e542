/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files: the search path, drop-ins and their order, what is not a regular file, the default file that is generated. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

static char *root; /* of one test's files */

static void
setup (void)
{
  root = g_dir_make_tmp ("kata-config-XXXXXX", NULL);
  ck_assert_ptr_nonnull (root);
}

static int
remove_entry (const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
  return remove (path);
}

static void
teardown (void)
{
  nftw (root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
  g_clear_pointer (&root, g_free);
}

/* A path below the root; its directory is made. */
static char *
place (const char *name)
{
  char *path = g_build_filename (root, name, NULL);
  g_autofree char *dir = g_path_get_dirname (path);
  ck_assert_int_eq (g_mkdir_with_parents (dir, 0700), 0);
  return path;
}

static char *
put (const char *name, const char *text)
{
  char *path = place (name);
  ck_assert (g_file_set_contents (path, text, -1, NULL));
  return path;
}

static kata_config *
load (const char *path, GPtrArray *warnings)
{
  kata_config *config = NULL;
  g_autoptr (kata_error) err = NULL;
  int r = kata_config__load (&config, path, NULL, warnings, &err);
  ck_assert_msg (r == 0, "%s", kata_error_get_message (err));
  return config;
}

static void
load_fails (const char *path, int code, const char *part)
{
  kata_config *config = NULL;
  g_autoptr (kata_error) err = NULL;
  int r = kata_config__load (&config, path, NULL, NULL, &err);
  ck_assert_msg (r == code, "%d: %s", r, kata_error_get_message (err));
  ck_assert_ptr_null (config);
  ck_assert_msg (strstr (kata_error_get_message (err), part) != NULL, "%s", kata_error_get_message (err));
}

START_TEST (one_file)
{
  g_autofree char *path = put ("a.toml", "[hypervisor.qemu]\ndefault_memory = 300\nunknown = 1\n");
  g_autofree char *warning = g_strdup_printf ("%s:3: hypervisor.qemu.unknown: unknown key", path);
  g_autoptr (GPtrArray) warnings = new_warnings ();
  g_autoptr (kata_config) config = load (path, warnings);
  ck_assert_int_eq (kata_config__hypervisor (config, "qemu")->default_memory, 300);
  ck_assert_str_eq (kata_config__path (config), path);
  ck_assert_str_eq (kata_config__files (config)[0], path);
  ck_assert_ptr_null (kata_config__files (config)[1]);
  ck_assert (warned (warnings, warning));
}
END_TEST

START_TEST (search_path)
{
  g_autofree char *missing = place ("none/configuration.toml");
  g_autofree char *second = put ("second.toml", "[hypervisor.qemu]\ndefault_memory = 301\n");
  g_autofree char *third = put ("third.toml", "[hypervisor.qemu]\ndefault_memory = 302\n");
  const char *search[] = { missing, second, third, NULL }, *nothing[] = { missing, NULL };
  g_autoptr (kata_config) config = NULL, defaults = NULL;
  ck_assert_int_eq (kata_config__load (&config, NULL, search, NULL, NULL), 0);
  ck_assert_int_eq (kata_config__hypervisor (config, "qemu")->default_memory, 301);
  ck_assert_int_eq (kata_config__load (&defaults, NULL, nothing, NULL, NULL), 0);
  ck_assert_str_eq (kata_config__path (defaults), "");
  load_fails (missing, KATA_E_NOT_FOUND, missing);
}
END_TEST

START_TEST (drop_ins_in_the_order_of_names)
{
  g_autofree char *base = put ("configuration.toml", "[hypervisor.qemu]\ndefault_memory = 300\ndefault_vcpus = 2\n"
                                                     "enable_annotations = [\"path\", \"kernel_params\"]\n");
  g_autofree char *second =
      put ("config.d/20-b", "[hypervisor.qemu]\ndefault_memory = 320\nenable_annotations = [\"machine_type\"]\n");
  g_autofree char *first =
      put ("config.d/10-a.toml", "[hypervisor.qemu]\ndefault_memory = 310\nkernel_params = 'quiet'\n");
  g_autoptr (kata_config) config = load (base, NULL);
  const struct kata_hypervisor_config *h = kata_config__hypervisor (config, "qemu");
  ck_assert_int_eq (h->default_memory, 320);
  ck_assert_double_eq (h->default_vcpus, 2);
  ck_assert_str_eq (h->kernel_params, "quiet");
  ck_assert_str_eq (h->enable_annotations[0], "machine_type"); /* arrays are replaced */
  ck_assert_ptr_null (h->enable_annotations[1]);
  ck_assert_str_eq (kata_config__files (config)[1], first);
  ck_assert_str_eq (kata_config__files (config)[2], second);
}
END_TEST

START_TEST (drop_ins_stand_beside_the_resolved_file)
{
  g_autofree char *base G_GNUC_UNUSED = put ("real/configuration.toml", "[hypervisor.qemu]\n");
  g_autofree char *dropin G_GNUC_UNUSED = put ("real/config.d/1", "[hypervisor.qemu]\ndefault_memory = 311\n");
  g_autofree char *other G_GNUC_UNUSED = put ("config.d/1", "[hypervisor.qemu]\ndefault_memory = 312\n");
  g_autofree char *link = place ("configuration.toml");
  ck_assert_int_eq (symlink ("real/configuration.toml", link), 0);
  g_autoptr (kata_config) config = load (link, NULL);
  ck_assert_int_eq (kata_config__hypervisor (config, "qemu")->default_memory, 311);
}
END_TEST

START_TEST (drop_in_error_names_its_line)
{
  g_autofree char *base = put ("c.toml", "");
  g_autofree char *dropin = put ("config.d/50-x", "\n[runtime]\ncreate_container_timeout = false\n");
  g_autofree char *part = g_strdup_printf ("%s:3: runtime.create_container_timeout: boolean false given", dropin);
  load_fails (base, KATA_E_CONFIG, part);
}
END_TEST

START_TEST (only_regular_files)
{
  g_autofree char *base = put ("c.toml", "");
  g_autofree char *dir G_GNUC_UNUSED = place ("config.d/dir/x");
  g_autofree char *fifo = place ("fifo");
  load_fails (base, KATA_E_CONFIG, "not a regular file");
  load_fails (root, KATA_E_CONFIG, "not a regular file");
  load_fails ("/dev/zero", KATA_E_CONFIG, "not a regular file");
  ck_assert_int_eq (mkfifo (fifo, 0600), 0);
  load_fails (fifo, KATA_E_CONFIG, "not a regular file");
}
END_TEST

START_TEST (drop_in_fifo_does_not_block)
{
  g_autofree char *base = put ("c.toml", "");
  g_autofree char *fifo = place ("config.d/fifo");
  ck_assert_int_eq (mkfifo (fifo, 0600), 0);
  load_fails (base, KATA_E_CONFIG, "not a regular file");
}
END_TEST

START_TEST (dangling_drop_in)
{
  g_autofree char *base = put ("c.toml", "");
  g_autofree char *link = place ("config.d/link");
  ck_assert_int_eq (symlink ("/nonexistent/file", link), 0);
  load_fails (base, KATA_E_NOT_FOUND, "config.d/link");
}
END_TEST

START_TEST (too_much)
{
  g_autofree char *large = g_strnfill (KATA_CONFIG_BYTES_MAX + 1, '#');
  g_autofree char *base = put ("large.toml", large);
  load_fails (base, KATA_E_LIMIT, "larger than");
  g_autofree char *small = put ("many/c.toml", "");
  for (int i = 0; i <= KATA_CONFIG_DROPINS_MAX; i++) {
    g_autofree char *name = g_strdup_printf ("many/config.d/%d", i);
    g_autofree char *path G_GNUC_UNUSED = put (name, "");
  }
  load_fails (small, KATA_E_LIMIT, "more than");
}
END_TEST

START_TEST (the_default_file)
{
  const char *path = g_getenv ("KATA_TEST_CONFIGURATION");
  g_autoptr (GPtrArray) warnings = new_warnings ();
  g_autofree char *text = NULL;
  g_autoptr (GString) active = g_string_new (NULL);
  gsize len = 0;
  ck_assert_ptr_nonnull (path);
  ck_assert (g_file_get_contents (path, &text, &len, NULL));
  g_autoptr (kata_config) config = parse (text, warnings);
  ck_assert_int_eq (warnings->len, 0);
  ck_assert_str_eq (kata_config__hypervisor_name (config), ""); /* the library chooses */
  /* Every key directly behind a # is at its default: taking the # away changes nothing and is no error. */
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    gboolean is_pair = **line == '#' && g_ascii_islower ((*line)[1]);
    g_string_append_printf (active, "%s\n", is_pair ? *line + 1 : *line);
  }
  g_autoptr (kata_config) all = parse (active->str, warnings);
  for (guint i = 0; i < warnings->len; i++)
    ck_assert_msg (strstr (warnings->pdata[i], "passes this key over") != NULL ||
                       strstr (warnings->pdata[i], "off: ") != NULL,
                   "%s", (char *) warnings->pdata[i]);
  const struct kata_hypervisor_config *a = kata_config__hypervisor (all, "qemu"),
                                      *b = kata_config__hypervisor (config, "qemu");
  ck_assert_int_eq (a->default_memory, b->default_memory);
  ck_assert_str_eq (a->seccomp_sandbox, b->seccomp_sandbox);
  ck_assert_int_gt (strlen (active->str), 1000);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("config/load");
  TCase *tests = tcase_create ("load");
  tcase_set_timeout (tests, 30);
  tcase_add_checked_fixture (tests, setup, teardown);
  tcase_add_test (tests, one_file);
  tcase_add_test (tests, search_path);
  tcase_add_test (tests, drop_ins_in_the_order_of_names);
  tcase_add_test (tests, drop_ins_stand_beside_the_resolved_file);
  tcase_add_test (tests, drop_in_error_names_its_line);
  tcase_add_test (tests, only_regular_files);
  tcase_add_test (tests, drop_in_fifo_does_not_block);
  tcase_add_test (tests, dangling_drop_in);
  tcase_add_test (tests, too_much);
  tcase_add_test (tests, the_default_file);
  suite_add_tcase (suite, tests);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
