/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vcpu: one virtual CPU from one exit of the guest to the next; its thread is crew.c's. */
#ifndef KATA_VMM_VCPU_H
#define KATA_VMM_VCPU_H

#include <pthread.h>
#include <stdatomic.h>

#include "vmm/bus.h"
#include "vmm/kvm/kvm.h"
#include "vmm/machine.h"

/** What all vCPUs share. */
struct vmm_vcpu_world {
  pthread_mutex_t *lock; /* the device lock */
  struct vmm_bus *mmio, *pio;
};

struct vmm_vcpu {
  unsigned index;
  struct vmm_kvm_vcpu kvm;
  const struct vmm_vcpu_world *world;
  _Atomic uint64_t exits, exits_mmio, exits_pio;
};

/**
 * Into the guest and, when it comes out, what it came out for. True: again. False: this vCPU has ended, and @exit says why.
 * On the vCPU's own thread, without the device lock.
 */
bool vmm_vcpu__step (struct vmm_vcpu *vcpu, struct vmm_exit *exit);

#endif
