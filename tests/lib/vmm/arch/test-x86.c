/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* x86: CPUID of each vCPU, the registers of both boot protocols, the tables they point to; without KVM. */
#include "vmm/arch/x86_64/x86.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/layout.h"

static struct vmm_cpuid cpuid;

static void
put (uint32_t function, uint32_t index, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
  cpuid.entries[cpuid.nent++] =
      (struct kvm_cpuid_entry2){ .function = function, .index = index, .eax = eax, .ebx = ebx, .ecx = ecx, .edx = edx };
}

static const struct kvm_cpuid_entry2 *
leaf (uint32_t function, uint32_t index)
{
  for (uint32_t i = 0; i < cpuid.nent; i++)
    if (cpuid.entries[i].function == function && cpuid.entries[i].index == index)
      return &cpuid.entries[i];
  ck_abort_msg ("no leaf 0x%x", function);
}

static void
host_cpuid (void)
{
  memset (&cpuid, 0, sizeof cpuid);
  put (0, 0, 0x1f, 1, 2, 3);
  put (1, 0, 0x306a9, 0x07100800, 0xffffffffu & ~(1u << 24), 0xffffffffu);
  put (4, 0, 0x1c004121, 0x1c0003f, 63, 0);
  put (4, 3, 0x1c03c163, 0x1c0003f, 8191, 6);
  put (4, 4, 0, 0, 0, 0);
  put (0xa, 0, 0x7300403, 0, 0, 0x603);
  put (0xb, 0, 1, 2, 0x100, 99);
  put (0xb, 1, 4, 8, 0x201, 99);
  put (0x1f, 0, 1, 2, 0x100, 99);
  put (0x40000000, 0, 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d);
  put (0x80000001, 0, 0, 0, 0xffffffffu, 0xffffffffu);
  put (0x80000008, 0, 0x3028, 0, 0x70ff, 0);
  put (0x8000000a, 0, 1, 2, 3, 4);
  put (0x8000001d, 3, 0x1c163, 0, 0, 0);
  put (0x8000001e, 0, 99, 0x1ff, 3, 0);
}

START_TEST (one_vcpu)
{
  host_cpuid ();
  ck_assert_int_eq (vmm_x86__cpuid (&cpuid, 0, 1, true, NULL), 0);
  const struct kvm_cpuid_entry2 *one = leaf (1, 0);
  ck_assert_uint_eq (one->ebx, 0x00010800);
  ck_assert_uint_eq (one->edx >> 28 & 1, 0);
  ck_assert_uint_eq (one->ecx >> 5 & 1, 0); /* VMX */
  ck_assert_uint_eq (one->ecx >> 24 & 1, 1);
  ck_assert_uint_eq (one->ecx >> 31, 1);
  ck_assert_uint_eq (leaf (0xb, 1)->eax, 0);
  ck_assert_uint_eq (leaf (0xb, 1)->ebx, 1);
  ck_assert_uint_eq (leaf (0x80000008, 0)->ecx & 0xff, 0);
  ck_assert_uint_eq (vmm_x86__physical_bits (&cpuid), 40);
}
END_TEST

START_TEST (topology)
{
  static const struct {
    unsigned vcpus, bits;
  } cases[] = { { 2, 1 }, { 3, 2 }, { 8, 3 }, { 32, 5 } };
  unsigned vcpus = cases[_i].vcpus, bits = cases[_i].bits;
  for (unsigned index = 0; index < vcpus; index++) {
    host_cpuid ();
    ck_assert_int_eq (vmm_x86__cpuid (&cpuid, index, vcpus, true, NULL), 0);
    ck_assert_uint_eq (leaf (1, 0)->ebx >> 24, index);
    ck_assert_uint_eq (leaf (1, 0)->ebx >> 16 & 0xff, vcpus);
    ck_assert_uint_eq (leaf (1, 0)->edx >> 28 & 1, 1);
    ck_assert_uint_eq (leaf (4, 0)->eax >> 14 & 0xfff, 0);
    ck_assert_uint_eq (leaf (4, 3)->eax >> 14 & 0xfff, (1u << bits) - 1);
    ck_assert_uint_eq (leaf (4, 3)->eax >> 26, (1u << bits) - 1);
    ck_assert_uint_eq (leaf (4, 3)->eax & 0x3fff, 0x0163); /* what else it says stays */
    for (uint32_t function = 0xb; function <= 0x1f; function += 0x14) {
      ck_assert_uint_eq (leaf (function, 0)->eax, 0);
      ck_assert_uint_eq (leaf (function, 0)->ebx, 1);
      ck_assert_uint_eq (leaf (function, 0)->ecx, 0x100);
      ck_assert_uint_eq (leaf (function, 1)->eax, bits);
      ck_assert_uint_eq (leaf (function, 1)->ebx, vcpus);
      ck_assert_uint_eq (leaf (function, 1)->ecx, 0x201);
      ck_assert_uint_eq (leaf (function, 1)->edx, index);
      ck_assert_uint_eq (leaf (function, 2)->ecx, 2);
    }
    ck_assert_uint_eq (leaf (0x80000008, 0)->ecx, bits << 12 | (vcpus - 1));
    ck_assert_uint_eq (leaf (0x8000001d, 3)->eax >> 14 & 0xfff, (1u << bits) - 1);
    ck_assert_uint_eq (leaf (0x8000001e, 0)->eax, index);
  }
}
END_TEST

