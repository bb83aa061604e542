/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kvm: the kernel's half of a machine: the VM, its memory slots, interrupt controllers, doorbells and vCPUs. All KVM ioctls are in this folder. */
#ifndef KATA_VMM_KVM_KVM_H
#define KATA_VMM_KVM_KVM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/bus.h"
#include "vmm/irq.h"
#include "vmm/memory.h"

struct vmm_kvm {
  int kvm_fd; /* the caller's */
  int vm_fd;
  size_t run_size; /* of each vCPU's shared page */
  unsigned max_vcpus;
  unsigned n_slots, max_slots;
  bool tsc_deadline; /* the local APIC's timer has it */
};

/** Checks what the host's KVM can, makes a VM with the interrupt controllers and the PIT in the kernel. KATA_E_HOST, KATA_E_PERMISSION. */
int vmm_kvm__open (struct vmm_kvm *kvm, int kvm_fd, kata_error **err);
void vmm_kvm__close (struct vmm_kvm *kvm);

/** Host memory becomes guest memory at @base. A guest's write to a @readonly slot comes to us as MMIO, and vanishes there. */
int vmm_kvm__add_slot (struct vmm_kvm *kvm, vmm_gpa base, uint64_t size, void *host, bool readonly, kata_error **err);

/* Doorbells as ioeventfds; the context is the struct vmm_kvm. */
extern const struct vmm_doorbell_ops vmm_kvm_mmio_doorbells;
extern const struct vmm_doorbell_ops vmm_kvm_pio_doorbells;

/* ---- interrupts: irqfds ---- */
struct vmm_irqchip;
int vmm_irqchip__new (struct vmm_irqchip **out, const struct vmm_kvm *kvm, kata_error **err);
void vmm_irqchip__free (struct vmm_irqchip *irqchip);
struct vmm_irqs vmm_irqchip__irqs (struct vmm_irqchip *irqchip);

/* ---- CPUs ---- */
struct vmm_kvm_vcpu {
  int fd;
  size_t run_size;
  struct kvm_run *run;
};

int vmm_kvm_vcpu__open (struct vmm_kvm_vcpu *vcpu, const struct vmm_kvm *kvm, unsigned index, kata_error **err);
void vmm_kvm_vcpu__close (struct vmm_kvm_vcpu *vcpu);

/** The only signal that interrupts KVM_RUN; it stays blocked otherwise, and is never handled: see vcpu.c. */
int vmm_kvm_vcpu__set_kick_signal (struct vmm_kvm_vcpu *vcpu, int signal, kata_error **err);

/** Into the guest; 0, or an errno. */
int vmm_kvm_vcpu__run (struct vmm_kvm_vcpu *vcpu);
/** After a pause: the guest's watchdogs shall not bark. */
void vmm_kvm_vcpu__tell_paused (struct vmm_kvm_vcpu *vcpu);

#define VMM_CPUID_MAX 256
/** Laid out as kvm_cpuid2, with room for VMM_CPUID_MAX entries. */
struct vmm_cpuid {
  uint32_t nent, padding;
  struct kvm_cpuid_entry2 entries[VMM_CPUID_MAX];
};
int vmm_kvm__supported_cpuid (const struct vmm_kvm *kvm, struct vmm_cpuid *cpuid, kata_error **err);

int vmm_kvm_vcpu__set_cpuid (struct vmm_kvm_vcpu *vcpu, struct vmm_cpuid *cpuid, kata_error **err);
int vmm_kvm_vcpu__get_sregs (struct vmm_kvm_vcpu *vcpu, struct kvm_sregs *sregs, kata_error **err);
int vmm_kvm_vcpu__set_sregs (struct vmm_kvm_vcpu *vcpu, const struct kvm_sregs *sregs, kata_error **err);
int vmm_kvm_vcpu__set_regs (struct vmm_kvm_vcpu *vcpu, const struct kvm_regs *regs, kata_error **err);
int vmm_kvm_vcpu__get_lapic (struct vmm_kvm_vcpu *vcpu, struct kvm_lapic_state *lapic, kata_error **err);
int vmm_kvm_vcpu__set_lapic (struct vmm_kvm_vcpu *vcpu, const struct kvm_lapic_state *lapic, kata_error **err);
/** False when this host has no such register. */
bool vmm_kvm_vcpu__set_msr (struct vmm_kvm_vcpu *vcpu, uint32_t index, uint64_t value);

#endif
