/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-check: what the report on the host tells each hypervisor's user to do; not what the host has. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <glib/gstdio.h>

#include <kata/kata.h>

#include "base/json.h"

static const char config[] = "[hypervisor.qemu]\npath = \"/nonexistent/qemu\"\nkernel = \"/\"\n"
                             "[hypervisor.builtin]\npath = \"/nonexistent/kata-vmm\"\n";

/* The report over @hypervisor with neither program there; in @arena. */
static const kata_json *
report (kata_arena *arena, const char *hypervisor)
{
  g_autoptr (kata_error) error = NULL;
  g_autofree char *dir = g_dir_make_tmp ("kata-check-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "configuration.toml", NULL);
  kata_runtime_options options = KATA_RUNTIME_OPTIONS_INIT;
  kata_runtime *runtime = NULL;
  const kata_json *rows = NULL;
  char *json = NULL;
  ck_assert (g_file_set_contents (path, config, -1, NULL));
  options.config_path = path;
  options.state_dir = dir;
  options.hypervisor = hypervisor;
  int rc = kata_runtime_new (&runtime, &options, &error);
  ck_assert_msg (rc == 0, "%s", kata_error_get_message (error));
  rc = kata_runtime_check (&json, runtime, &error);
  ck_assert_msg (rc == 0, "%s", kata_error_get_message (error));
  rc = kata_json__parse (&rows, arena, json, strlen (json), NULL, KATA_E_INTERNAL, &error);
  ck_assert_msg (rc == 0, "%s", kata_error_get_message (error));
  kata_free (json);
  kata_runtime_unref (runtime);
  g_unlink (path);
  ck_assert_int_eq (g_rmdir (dir), 0);
  return rows;
}

static const kata_json *
row (const kata_json *rows, const char *name)
{
  for (const kata_json *at = rows->first; at != NULL; at = at->next)
    if (strcmp (kata_json__get (at, "name")->text, name) == 0)
      return at;
  ck_abort_msg ("there is no row %s", name);
}

static const char *
remedy (const kata_json *found)
{
  ck_assert (!kata_json__get (found, "ok")->truth);
  return kata_json__get (found, "remedy")->text;
}

START_TEST (qemu_is_a_package)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  const kata_json *rows = report (arena, "qemu");
  ck_assert_ptr_nonnull (strstr (remedy (row (rows, "hypervisor")), "qemu-system-x86"));
  ck_assert (!kata_json__get (row (rows, "kvm"), "required")->truth);
}
END_TEST

/* It lacks KVM, or the program, by what this host has; never a QEMU. */
START_TEST (builtin_lacks_kvm_or_its_program)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  const kata_json *rows = report (arena, "builtin");
  const kata_json *kvm = row (rows, "kvm"), *found = row (rows, "hypervisor");
  const char *what = kata_json__get (kvm, "ok")->truth ? "kata-vmm" : "vmx or svm";
  ck_assert_ptr_nonnull (strstr (remedy (found), what));
  ck_assert_ptr_null (strstr (remedy (found), "qemu-system-x86"));
  ck_assert (kata_json__get (kvm, "required")->truth);
}
END_TEST

/* What is there but no file is not said to be missing, nor is it a success. */
START_TEST (kernel_is_a_directory)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  const kata_json *found = row (report (arena, "qemu"), "guest-kernel");
  ck_assert (!kata_json__get (found, "ok")->truth);
  ck_assert_str_eq (kata_json__get (found, "detail")->text, "/: no file");
}
END_TEST

START_TEST (what_works_needs_no_remedy)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  const kata_json *found = row (report (arena, "null"), "hypervisor");
  ck_assert (kata_json__get (found, "ok")->truth);
  ck_assert_ptr_null (kata_json__get (found, "remedy"));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("check");
  TCase *tc = tcase_create ("check");
  tcase_add_test (tc, qemu_is_a_package);
  tcase_add_test (tc, builtin_lacks_kvm_or_its_program);
  tcase_add_test (tc, kernel_is_a_directory);
  tcase_add_test (tc, what_works_needs_no_remedy);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
