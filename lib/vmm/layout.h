/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layout: where things are in the guest's address space (x86_64); numbers only. RAM's own borders are in memory.h. */
#ifndef KATA_VMM_LAYOUT_H
#define KATA_VMM_LAYOUT_H

#include <stdint.h>

/* Low RAM that the boot protocols use; free for the guest afterwards. */
#define VMM_LAYOUT_GDT        UINT64_C (0x500)
#define VMM_LAYOUT_PVH_INFO   UINT64_C (0x6000)
#define VMM_LAYOUT_ZERO_PAGE  UINT64_C (0x7000)
#define VMM_LAYOUT_PAGE_TABLE UINT64_C (0x9000) /* 6 pages: 4 GiB mapped one to one */
#define VMM_LAYOUT_CMDLINE    UINT64_C (0x20000)
#define VMM_CMDLINE_MAX       2048 /* with its NUL; Linux's COMMAND_LINE_SIZE on x86 */
#define VMM_LAYOUT_LOW_END    UINT64_C (0x9fc00)
#define VMM_LAYOUT_ACPI       UINT64_C (0xe0000) /* RSDP first, tables behind it, to 1 MiB: reserved in the memory map */
#define VMM_LAYOUT_ACPI_END   UINT64_C (0x100000)
#define VMM_LAYOUT_RESET_STUB UINT64_C (0xffff0) /* where a jump to the BIOS goes: the last 16 bytes of these */
#define VMM_LAYOUT_KERNEL     UINT64_C (0x100000)

/* The hole between 3 and 4 GiB. */
#define VMM_LAYOUT_PCI_WINDOW      UINT64_C (0xc0000000) /* 32-bit BARs */
#define VMM_LAYOUT_PCI_WINDOW_SIZE UINT64_C (0x10000000)
#define VMM_LAYOUT_VIRTIO_MMIO     UINT64_C (0xd0000000) /* one every VMM_LAYOUT_VIRTIO_STRIDE */
#define VMM_LAYOUT_VIRTIO_STRIDE   UINT64_C (0x1000)
#define VMM_LAYOUT_VIRTIO_SIZE     UINT64_C (0x200)
#define VMM_LAYOUT_ECAM            UINT64_C (0xe0000000) /* bus 0 only: 1 MiB */
#define VMM_LAYOUT_ECAM_SIZE       UINT64_C (0x100000)
#define VMM_LAYOUT_POWER           UINT64_C (0xfe000000) /* dev/power.c: sleep, reset and event registers */
#define VMM_LAYOUT_POWER_SIZE      UINT64_C (0x1000)
#define VMM_LAYOUT_IOAPIC          UINT64_C (0xfec00000)
#define VMM_LAYOUT_LAPIC           UINT64_C (0xfee00000)
#define VMM_LAYOUT_IDENTITY_MAP    UINT64_C (0xfffbc000) /* KVM's own pages on Intel */
#define VMM_LAYOUT_TSS             UINT64_C (0xfffbd000)

/* Above all RAM: 64-bit BARs and pmem; the machine takes the first multiple of VMM_LAYOUT_HIGH_ALIGN above RAM, 256 GiB at least. */
#define VMM_LAYOUT_HIGH_MIN   UINT64_C (0x4000000000)
#define VMM_LAYOUT_HIGH_ALIGN UINT64_C (0x1000000000)
#define VMM_LAYOUT_HIGH_SIZE  UINT64_C (0x1000000000)

#define VMM_PORT_SERIAL 0x3f8
#define VMM_PORT_RTC    0x70

#endif
