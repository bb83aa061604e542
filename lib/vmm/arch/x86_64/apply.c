/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* apply: brings one vCPU into the state in which the guest finds it. */
#include "base/raise.h"
#include "vmm/arch/x86_64/x86.h"

static int
set_identity (struct vmm_kvm_vcpu *vcpu, const struct vmm_x86_board *board, unsigned index, kata_error **err)
{
  struct vmm_cpuid cpuid = board->cpuid;
  int result = vmm_x86__cpuid (&cpuid, index, board->vcpus, board->tsc_deadline, err);
  return result == 0 ? vmm_kvm_vcpu__set_cpuid (vcpu, &cpuid, err) : result;
}

static int
set_pins (struct vmm_kvm_vcpu *vcpu, kata_error **err)
{
  struct kvm_lapic_state lapic;
  int result = vmm_kvm_vcpu__get_lapic (vcpu, &lapic, err);
  if (result < 0)
    return result;
  vmm_x86__lapic (&lapic);
  return vmm_kvm_vcpu__set_lapic (vcpu, &lapic, err);
}

static int
set_entry (struct vmm_kvm_vcpu *vcpu, const struct vmm_boot_entry *entry, kata_error **err)
{
  struct kvm_sregs sregs;
  struct kvm_regs regs;
  int result = vmm_kvm_vcpu__get_sregs (vcpu, &sregs, err);
  if (result < 0)
    return result;
  vmm_x86__boot_sregs (&sregs, entry->protocol);
  vmm_x86__boot_regs (&regs, entry);
  result = vmm_kvm_vcpu__set_sregs (vcpu, &sregs, err);
  return result == 0 ? vmm_kvm_vcpu__set_regs (vcpu, &regs, err) : result;
}

int
vmm_x86__prepare (struct vmm_kvm_vcpu *vcpu, const struct vmm_x86_board *board, unsigned index, kata_error **err)
{
  int result = set_identity (vcpu, board, index, err);
  if (result == 0)
    result = vmm_x86__set_msrs (vcpu, err);
  if (result == 0)
    result = set_pins (vcpu, err);
  if (result == 0 && index == 0)
    result = set_entry (vcpu, &board->entry, err);
  return result;
}
