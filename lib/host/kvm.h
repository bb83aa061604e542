/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kvm: can this host run guests with hardware virtualization? A question only; the microVMM has KVM code of its own. */
#ifndef KATA_HOST_KVM_H
#define KATA_HOST_KVM_H

#include <stdbool.h>
#include <stddef.h>

/** Where to look; tests put files of their own here. */
typedef struct kata_kvm_paths {
  const char *device;  /* "/dev/kvm" */
  const char *cpuinfo; /* "/proc/cpuinfo" */
} kata_kvm_paths;

/**
 * True if KVM can run a guest at speed. Otherwise @reason (size >= 200 is enough for any) says why not, and what to do.
 * @paths NULL = the real ones. A device that opens is not enough: a host can offer KVM in software, on which Linux does not boot.
 */
bool kata_kvm__usable (const kata_kvm_paths *paths, char *reason, size_t size);

#endif
