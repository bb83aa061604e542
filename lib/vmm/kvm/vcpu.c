/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vcpu: KVM's calls on one virtual CPU; what its exits mean is in vmm/vcpu.c. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "base/raise.h"
#include "vmm/kvm/kvm.h"

int
vmm_kvm_vcpu__open (struct vmm_kvm_vcpu *vcpu, const struct vmm_kvm *kvm, unsigned index, kata_error **err)
{
  kata_auto_fd int fd = ioctl (kvm->vm_fd, KVM_CREATE_VCPU, (unsigned long) index);
  if (fd < 0)
    return kata_error__errno (err, KATA_E_VMM, "default_vcpus", errno, "kvm: cannot make vCPU %u", index);
  struct kvm_run *run = mmap (NULL, kvm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (run == MAP_FAILED)
    return kata_error__errno (err, KATA_E_VMM, "default_vcpus", errno, "kvm: cannot map the page of vCPU %u", index);
  *vcpu = (struct vmm_kvm_vcpu){ .fd = kata_fd__steal (&fd), .run_size = kvm->run_size, .run = run };
  return 0;
}

void
vmm_kvm_vcpu__close (struct vmm_kvm_vcpu *vcpu)
{
  if (vcpu->run != NULL)
    munmap (vcpu->run, vcpu->run_size);
  vcpu->run = NULL;
  kata_fd__closep (&vcpu->fd);
}

int
vmm_kvm_vcpu__set_kick_signal (struct vmm_kvm_vcpu *vcpu, int signal, kata_error **err)
{
  /* As kvm_signal_mask, which has no room for the set itself: the kernel's, of 8 bytes. */
  struct {
    uint32_t len;
    uint8_t set[8];
  } mask = { .len = sizeof mask.set };
  uint64_t blocked = ~(UINT64_C (1) << (signal - 1));
  memcpy (mask.set, &blocked, sizeof mask.set);
  if (ioctl (vcpu->fd, KVM_SET_SIGNAL_MASK, &mask) < 0)
    return kata_error__errno (err, KATA_E_VMM, NULL, errno, "kvm: KVM_SET_SIGNAL_MASK failed");
  return 0;
}

int
vmm_kvm_vcpu__run (struct vmm_kvm_vcpu *vcpu)
{
  return ioctl (vcpu->fd, KVM_RUN, 0) < 0 ? errno : 0;
}

void
vmm_kvm_vcpu__tell_paused (struct vmm_kvm_vcpu *vcpu)
{
  /* Fails for a guest that does not use KVM's clock: it has no watchdog of that kind. */
  (void) ioctl (vcpu->fd, KVM_KVMCLOCK_CTRL, 0);
}

int
vmm_kvm__supported_cpuid (const struct vmm_kvm *kvm, struct vmm_cpuid *cpuid, kata_error **err)
{
  memset (cpuid, 0, sizeof *cpuid);
  cpuid->nent = VMM_CPUID_MAX;
  if (ioctl (kvm->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid) < 0)
    return kata_error__errno (err, KATA_E_HOST, "kvm", errno, "kvm: KVM_GET_SUPPORTED_CPUID failed");
  return 0;
}

static int
call (const struct vmm_kvm_vcpu *vcpu, unsigned long request, const void *argument, const char *name, kata_error **err)
{
  if (ioctl (vcpu->fd, request, argument) < 0)
    return kata_error__errno (err, KATA_E_VMM, NULL, errno, "kvm: %s failed", name);
  return 0;
}

int
vmm_kvm_vcpu__set_cpuid (struct vmm_kvm_vcpu *vcpu, struct vmm_cpuid *cpuid, kata_error **err)
{
  return call (vcpu, KVM_SET_CPUID2, cpuid, "KVM_SET_CPUID2", err);
}

int
vmm_kvm_vcpu__get_sregs (struct vmm_kvm_vcpu *vcpu, struct kvm_sregs *sregs, kata_error **err)
{
  return call (vcpu, KVM_GET_SREGS, sregs, "KVM_GET_SREGS", err);
}

int
vmm_kvm_vcpu__set_sregs (struct vmm_kvm_vcpu *vcpu, const struct kvm_sregs *sregs, kata_error **err)
{
  return call (vcpu, KVM_SET_SREGS, sregs, "KVM_SET_SREGS", err);
}

int
vmm_kvm_vcpu__set_regs (struct vmm_kvm_vcpu *vcpu, const struct kvm_regs *regs, kata_error **err)
{
  return call (vcpu, KVM_SET_REGS, regs, "KVM_SET_REGS", err);
}

int
vmm_kvm_vcpu__get_lapic (struct vmm_kvm_vcpu *vcpu, struct kvm_lapic_state *lapic, kata_error **err)
{
  return call (vcpu, KVM_GET_LAPIC, lapic, "KVM_GET_LAPIC", err);
}

int
vmm_kvm_vcpu__set_lapic (struct vmm_kvm_vcpu *vcpu, const struct kvm_lapic_state *lapic, kata_error **err)
{
  return call (vcpu, KVM_SET_LAPIC, lapic, "KVM_SET_LAPIC", err);
}

bool
vmm_kvm_vcpu__set_msr (struct vmm_kvm_vcpu *vcpu, uint32_t index, uint64_t value)
{
  struct { /* as kvm_msrs with one entry */
    uint32_t nmsrs, pad;
    struct kvm_msr_entry entry;
  } msrs = { .nmsrs = 1, .entry = { .index = index, .data = value } };
  return ioctl (vcpu->fd, KVM_SET_MSRS, &msrs) == 1;
}
