/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-kvm: when KVM is not to be trusted, and what the reason says. */
#include <check.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "host/kvm.h"

START_TEST (no_device)
{
  kata_kvm_paths paths = { "/nonexistent/kvm", "/proc/cpuinfo" };
  char reason[200];
  ck_assert (!kata_kvm__usable (&paths, reason, sizeof reason));
  ck_assert_ptr_nonnull (strstr (reason, "/nonexistent/kvm: No such file"));
}
END_TEST

START_TEST (not_kvm)
{
  kata_kvm_paths paths = { "/dev/null", "/proc/cpuinfo" };
  char reason[200];
  ck_assert (!kata_kvm__usable (&paths, reason, sizeof reason));
  ck_assert_ptr_nonnull (strstr (reason, "not a KVM device"));
}
END_TEST

#if defined(__x86_64__)
/* A device that works is not enough: here only where there is one. */
START_TEST (cpu_flags)
{
  static const struct {
    const char *cpuinfo;
    bool usable;
  } cases[] = {
    { "processor\t: 0\nflags\t\t: fpu vme vmx smx\n", true },
    { "flags\t\t: fpu svm\n", true },
    { "flags\t\t: vmx_not svm_lock fpu\n", false },
    { "flags\t\t: fpu hypervisor\nbugs\t\t: vmx\n", false },
    { "", false },
  };
  char reason[200];
  if (access ("/dev/kvm", R_OK | W_OK) != 0)
    return;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    char path[] = "/tmp/kata-test-cpuinfo-XXXXXX";
    int fd = mkstemp (path);
    ck_assert_int_eq (write (fd, cases[i].cpuinfo, strlen (cases[i].cpuinfo)), (int) strlen (cases[i].cpuinfo));
    close (fd);
    kata_kvm_paths paths = { "/dev/kvm", path };
    bool usable = kata_kvm__usable (&paths, reason, sizeof reason);
    unlink (path);
    ck_assert_int_eq (usable, cases[i].usable);
    if (!usable)
      ck_assert_ptr_nonnull (strstr (reason, "neither vmx nor svm"));
  }
}
END_TEST
#endif

int
main (void)
{
  TCase *tc = tcase_create ("kvm");
  Suite *suite = suite_create ("host/kvm");
  tcase_add_test (tc, no_device);
  tcase_add_test (tc, not_kvm);
#if defined(__x86_64__)
  tcase_add_test (tc, cpu_flags);
#endif
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
