/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* boot-image: what the two kernel formats have in common, between boot.c and boot-elf.c, boot-bzimage.c and boot-map.c. */
#ifndef KATA_VMM_BOOT_IMAGE_H
#define KATA_VMM_BOOT_IMAGE_H

#include "vmm/boot.h"
#include "vmm/layout.h"

/** A regular file that somebody else may write to or cut while we read. Its size was true once; each read is checked. */
struct vmm_boot_file {
  int fd;
  uint64_t size;
  const char *key; /* of its errors: "kernel", "initrd" */
};

/* The part of a bzImage that becomes the zero page's setup header (x86 boot protocol, "The Real-Mode Kernel Header"). */
#define VMM_BOOT_SETUP_START 0x1f1
#define VMM_BOOT_SETUP_END   0x290

/** A kernel that is in RAM. */
struct vmm_boot_kernel {
  enum vmm_boot_protocol protocol;
  vmm_gpa entry;
  vmm_gpa start, end;  /* nothing else may lie here until the kernel has read the memory map */
  vmm_gpa initrd_last; /* highest address the initrd may use */
  size_t cmdline_max;  /* without its NUL */
  uint8_t setup[VMM_BOOT_SETUP_END - VMM_BOOT_SETUP_START]; /* VMM_BOOT_LINUX64 only */
};

/** One entry of the memory map; the types are those of INT 15h, E820h, which PVH has taken over. */
enum vmm_boot_range_type { VMM_BOOT_RAM = 1, VMM_BOOT_RESERVED = 2 };
struct vmm_boot_range {
  vmm_gpa base;
  uint64_t size;
  enum vmm_boot_range_type type;
};
#define VMM_BOOT_RANGES_MAX 8

struct vmm_boot_initrd {
  vmm_gpa base; /* 0 and 0 = none */
  uint64_t size;
};

int vmm_boot_file__open (struct vmm_boot_file *file, int fd, const char *key, kata_error **err);
/** KATA_E_GUEST when the file ends before. */
int vmm_boot_file__read (const struct vmm_boot_file *file, uint64_t offset, void *to, size_t len, kata_error **err);
/** Straight into RAM; [gpa, gpa + len) is checked to be there. */
int vmm_boot_file__read_ram (const struct vmm_boot_file *file, uint64_t offset, const struct vmm_memory *memory,
                             vmm_gpa gpa, uint64_t len, kata_error **err);

/** First address behind low RAM. */
vmm_gpa vmm_boot__low_end (const struct vmm_memory *memory);
/** Is [base, base + len) RAM from VMM_LAYOUT_KERNEL on and below the hole? */
bool vmm_boot__fits_low (const struct vmm_memory *memory, uint64_t base, uint64_t len);

int vmm_boot_elf__load (struct vmm_boot_kernel *out, const struct vmm_boot_file *file, const struct vmm_memory *memory,
                        kata_error **err);
int vmm_boot_bzimage__load (struct vmm_boot_kernel *out, const struct vmm_boot_file *file,
                            const struct vmm_memory *memory, kata_error **err);

/** Returns how many of the VMM_BOOT_RANGES_MAX are filled, in ascending order. */
size_t vmm_boot__map (struct vmm_boot_range *ranges, const struct vmm_memory *memory);

/* What the kernel finds at vmm_boot_entry.info. False: no RAM there. */
bool vmm_boot__write_zero_page (const struct vmm_boot_kernel *kernel, const struct vmm_boot_initrd *initrd,
                                vmm_gpa rsdp, const struct vmm_memory *memory);
bool vmm_boot__write_start_info (const struct vmm_boot_initrd *initrd, vmm_gpa rsdp, const struct vmm_memory *memory);

#endif
