/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine: what differs between the machines that QEMU emulates, as a table; it starts none. */
#ifndef KATA_BACKEND_QEMU_MACHINE_H
#define KATA_BACKEND_QEMU_MACHINE_H

#include <stdbool.h>

#include <kata/sys/backend.h>

typedef struct kata_qemu_machine {
  const char *arch; /* as uname has it */
  const char *type; /* of -machine */
  const char *program;
  const char *package; /* Debian's, to name in a remedy */
  const char *options; /* behind the type, always; "" = none */
  const char *options_kvm, *options_tcg;
  const char *options_7; /* since QEMU 7.0 */
  const char *bus;       /* how virtio devices end: "pci", "ccw", or "device" for virtio-mmio */
  const char *console;   /* of the serial line in the guest */
  const char *cpu_tcg;   /* with KVM it is the host's */
  uint32_t max_vcpus;
  bool flash;                              /* for firmware */
  const char *iommu_device, *iommu_option; /* a device before all others, or of -machine; NULL = there is none */
  const char *iommu_words;                 /* for the kernel's command line */
  bool root_ports;                         /* PCI Express: empty ports that a device can come to */
  bool resizes;                            /* vCPUs and memory come while the guest runs, by ACPI */
} kata_qemu_machine;

/** The plan's machine; an empty type is the architecture's first. KATA_E_UNSUPPORTED with the types that there are. */
int kata_qemu__machine (const kata_qemu_machine **out, const kata_vm_plan *plan, kata_error **err);

#endif
