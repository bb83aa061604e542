/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* boot-bzimage: a compressed kernel by the x86 boot protocol >= 2.12, its 64-bit entry only; no real mode, no EFI stub. */
#include <string.h>

#include "base/raise.h"
#include "vmm/boot-image.h"

/* Offsets in the file, and in the zero page (x86 boot protocol, "The Real-Mode Kernel Header"). */
#define AT_SETUP_SECTS      0x1f1
#define AT_SYSSIZE          0x1f4 /* of what goes to RAM, in PARAGRAPHs, rounded up */
#define AT_BOOT_FLAG        0x1fe
#define AT_HEADER_JUMP      0x201 /* how far the header reaches: 0x202 + this byte */
#define AT_HEADER           0x202
#define AT_VERSION          0x206
#define AT_LOADFLAGS        0x211
#define AT_INITRD_ADDR_MAX  0x22c
#define AT_KERNEL_ALIGNMENT 0x230
#define AT_RELOCATABLE      0x234
#define AT_XLOADFLAGS       0x236
#define AT_CMDLINE_SIZE     0x238
#define AT_PREF_ADDRESS     0x258
#define AT_INIT_SIZE        0x260
#define HEADER_MIN_END      0x264 /* up to init_size */

#define BOOT_FLAG     0xaa55
#define HEADER_MAGIC  "HdrS"
#define VERSION_2_12  0x020c
#define LOADED_HIGH   0x01
#define XLF_KERNEL_64 0x0001
#define PARAGRAPH     16
#define SECTOR        512
#define SETUP_SECTS_0 4 /* what 0 means, for ancient kernels */
#define ENTRY_64      0x200
#define ALIGNMENT_MAX (UINT64_C (1) << 30)

/* The header as it was read once; checked and used from this copy only. */
struct header {
  uint8_t bytes[VMM_BOOT_SETUP_END];
};

static uint64_t
get (const struct header *header, size_t at, size_t len)
{
  uint64_t value = 0;

  for (size_t i = 0; i < len; i++)
    value |= (uint64_t) header->bytes[at + i] << (8 * i);
  return value;
}

static int
broken (kata_error **err, const char *why)
{
  return kata_error__set (err, KATA_E_GUEST, "kernel", "kernel: %s", why);
}

static int
read_header (struct header *header, const struct vmm_boot_file *file, kata_error **err)
{
  if (file->size < sizeof header->bytes)
    return broken (err, "neither an ELF file nor a bzImage: too short");
  int result = vmm_boot_file__read (file, 0, header->bytes, sizeof header->bytes, err);
  if (result < 0)
    return result;
  if (get (header, AT_BOOT_FLAG, 2) != BOOT_FLAG || memcmp (header->bytes + AT_HEADER, HEADER_MAGIC, 4) != 0)
    return broken (err, "neither an ELF file nor a bzImage");
  if (get (header, AT_VERSION, 2) < VERSION_2_12 || AT_HEADER + get (header, AT_HEADER_JUMP, 1) < HEADER_MIN_END)
    return broken (err, "a bzImage of a boot protocol older than 2.12; take Linux 3.8 or newer");
  if ((get (header, AT_LOADFLAGS, 1) & LOADED_HIGH) == 0 || (get (header, AT_XLOADFLAGS, 2) & XLF_KERNEL_64) == 0)
    return broken (err, "a bzImage without a 64-bit entry; take a kernel for x86_64");
  return 0;
}

/*
 * Where the kernel wants to be: its decompressor would move there anyway, and below it there is nothing of use. What it needs from there on,
 * before it knows the memory map, is init_size.
 */
static int
place (struct vmm_boot_kernel *out, const struct header *header, uint64_t image, const struct vmm_memory *memory,
       kata_error **err)
{
  uint64_t base = get (header, AT_PREF_ADDRESS, 8), need = get (header, AT_INIT_SIZE, 4);
  uint64_t align = get (header, AT_KERNEL_ALIGNMENT, 4);

  if (align == 0 || (align & (align - 1)) != 0 || align > ALIGNMENT_MAX)
    return broken (err, "a bzImage whose alignment is not a power of two");
  if (get (header, AT_RELOCATABLE, 1) != 0 && base % align != 0)
    return broken (err, "a bzImage whose preferred address is not aligned as it asks itself");
  if (need < image)
    need = image;
  if (!vmm_boot__fits_low (memory, base, need))
    return kata_error__set (
        err, KATA_E_GUEST, "kernel",
        "kernel: needs %llu MiB of RAM from 0x%llx on; low RAM ends at %llu MiB; give the guest more memory",
        (unsigned long long) ((need + (1 << 20) - 1) >> 20), (unsigned long long) base,
        (unsigned long long) (vmm_boot__low_end (memory) >> 20));
  out->start = base;
  out->end = base + need;
  out->entry = base + ENTRY_64;
  return 0;
}

/* Into a page of zeros goes what the header itself covers, nothing behind it ("64-bit Boot Protocol"). */
static void
keep_setup (struct vmm_boot_kernel *out, const struct header *header)
{
  size_t end = AT_HEADER + (size_t) get (header, AT_HEADER_JUMP, 1);

  if (end > VMM_BOOT_SETUP_END)
    end = VMM_BOOT_SETUP_END;
  memset (out->setup, 0, sizeof out->setup);
  memcpy (out->setup, header->bytes + VMM_BOOT_SETUP_START, end - VMM_BOOT_SETUP_START);
}

int
vmm_boot_bzimage__load (struct vmm_boot_kernel *out, const struct vmm_boot_file *file, const struct vmm_memory *memory,
                        kata_error **err)
{
  struct header header;

  int result = read_header (&header, file, err);
  if (result < 0)
    return result;
  uint64_t sects = get (&header, AT_SETUP_SECTS, 1);
  uint64_t skip = ((sects == 0 ? SETUP_SECTS_0 : sects) + 1) * SECTOR;
  uint64_t size = get (&header, AT_SYSSIZE, 4) * PARAGRAPH;
  if (file->size <= skip + ENTRY_64 || file->size - skip + PARAGRAPH <= size)
    return broken (err, "a truncated bzImage: the file is shorter than its header says");
  result = place (out, &header, file->size - skip, memory, err);
  if (result == 0)
    result = vmm_boot_file__read_ram (file, skip, memory, out->start, file->size - skip, err);
  if (result < 0)
    return result;
  out->protocol = VMM_BOOT_LINUX64;
  out->initrd_last = get (&header, AT_INITRD_ADDR_MAX, 4);
  out->cmdline_max = get (&header, AT_CMDLINE_SIZE, 4);
  if (out->cmdline_max > VMM_CMDLINE_MAX - 1)
    out->cmdline_max = VMM_CMDLINE_MAX - 1;
  keep_setup (out, &header);
  return 0;
}
