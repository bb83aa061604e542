/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory: the guest's RAM; the only place where a guest address and a length become host memory. It knows no KVM and no device. */
#ifndef KATA_VMM_MEMORY_H
#define KATA_VMM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <kata/error.h>

/** A guest physical address: a number from the guest, never a pointer. */
typedef uint64_t vmm_gpa;

/** RAM is [0, min (size, VMM_RAM_LOW_END)) and, for the rest, from VMM_RAM_HIGH_BASE on; between them is the hole for devices. */
#define VMM_RAM_LOW_END     UINT64_C (0xC0000000)
#define VMM_RAM_HIGH_BASE   UINT64_C (0x100000000)
#define VMM_RAM_MIN         (UINT64_C (16) << 20)
#define VMM_RAM_MAX         (UINT64_C (1) << 40)
#define VMM_REGIONS_MAX     2
#define VMM_MEMORY_HUGE     1u /* 2 MiB pages of hugetlbfs */
#define VMM_MEMORY_PREALLOC 2u /* touch every page before the guest runs */

/** One piece of RAM: contiguous in the guest, in the memfd and in our address space. */
struct vmm_region {
  vmm_gpa base;
  uint64_t size;
  uint64_t fd_offset;
  uint8_t *host; /* for memory.c, KVM's slots and vhost-user's table; a device never looks at it */
};

struct vmm_memory {
  int fd; /* memfd, shared: virtiofsd maps it too */
  uint64_t size;
  uint64_t page_size; /* 4 KiB, or 2 MiB with VMM_MEMORY_HUGE: what can be given back */
  size_t n_regions;
  struct vmm_region regions[VMM_REGIONS_MAX];
};

/**
 * @size: bytes, a multiple of 2 MiB, VMM_RAM_MIN to VMM_RAM_MAX. Guard pages lie around each region, so that a slip faults.
 * KATA_E_INVALID, KATA_E_NO_MEMORY, KATA_E_HOST (no huge pages: says how many are missing). @memory is untouched on failure.
 */
int vmm_memory__open (struct vmm_memory *memory, uint64_t size, unsigned flags, kata_error **err);
void vmm_memory__close (struct vmm_memory *memory);

/* False when any byte of [gpa, gpa + len) is not RAM; nothing is copied then. len 0 is true. */
bool vmm_memory__read (const struct vmm_memory *memory, vmm_gpa gpa, void *to, size_t len);
bool vmm_memory__write (const struct vmm_memory *memory, vmm_gpa gpa, const void *from, size_t len);
bool vmm_memory__fill (const struct vmm_memory *memory, vmm_gpa gpa, int byte, size_t len);

/**
 * The host's view of [gpa, gpa + len), split where regions meet, appended at iov[*n]; *n grows by at most VMM_REGIONS_MAX.
 * False when a byte is not RAM or @max entries do not suffice; *n is then as before. Its bytes can change under us at any time:
 * copy what must be checked.
 */
bool vmm_memory__slice (const struct vmm_memory *memory, vmm_gpa gpa, uint64_t len, struct iovec *iov, size_t max,
                        size_t *n);

/**
 * One step of filling RAM from a file, at most @len bytes of it from @offset on: how many, 0 at the file's end, or -1 and errno (EFAULT: not RAM,
 * EINTR). Without mapping the file.
 */
int64_t vmm_memory__load (const struct vmm_memory *memory, vmm_gpa gpa, uint64_t len, int fd, uint64_t offset);

/* Indexes of rings: one access, acquire and release. False when not RAM or not aligned to 2. */
bool vmm_memory__load_u16 (const struct vmm_memory *memory, vmm_gpa gpa, uint16_t *value);
bool vmm_memory__store_u16 (const struct vmm_memory *memory, vmm_gpa gpa, uint16_t value);

/** Give pages back to the host (they read as zero afterwards); unaligned edges are kept. False when not RAM. */
bool vmm_memory__discard (const struct vmm_memory *memory, vmm_gpa gpa, uint64_t len);
/** The same for a piece that vmm_memory__slice() gave (free page reporting: the chain is the list of pages). */
bool vmm_memory__discard_piece (const struct vmm_memory *memory, const struct iovec *piece);

#endif
