/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What limits make of a sandbox: its size, as Kata's runtime in Rust sizes, and its place among the host's cgroups. */
#include <check.h>
#include <stdlib.h>

#include "setup.h"

#define MIB (UINT64_C (1) << 20)

static kata_plan *
plan_of (const char *toml, const kata_sandbox_options *options, kata_error **err)
{
  struct setup s;
  kata_plan *plan = NULL;
  setup_init (&s, toml);
  if (options != NULL) {
    s.options = *options;
    s.options.id = "box";
  }
  kata_plan__make (&plan, &s.in, err);
  setup_clear (&s);
  return plan;
}

static const char kata_example[] = "[hypervisor.qemu]\ndefault_vcpus = 2\ndefault_memory = 1024\n"
                                   "overhead_vcpus = 0.5\noverhead_memory = 128\n";
static const char no_overhead[] = "[hypervisor.qemu]\ndefault_vcpus = 2\ndefault_memory = 1024\n"
                                  "overhead_vcpus = 0\noverhead_memory = 0\n";

/* The examples of Kata's documentation first. */
static const struct {
  const char *toml;
  uint32_t cpu_milli;
  uint64_t memory;
  uint32_t vcpus;
  uint64_t mib;
} sizes[] = {
  { kata_example, 1500, 600 * MIB, 2, 728 },
  { kata_example, 0, 512 * MIB, 1, 640 },
  { kata_example, 1500, 0, 2, 1024 }, /* Kata: 128, which does not boot */
  { no_overhead, 1500, 600 * MIB, 2, 600 },
  { no_overhead, 0, 0, 2, 1024 },
  { kata_example, 0, 0, 2, 1024 },
  { "", 800, 64 * MIB, 1, 128 },
  { "", 801, 64 * MIB + 1, 2, 130 },
  { "", 1, 1, 1, 66 },
  { "", 99000, 0, 4, 256 },       /* the host has four */
  { "", 0, UINT64_MAX, 1, 8192 }, /* and 8 GiB */
  { "", UINT32_MAX, 8191 * MIB, 4, 8192 },
};

START_TEST (limits_size_the_machine)
{
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  options.limit_cpu_milli = sizes[_i].cpu_milli;
  options.limit_memory_bytes = sizes[_i].memory;
  g_autoptr (kata_plan) plan = plan_of (sizes[_i].toml, &options, NULL);
  ck_assert_ptr_nonnull (plan);
  ck_assert_uint_eq (plan->vm.vcpus, sizes[_i].vcpus);
  ck_assert_uint_eq (plan->vm.memory_mib, sizes[_i].mib);
}
END_TEST

START_TEST (options_come_before_limits)
{
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  options.limit_cpu_milli = 3000;
  options.limit_memory_bytes = 512 * MIB;
  options.vcpus = 1;
  options.memory_mib = 300;
  g_autoptr (kata_plan) plan = plan_of ("", &options, NULL);
  ck_assert_uint_eq (plan->vm.vcpus, 1);
  ck_assert_uint_eq (plan->vm.memory_mib, 300);
}
END_TEST

START_TEST (too_small_is_refused)
{
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  g_autoptr (kata_error) err = NULL;
  options.limit_memory_bytes = 8 * MIB;
  ck_assert_ptr_null (plan_of (no_overhead, &options, &err));
  ck_assert_int_eq (kata_error_get_code (err), KATA_E_CONFIG);
  ck_assert_str_eq (kata_error_get_key (err), "hypervisor.qemu.overhead_memory");
}
END_TEST

static const struct {
  const char *text, *path; /* NULL: refused */
} places[] = {
  { "", "" },
  { "/a/b", "/a/kata_b" },
  { "a//b/", "/a/kata_b" },
  { "/libpod_parent/libpod-12", "/libpod_parent/kata_libpod-12" },
  { "/x:y/z", "/x:y/kata_z" },
  { "machine.slice:libpod:12", "/machine.slice/kata_libpod-12.scope" },
  { "kubepods-burstable-pod7.slice:cri-containerd:12",
    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod7.slice/kata_cri-containerd-12.scope" },
  { ":p:n", "/system.slice/kata_p-n.scope" },
  { "-.slice::n", "/kata_n.scope" },
  { "/", NULL },
  { "/a/../b", NULL },
  { "/a/./b", NULL },
  { "a\nb", NULL },
  { "a:b", NULL },
  { "a.slice:b:c:d", NULL },
  { "a.slice:b:", NULL },
  { "a--b.slice:p:n", NULL },
  { "-a.slice:p:n", NULL },
  { "a-.slice:p:n", NULL },
  { ".slice:p:n", NULL },
  { "a.scope:p:n", NULL },
  { "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27/28/29/30/31/32/33", NULL },
};

START_TEST (cgroups_are_places)
{
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  g_autoptr (kata_error) err = NULL;
  options.cgroup = places[_i].text;
  g_autoptr (kata_plan) plan = plan_of ("", &options, &err);
  if (places[_i].path == NULL) {
    ck_assert_ptr_null (plan);
    ck_assert_int_eq (kata_error_get_code (err), KATA_E_INVALID);
    ck_assert_str_eq (kata_error_get_key (err), "cgroup");
    return;
  }
  ck_assert_ptr_nonnull (plan);
  ck_assert_str_eq (plan->cgroup, places[_i].path);
  ck_assert (!plan->cgroup_caller);
  ck_assert_uint_eq (plan->cgroup_cpu_milli, 0);
}
END_TEST

START_TEST (cgroup_has_the_limit_and_the_overhead)
{
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  options.cgroup = "/a";
  options.limit_cpu_milli = 500;
  g_autoptr (kata_plan) plan = plan_of ("[runtime]\nsandbox_cgroup_only = true\n", &options, NULL);
  ck_assert (plan->cgroup_caller);
  ck_assert_uint_eq (plan->cgroup_cpu_milli, 700);
  g_autofree char *json = kata_plan__to_json (plan);
  ck_assert_ptr_nonnull (strstr (json, "\"path\": \"/kata_a\""));
  /* What a quota that means "no limit" comes to. */
  options.limit_cpu_milli = UINT32_MAX;
  g_autoptr (kata_plan) most = plan_of ("", &options, NULL);
  ck_assert_uint_eq (most->cgroup_cpu_milli, UINT32_MAX);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("plan/resources");
  TCase *tcase = tcase_create ("resources");
  tcase_add_loop_test (tcase, limits_size_the_machine, 0, G_N_ELEMENTS (sizes));
  tcase_add_test (tcase, options_come_before_limits);
  tcase_add_test (tcase, too_small_is_refused);
  tcase_add_loop_test (tcase, cgroups_are_places, 0, G_N_ELEMENTS (places));
  tcase_add_test (tcase, cgroup_has_the_limit_and_the_overhead);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
