/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* x86: what an x86-64 vCPU is when it starts: CPUID, registers, MSRs, local APIC; pure but for apply.c. */
#ifndef KATA_VMM_ARCH_X86_64_X86_H
#define KATA_VMM_ARCH_X86_64_X86_H

#include "vmm/boot.h"
#include "vmm/kvm/kvm.h"

/** KVM's list of what it can give, turned into what vCPU @index of @vcpus sees. KATA_E_LIMIT when the list gets too long. */
int vmm_x86__cpuid (struct vmm_cpuid *cpuid, unsigned index, unsigned vcpus, bool tsc_deadline, kata_error **err);
/** Physical address bits of the guest; 36 when the list does not say. */
unsigned vmm_x86__physical_bits (const struct vmm_cpuid *cpuid);

/** The first vCPU's registers for a boot protocol; @sregs holds KVM's defaults on entry. */
void vmm_x86__boot_sregs (struct kvm_sregs *sregs, enum vmm_boot_protocol protocol);
void vmm_x86__boot_regs (struct kvm_regs *regs, const struct vmm_boot_entry *entry);
/** The descriptor table and page tables which these registers point to. False when RAM is too small for them. */
bool vmm_x86__boot_tables (const struct vmm_memory *memory, enum vmm_boot_protocol protocol);

/** LINT0 external interrupt, LINT1 NMI, as firmware leaves them. */
void vmm_x86__lapic (struct kvm_lapic_state *lapic);
int vmm_x86__set_msrs (struct vmm_kvm_vcpu *vcpu, kata_error **err);

/** What all vCPUs have in common. */
struct vmm_x86_board {
  unsigned vcpus;
  bool tsc_deadline;
  struct vmm_cpuid cpuid; /* vmm_kvm__supported_cpuid(): asked once, it is dear */
  struct vmm_boot_entry entry;
};
/** All of it, for one vCPU. Others than the first wait for INIT and SIPI, which KVM delivers. */
int vmm_x86__prepare (struct vmm_kvm_vcpu *vcpu, const struct vmm_x86_board *board, unsigned index, kata_error **err);

#endif
