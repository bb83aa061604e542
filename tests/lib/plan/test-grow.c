/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How large a running machine should be: with the sum of the limits, with limits that sized it at its start, and where it does not follow them. */
#include "plan/grow.h"

#include <check.h>
#include <stdlib.h>

#include "setup.h"

#define ROOM "default_vcpus = 1\ndefault_memory = 256\ndefault_maxvcpus = 4\ndefault_maxmemory = 1000\n"
#define MIB  (UINT64_C (1) << 20)

static const struct {
  const char *toml;
  uint32_t asked, limit_milli;
  uint64_t limit_mib;
  struct kata_limits limits;
  uint32_t vcpus;
  uint64_t memory_mib;
} cases[] = {
  { "[hypervisor.qemu]\n" ROOM, 0, 0, 0, { 0, 0 }, 0, 0 },
  { "[hypervisor.qemu]\n" ROOM, 0, 0, 0, { 1000, 0 }, 2, 0 },
  { "[hypervisor.qemu]\n" ROOM, 0, 0, 0, { 1001, 100 * MIB + 1 }, 3, 357 },
  { "[hypervisor.qemu]\n" ROOM, 2, 0, 0, { 500, 0 }, 3, 0 },
  { "[hypervisor.qemu]\n" ROOM,
    0,
    0,
    0,
    { 90000, 4000 * MIB },
    91,
    4256 }, /* what there is room for is the caller's to see */
  { "[hypervisor.qemu]\n" ROOM, 0, 0, 0, { UINT64_MAX, UINT64_MAX }, UINT32_MAX, 256 + (UINT64_C (1) << 44) },
  /* By the engine's limits: overhead_vcpus, overhead_memory and these. The same limits again ask for no more. */
  { "[hypervisor.qemu]\n" ROOM, 0, 2000, 200, { 2000, 200 * MIB }, 3, 264 },
  { "[hypervisor.qemu]\n" ROOM, 0, 2000, 0, { 2000, 200 * MIB }, 3, 456 },
  { "[hypervisor.qemu]\ndefault_vcpus = 1\ndefault_maxvcpus = 4\n", 0, 0, 0, { 1000, 100 * MIB }, 2, 0 },
  { "[hypervisor.qemu]\n", 0, 0, 0, { 1000, 100 * MIB }, 0, 0 },
  { "[hypervisor.qemu]\n" ROOM "[runtime]\nstatic_sandbox_resource_mgmt = true\n", 0, 0, 0, { 1000, 100 * MIB }, 0, 0 },
};

START_TEST (sums)
{
  struct setup s;
  g_autoptr (kata_plan) plan = NULL;
  setup_init (&s, cases[_i].toml);
  s.options.vcpus = cases[_i].asked;
  s.options.limit_cpu_milli = cases[_i].limit_milli;
  s.options.limit_memory_bytes = cases[_i].limit_mib * MIB;
  ck_assert_int_eq (kata_plan__make (&plan, &s.in, NULL), 0);
  ck_assert_uint_eq (kata_plan__vcpus_for (plan, &cases[_i].limits), cases[_i].vcpus);
  ck_assert_uint_eq (kata_plan__memory_for (plan, &cases[_i].limits), cases[_i].memory_mib);
  setup_clear (&s);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("plan/grow");
  TCase *tcase = tcase_create ("grow");
  tcase_add_loop_test (tcase, sums, 0, G_N_ELEMENTS (cases));
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
