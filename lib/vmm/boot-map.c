/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* boot-map: the memory map, and the two forms in which a kernel is told of it: Linux's zero page and PVH's start info. */
#include <string.h>

#include "vmm/boot-image.h"

/* Zero page: x86 boot protocol and "zero page" in Linux's Documentation/arch/x86. */
#define ZERO_PAGE_LEN     4096
#define ZERO_RSDP         0x070 /* u64 */
#define ZERO_E820_ENTRIES 0x1e8 /* u8 */
#define ZERO_VID_MODE     0x1fa /* u16 */
#define ZERO_LOADER       0x210 /* u8 */
#define ZERO_RAMDISK      0x218 /* u32 */
#define ZERO_RAMDISK_SIZE 0x21c /* u32 */
#define ZERO_CMDLINE      0x228 /* u32 */
#define ZERO_SETUP_DATA   0x250 /* u64 */
#define ZERO_E820         0x2d0 /* base u64, size u64, type u32 each */
#define E820_ENTRY        20
#define LOADER_UNDEFINED  0xff
#define VID_MODE_NORMAL   0xffff

/* Start info: Xen's x86/HVM direct boot ABI, version 1. All little-endian, naturally aligned. */
#define START_MAGIC   UINT32_C (0x336ec578)
#define START_MODULES 0x40 /* offsets of ours from VMM_LAYOUT_PVH_INFO */
#define START_MEMMAP  0x60
struct start_info {
  uint32_t magic, version, flags, n_modules;
  uint64_t modules, cmdline, rsdp, memmap;
  uint32_t memmap_entries, reserved;
};
struct start_module {
  uint64_t base, size, cmdline, reserved;
};
struct start_range {
  uint64_t base, size;
  uint32_t type, reserved;
};

size_t
vmm_boot__map (struct vmm_boot_range *ranges, const struct vmm_memory *memory)
{
  vmm_gpa low_end = vmm_boot__low_end (memory);
  size_t n = 0;

  ranges[n++] = (struct vmm_boot_range){ 0, VMM_LAYOUT_LOW_END, VMM_BOOT_RAM };
  ranges[n++] = (struct vmm_boot_range){ VMM_LAYOUT_LOW_END, 0xa0000 - VMM_LAYOUT_LOW_END, VMM_BOOT_RESERVED };
  ranges[n++] = (struct vmm_boot_range){ VMM_LAYOUT_ACPI, VMM_LAYOUT_ACPI_END - VMM_LAYOUT_ACPI, VMM_BOOT_RESERVED };
  ranges[n++] = (struct vmm_boot_range){ VMM_LAYOUT_KERNEL, low_end - VMM_LAYOUT_KERNEL, VMM_BOOT_RAM };
  /* Early in its boot, before it can run AML, Linux trusts MCFG only if the range is reserved here too. */
  ranges[n++] = (struct vmm_boot_range){ VMM_LAYOUT_ECAM, VMM_LAYOUT_ECAM_SIZE, VMM_BOOT_RESERVED };
  if (memory->size > VMM_RAM_LOW_END)
    ranges[n++] = (struct vmm_boot_range){ VMM_RAM_HIGH_BASE, memory->size - VMM_RAM_LOW_END, VMM_BOOT_RAM };
  return n;
}

static void
put (uint8_t *at, uint64_t value, size_t len)
{
  for (size_t i = 0; i < len; i++)
    at[i] = (uint8_t) (value >> (8 * i));
}

bool
vmm_boot__write_zero_page (const struct vmm_boot_kernel *kernel, const struct vmm_boot_initrd *initrd, vmm_gpa rsdp,
                           const struct vmm_memory *memory)
{
  uint8_t page[ZERO_PAGE_LEN] = { 0 };
  struct vmm_boot_range ranges[VMM_BOOT_RANGES_MAX];
  size_t n = vmm_boot__map (ranges, memory);

  memcpy (page + VMM_BOOT_SETUP_START, kernel->setup, sizeof kernel->setup);
  put (page + ZERO_RSDP, rsdp, 8);
  put (page + ZERO_VID_MODE, VID_MODE_NORMAL, 2);
  put (page + ZERO_LOADER, LOADER_UNDEFINED, 1);
  put (page + ZERO_RAMDISK, initrd->base, 4); /* both are below 4 GiB: load_initrd() */
  put (page + ZERO_RAMDISK_SIZE, initrd->size, 4);
  put (page + ZERO_CMDLINE, VMM_LAYOUT_CMDLINE, 4);
  put (page + ZERO_SETUP_DATA, 0, 8);
  put (page + ZERO_E820_ENTRIES, n, 1);
  for (size_t i = 0; i < n; i++) {
    uint8_t *at = page + ZERO_E820 + i * E820_ENTRY;
    put (at, ranges[i].base, 8);
    put (at + 8, ranges[i].size, 8);
    put (at + 16, ranges[i].type, 4);
  }
  return vmm_memory__write (memory, VMM_LAYOUT_ZERO_PAGE, page, sizeof page);
}

bool
vmm_boot__write_start_info (const struct vmm_boot_initrd *initrd, vmm_gpa rsdp, const struct vmm_memory *memory)
{
  struct vmm_boot_range ranges[VMM_BOOT_RANGES_MAX];
  struct start_range map[VMM_BOOT_RANGES_MAX] = { 0 };
  size_t n = vmm_boot__map (ranges, memory);
  const struct start_module module = { .base = initrd->base, .size = initrd->size };
  const struct start_info info = {
    .magic = START_MAGIC,
    .version = 1,
    .n_modules = initrd->size > 0 ? 1 : 0,
    .modules = initrd->size > 0 ? VMM_LAYOUT_PVH_INFO + START_MODULES : 0,
    .cmdline = VMM_LAYOUT_CMDLINE,
    .rsdp = rsdp,
    .memmap = VMM_LAYOUT_PVH_INFO + START_MEMMAP,
    .memmap_entries = (uint32_t) n,
  };

  for (size_t i = 0; i < n; i++)
    map[i] = (struct start_range){ .base = ranges[i].base, .size = ranges[i].size, .type = ranges[i].type };
  return vmm_memory__write (memory, VMM_LAYOUT_PVH_INFO, &info, sizeof info) &&
         vmm_memory__write (memory, VMM_LAYOUT_PVH_INFO + START_MODULES, &module, sizeof module) &&
         vmm_memory__write (memory, VMM_LAYOUT_PVH_INFO + START_MEMMAP, map, n * sizeof map[0]);
}
