/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* msr: the model-specific registers that firmware would have set; KVM's own defaults are right for all others. */
#include "base/raise.h"
#include "vmm/arch/x86_64/x86.h"

#define MSR_MISC_ENABLE   0x1a0u
#define MSR_MTRR_DEF_TYPE 0x2ffu
#define FAST_STRING       UINT64_C (1)
/* MTRRs on, everything write-back. Off would make Linux switch PAT off as well. */
#define MTRR_WRITE_BACK UINT64_C (0x806)

int
vmm_x86__set_msrs (struct vmm_kvm_vcpu *vcpu, kata_error **err)
{
  if (!vmm_kvm_vcpu__set_msr (vcpu, MSR_MTRR_DEF_TYPE, MTRR_WRITE_BACK))
    return kata_error__set (err, KATA_E_VMM, NULL, "kvm: cannot set MSR 0x%x", MSR_MTRR_DEF_TYPE);
  /* Intel only. */
  (void) vmm_kvm_vcpu__set_msr (vcpu, MSR_MISC_ENABLE, FAST_STRING);
  return 0;
}
