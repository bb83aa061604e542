/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* boot: puts a kernel, its initrd, command line and memory map into RAM, and says where to begin. Sets no register, knows no KVM. */
#ifndef KATA_VMM_BOOT_H
#define KATA_VMM_BOOT_H

#include "vmm/memory.h"

struct vmm_boot_config {
  int kernel_fd; /* ELF vmlinux with the PVH note, or a bzImage of protocol >= 2.12 with a 64-bit entry; hostile until checked */
  int initrd_fd;       /* -1 = none */
  const char *cmdline; /* < VMM_CMDLINE_MAX bytes */
  vmm_gpa rsdp;
};

enum vmm_boot_protocol {
  VMM_BOOT_PVH = 1, /* 32-bit protected mode, paging off, rbx = info */
  VMM_BOOT_LINUX64, /* 64-bit long mode, identity page tables, rsi = info */
};

struct vmm_boot_entry {
  enum vmm_boot_protocol protocol;
  vmm_gpa entry;
  vmm_gpa info; /* hvm_start_info or zero page */
};

/** KATA_E_GUEST with a key of "kernel", "initrd" or "cmdline" for all that is wrong with them; before any vCPU runs. */
int vmm_boot__load (struct vmm_boot_entry *out, const struct vmm_boot_config *config, const struct vmm_memory *memory,
                    kata_error **err);

#endif