START_TEST (nothing_nested)
{
  host_cpuid ();
  ck_assert_int_eq (vmm_x86__cpuid (&cpuid, 0, 1, false, NULL), 0);
  ck_assert_uint_eq (leaf (1, 0)->ecx >> 24 & 1, 0);
  ck_assert_uint_eq (leaf (0x80000001, 0)->ecx >> 2 & 1, 0); /* SVM */
  ck_assert_uint_eq (leaf (0x8000000a, 0)->ebx, 0);
  ck_assert_uint_eq (leaf (0xa, 0)->eax, 0);
  ck_assert_uint_eq (leaf (0x40000000, 0)->ebx, 0x4b4d564b);
}
END_TEST

START_TEST (full_list)
{
  host_cpuid ();
  while (cpuid.nent < VMM_CPUID_MAX)
    put (0x1234, cpuid.nent, 0, 0, 0, 0);
  kata_error *error = NULL;
  ck_assert_int_eq (vmm_x86__cpuid (&cpuid, 0, 1, true, &error), KATA_E_LIMIT);
  kata_error_unref (error);
}
END_TEST

START_TEST (pvh_entry)
{
  struct kvm_sregs sregs = { .cr0 = 0x60000010, .cr8 = 7 };
  struct kvm_regs regs;
  struct vmm_boot_entry entry = { .protocol = VMM_BOOT_PVH, .entry = 0x1000010, .info = VMM_LAYOUT_PVH_INFO };
  vmm_x86__boot_sregs (&sregs, entry.protocol);
  vmm_x86__boot_regs (&regs, &entry);
  ck_assert_uint_eq (sregs.cr0, 0x11);
  ck_assert_uint_eq (sregs.cr4, 0);
  ck_assert_uint_eq (sregs.efer, 0);
  ck_assert_uint_eq (sregs.cs.base, 0);
  ck_assert_uint_eq (sregs.cs.limit, 0xffffffff);
  ck_assert_uint_eq (sregs.cs.db, 1);
  ck_assert_uint_eq (sregs.cs.l, 0);
  ck_assert_uint_eq (sregs.tr.limit, 0x67);
  ck_assert_uint_eq (sregs.cr8, 7);
  ck_assert_uint_eq (regs.rip, 0x1000010);
  ck_assert_uint_eq (regs.rbx, VMM_LAYOUT_PVH_INFO);
  ck_assert_uint_eq (regs.rflags, 2);
}
END_TEST

/* What the processor would do with the page tables. */
static uint64_t
translate (const struct vmm_memory *memory, uint64_t table, uint64_t address)
{
  uint64_t entry = table;
  for (unsigned shift = 39; shift >= 21; shift -= 9) {
    ck_assert (vmm_memory__read (memory, (entry & ~UINT64_C (0xfff)) + (address >> shift & 511) * 8, &entry, 8));
    ck_assert_uint_eq (entry & 3, 3);
    ck_assert_uint_eq (entry >> 7 & 1, shift == 21);
  }
  return (entry & ~UINT64_C (0x1fffff)) + (address & 0x1fffff);
}

START_TEST (linux64_entry)
{
  struct vmm_memory memory;
  struct kvm_sregs sregs = { 0 };
  struct kvm_regs regs;
  struct vmm_boot_entry entry = { .protocol = VMM_BOOT_LINUX64, .entry = 0x1000200, .info = VMM_LAYOUT_ZERO_PAGE };
  ck_assert_int_eq (vmm_memory__open (&memory, 16 << 20, 0, NULL), 0);
  ck_assert (vmm_x86__boot_tables (&memory, entry.protocol));
  vmm_x86__boot_sregs (&sregs, entry.protocol);
  vmm_x86__boot_regs (&regs, &entry);
  ck_assert_uint_eq (sregs.cr0, 0x80000011);
  ck_assert_uint_eq (sregs.cr4, 0x20);
  ck_assert_uint_eq (sregs.efer, 0x500);
  ck_assert_uint_eq (sregs.cs.selector, 0x10);
  ck_assert_uint_eq (sregs.cs.l, 1);
  ck_assert_uint_eq (sregs.cs.db, 0);
  ck_assert_uint_eq (sregs.ds.selector, 0x18);
  ck_assert_uint_eq (regs.rsi, VMM_LAYOUT_ZERO_PAGE);
  static const uint64_t addresses[] = { 0, 0x7123, 0x1000200, 0xc0000000, 0xfee00300, 0xffffffff };
  for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
    ck_assert_uint_eq (translate (&memory, sregs.cr3, addresses[i]), addresses[i]);
  uint64_t gdt[6];
  ck_assert (vmm_memory__read (&memory, sregs.gdt.base, gdt, sizeof gdt));
  ck_assert_uint_eq (sregs.gdt.limit, sizeof gdt - 1);
  ck_assert_uint_eq (gdt[2], UINT64_C (0x00af9b000000ffff));
  ck_assert_uint_eq (gdt[3], UINT64_C (0x00cf93000000ffff));
  ck_assert_uint_eq (gdt[4], UINT64_C (0x00008b0000000067));
  vmm_memory__close (&memory);
}
END_TEST

START_TEST (pins)
{
  struct kvm_lapic_state lapic;
  uint32_t lint0, lint1;
  memset (&lapic, 0, sizeof lapic);
  lapic.regs[0x352] = 1; /* masked */
  vmm_x86__lapic (&lapic);
  memcpy (&lint0, lapic.regs + 0x350, 4);
  memcpy (&lint1, lapic.regs + 0x360, 4);
  ck_assert_uint_eq (lint0, 0x700);
  ck_assert_uint_eq (lint1, 0x400);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vmm/arch/x86");
  TCase *tcase = tcase_create ("x86");
  tcase_add_test (tcase, one_vcpu);
  tcase_add_loop_test (tcase, topology, 0, 4);
  tcase_add_test (tcase, nothing_nested);
  tcase_add_test (tcase, full_list);
  tcase_add_test (tcase, pvh_entry);
  tcase_add_test (tcase, linux64_entry);
  tcase_add_test (tcase, pins);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
