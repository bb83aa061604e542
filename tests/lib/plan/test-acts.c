/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-acts: a key that a hypervisor passes over changes nothing of its plan, and refuses none. */
#include <check.h>
#include <stdlib.h>

#include "setup.h"

static kata_plan *
made (const char *hypervisor, const char *keys)
{
  struct setup s;
  kata_plan *plan = NULL;
  g_autoptr (kata_error) error = NULL;
  g_autofree char *toml =
      g_strdup_printf ("[hypervisor.%s]\ndefault_maxvcpus = 4\ndefault_maxmemory = 1024\n%s\n", hypervisor, keys);
  setup_init (&s, toml);
  kata_capabilities__grant (&s.caps, KATA_CAP_MEMORY_RESIZE);
  s.in.hypervisor = hypervisor;
  int rc = kata_plan__make (&plan, &s.in, &error);
  ck_assert_msg (rc == 0, "%s: %s", keys, error != NULL ? kata_error_get_message (error) : "");
  setup_clear (&s);
  return plan;
}

/* disable_seccomp is what switches these filters off. */
START_TEST (filter)
{
  static const char *const others[] = { "clh", "fc", "stratovirt" };
  for (size_t i = 0; i < G_N_ELEMENTS (others); i++) {
    g_autoptr (kata_plan) on = made (others[i], "seccomp_sandbox = \"off\"");
    ck_assert_str_eq (on->vm.seccomp_sandbox, "");
    g_autoptr (kata_plan) off = made (others[i], "disable_seccomp = true");
    ck_assert_str_eq (off->vm.seccomp_sandbox, "off");
  }
  g_autoptr (kata_plan) qemu = made ("qemu", "seccomp_sandbox = \"off\"");
  ck_assert_str_eq (qemu->vm.seccomp_sandbox, "off");
}
END_TEST

START_TEST (nodes)
{
  g_autoptr (kata_plan) clh = made ("clh", "enable_numa = true\nnuma_mapping = [\"0\", \"nonsense\"]");
  ck_assert_ptr_null (clh->vm.numa);
  ck_assert_uint_eq (clh->vm.max_memory_mib, 1024);
  g_autoptr (kata_plan) microvm = made ("stratovirt", "enable_numa = true\nmachine_type = \"microvm\"");
  ck_assert_ptr_null (microvm->vm.numa);
  /* Here the plan warns that the host has one node, and the key does nothing. */
  g_autoptr (kata_plan) one = made ("qemu", "enable_numa = true");
  ck_assert_ptr_null (one->vm.numa);
  ck_assert_uint_eq (one->vm.max_memory_mib, 1024);
  g_autoptr (kata_plan) bound = made ("qemu", "enable_numa = true\nnuma_mapping = [\"0\"]");
  ck_assert_uint_eq (bound->vm.max_memory_mib, bound->vm.memory_mib);
}
END_TEST

START_TEST (disk_io)
{
  g_autoptr (kata_plan) clh = made ("clh", "block_device_aio = \"native\"");
  ck_assert_int_eq (clh->vm.block_cache_direct, 0);
  g_autoptr (kata_plan) acrn = made ("acrn", "block_device_aio = \"native\"");
  ck_assert_int_eq (acrn->vm.block_cache_direct, 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("plan/acts");
  TCase *tcase = tcase_create ("acts");
  tcase_add_test (tcase, filter);
  tcase_add_test (tcase, nodes);
  tcase_add_test (tcase, disk_io);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
