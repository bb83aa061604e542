/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-qemu-confidential: what a host is said to lack for confidential guests, over folders that look like one. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "backend/qemu/vm.h"
#include "base/error.h"

static char *root;

static void
put (const char *path, const char *text)
{
  g_autofree char *full = g_strconcat (root, path, NULL), *folder = g_path_get_dirname (full);
  ck_assert_int_eq (g_mkdir_with_parents (folder, 0700), 0);
  ck_assert (g_file_set_contents (full, text, -1, NULL));
}

static const unsigned newest[3] = { 10, 1, 0 };

static void
lacks (const unsigned version[3], const char *part)
{
  g_autofree char *why = kata_qemu__lacks_confidential (root, version);
  ck_assert_ptr_nonnull (why);
  ck_assert_msg (strstr (why, part) != NULL, "%s", why);
}

static void
lacks_nothing (void)
{
  g_autofree char *why = kata_qemu__lacks_confidential (root, newest);
  ck_assert_msg (why == NULL, "%s", why);
}

static void
fits (int32_t kind, const char *part)
{
  const kata_vm_plan plan = { .size = sizeof plan, .confidential = kind };
  g_autoptr (kata_error) error = NULL;
  int code = kata_qemu__check_confidential (&plan, root, newest, &error);
  ck_assert_int_eq (code, part == NULL ? 0 : KATA_E_UNSUPPORTED);
  ck_assert (part == NULL || strstr (kata_error_get_message (error), part) != NULL);
}

START_TEST (amd)
{
  static const unsigned old[3] = { 9, 0, 4 };
  lacks (newest, "neither kvm_amd");
  fits (KATA_CONFIDENTIAL_SNP, "neither kvm_amd");
  fits (KATA_CONFIDENTIAL_NONE, NULL);
  put ("/sys/module/kvm_amd/parameters/sev", "Y\n");
  lacks (newest, "no parameter sev_snp");
  put ("/sys/module/kvm_amd/parameters/sev_snp", "N\n");
  lacks (newest, "sev_snp is N");
  put ("/sys/module/kvm_amd/parameters/sev_snp", "Y\n");
  lacks (newest, "/dev/sev is not there");
  put ("/dev/sev", "");
  lacks (old, "QEMU is version 9.0; 9.1 is needed");
  lacks_nothing ();
  fits (KATA_CONFIDENTIAL_SNP, NULL);
  fits (KATA_CONFIDENTIAL_TDX, "set sev_snp_guest");
}
END_TEST

START_TEST (intel)
{
  static const unsigned old[3] = { 10, 0, 0 };
  put ("/sys/module/kvm_intel/parameters/ept", "Y\n");
  lacks (newest, "no parameter tdx");
  put ("/sys/module/kvm_intel/parameters/tdx", "N\n");
  lacks (newest, "tdx is N");
  put ("/sys/module/kvm_intel/parameters/tdx", "Y\n");
  lacks (old, "QEMU is version 10.0; 10.1 is needed");
  lacks_nothing ();
  fits (KATA_CONFIDENTIAL_TDX, NULL);
  fits (KATA_CONFIDENTIAL_SNP, "leave sev_snp_guest out");
}
END_TEST

static void
setup (void)
{
  root = g_dir_make_tmp ("kata-confidential-XXXXXX", NULL);
  ck_assert_ptr_nonnull (root);
}

static void
teardown (void)
{
  static const char *const paths[] = { "/sys/module/kvm_amd/parameters/sev", "/sys/module/kvm_amd/parameters/sev_snp",
                                       "/sys/module/kvm_intel/parameters/ept", "/sys/module/kvm_intel/parameters/tdx",
                                       "/dev/sev" };
  for (size_t i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autofree char *full = g_strconcat (root, paths[i], NULL);
    g_unlink (full);
    /* Folders up to the root, as far as they are empty. */
    for (char *slash = strrchr (full, '/'); strlen (full) > strlen (root); slash = strrchr (full, '/')) {
      *slash = '\0';
      g_rmdir (full);
    }
  }
  g_free (root);
}

int
main (void)
{
  Suite *suite = suite_create ("backend/qemu-confidential");
  TCase *tc = tcase_create ("host");
  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, amd);
  tcase_add_test (tc, intel);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
