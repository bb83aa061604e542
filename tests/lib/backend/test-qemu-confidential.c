/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-qemu-confidential: what a host is said to lack for confidential guests, over folders that look like one. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "backend/qemu/vm.h"

static char *root;

static void
put (const char *path, const char *text)
{
  g_autofree char *full = g_strconcat (root, path, NULL), *folder = g_path_get_dirname (full);
  ck_assert_int_eq (g_mkdir_with_parents (folder, 0700), 0);
  ck_assert (g_file_set_contents (full, text, -1, NULL));
}

static void
lacks (const char *part)
{
  g_autofree char *why = kata_qemu__lacks_confidential (root);
  ck_assert_msg (strstr (why, part) != NULL, "%s", why);
}

/* Does this host lack something, too? */
static void
lacks_here (bool here)
{
  g_autofree char *why = kata_qemu__lacks_confidential (root);
  ck_assert_msg ((strstr (why, "; here: ") != NULL) == here, "%s", why);
}

START_TEST (amd)
{
  lacks ("neither kvm_amd");
  lacks_here (true);
  put ("/sys/module/kvm_amd/parameters/sev", "Y\n");
  lacks ("no parameter sev_snp");
  put ("/sys/module/kvm_amd/parameters/sev_snp", "N\n");
  lacks ("sev_snp is N");
  put ("/sys/module/kvm_amd/parameters/sev_snp", "Y\n");
  lacks ("/dev/sev is not there");
  put ("/dev/sev", "");
  lacks_here (false);
}
END_TEST

START_TEST (intel)
{
  put ("/sys/module/kvm_intel/parameters/ept", "Y\n");
  lacks ("no parameter tdx");
  put ("/sys/module/kvm_intel/parameters/tdx", "N\n");
  lacks ("tdx is N");
  put ("/sys/module/kvm_intel/parameters/tdx", "Y\n");
  lacks_here (false);
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
