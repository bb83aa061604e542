/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory: the guest's RAM as a memfd mapped between guard pages, and every access to it by guest address; knows no KVM. */
#include "vmm/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/raise.h"

#define HUGE_PAGE  (UINT64_C (2) << 20)
#define SMALL_PAGE UINT64_C (4096)
/* Address space only. As wide as a huge page, so that RAM starts at the border of one. */
#define GUARD HUGE_PAGE

/* What pread(2) moves at once is less than 2 GiB. */
#define LOAD_MAX (UINT64_C (1) << 30)

#ifndef MFD_HUGE_2MB
#define MFD_HUGE_2MB (21u << 26)
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* ---- making it ---- */

/* Free 2 MiB pages that nobody has reserved; -1 when the host does not say. */
static long
huge_pages_free (void)
{
  static const char *const names[] = { "free_hugepages", "resv_hugepages" };
  long values[2] = { -1, 0 };
  for (size_t i = 0; i < 2; i++) {
    char path[80];
    snprintf (path, sizeof path, "/sys/kernel/mm/hugepages/hugepages-2048kB/%s", names[i]);
    FILE *file = fopen (path, "re");
    if (file == NULL || fscanf (file, "%ld", &values[i]) != 1)
      values[i] = i == 0 ? -1 : 0;
    if (file != NULL)
      fclose (file);
  }
  return values[0] < 0 ? -1 : values[0] - values[1];
}

static int
no_huge_pages (uint64_t size, int errnum, kata_error **err)
{
  long free_pages = huge_pages_free (), wanted = (long) (size / HUGE_PAGE);
  if (free_pages < 0)
    return kata_error__errno (err, KATA_E_HOST, "enable_hugepages", errnum,
                              "memory: this host has no huge pages of 2 MiB; turn huge pages off");
  return kata_error__set (
      err, KATA_E_HOST, "enable_hugepages",
      "memory: %ld huge pages of 2 MiB are needed, %ld are free, %ld are missing; raise vm.nr_hugepages", wanted,
      free_pages, wanted > free_pages ? wanted - free_pages : 0);
}

static int
make_memfd (int *out, uint64_t size, unsigned flags, kata_error **err)
{
  unsigned huge = flags & VMM_MEMORY_HUGE ? MFD_HUGETLB | MFD_HUGE_2MB : 0;
  kata_auto_fd int fd = memfd_create ("vmm-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING | huge);
  if (fd < 0)
    return huge ? no_huge_pages (size, errno, err)
                : kata_error__errno (err, KATA_E_HOST, "memory", errno, "memory: memfd_create failed");
  if (ftruncate (fd, (off_t) size) < 0)
    return kata_error__errno (err, KATA_E_NO_MEMORY, "memory", errno, "memory: cannot make a memfd of %llu bytes",
                              (unsigned long long) size);
  /* Others map it too (virtiofsd): none of them may make it shorter, which would be SIGBUS for us. */
  if (fcntl (fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
    return kata_error__errno (err, KATA_E_HOST, "memory", errno, "memory: cannot seal the size of the memfd");
  *out = kata_fd__steal (&fd);
  return 0;
}

/* Reserve a piece with a guard on both sides, then lay the memfd into its middle. */
static int
map_region (struct vmm_region *region, int fd, kata_error **err)
{
  size_t span = region->size + 3 * GUARD;
  uint8_t *start = mmap (NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED)
    return kata_error__errno (err, KATA_E_NO_MEMORY, "memory", errno, "memory: no address space for %llu bytes",
                              (unsigned long long) region->size);
  uint64_t lead = (HUGE_PAGE - ((uintptr_t) start & (HUGE_PAGE - 1))) & (HUGE_PAGE - 1);
  uint8_t *host = start + lead + GUARD;
  if (lead > 0)
    munmap (start, lead);
  if (lead < GUARD)
    munmap (host + region->size + GUARD, GUARD - lead);
  if (mmap (host, region->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t) region->fd_offset) ==
      MAP_FAILED) {
    int saved = errno;
    munmap (host - GUARD, region->size + 2 * GUARD);
    return kata_error__errno (err, KATA_E_NO_MEMORY, "memory", saved, "memory: cannot map %llu bytes",
                              (unsigned long long) region->size);
  }
  /* No guest's secrets in a core dump, no copy of its page tables for a child of the caller's. */
  madvise (host, region->size, MADV_DONTDUMP);
  madvise (host, region->size, MADV_DONTFORK);
  region->host = host;
  return 0;
}

static int
populate (const struct vmm_memory *memory, kata_error **err)
{
  for (size_t i = 0; i < memory->n_regions; i++) {
    const struct vmm_region *region = &memory->regions[i];
    if (madvise (region->host, region->size, MADV_POPULATE_WRITE) == 0)
      continue;
    /* Before Linux 5.14; it allocates as well, page tables follow on use. */
    if (errno == EINVAL && fallocate (memory->fd, 0, (off_t) region->fd_offset, (off_t) region->size) == 0)
      continue;
    return kata_error__errno (err, KATA_E_NO_MEMORY, "memory", errno, "memory: cannot allocate all %llu bytes at once",
                              (unsigned long long) memory->size);
  }
  return 0;
}

int
vmm_memory__open (struct vmm_memory *memory, uint64_t size, unsigned flags, kata_error **err)
{
  if (size < VMM_RAM_MIN || size > VMM_RAM_MAX || size % HUGE_PAGE != 0)
    return kata_error__set (err, KATA_E_INVALID, "memory",
                            "memory: %llu bytes: must be a multiple of 2 MiB from 16 MiB to 1 TiB",
                            (unsigned long long) size);
  if (flags & ~(VMM_MEMORY_HUGE | VMM_MEMORY_PREALLOC))
    return kata_error__set (err, KATA_E_INVALID, "memory", "memory: unknown flags 0x%x", flags);
  struct vmm_memory made = { .fd = -1, .size = size, .page_size = flags & VMM_MEMORY_HUGE ? HUGE_PAGE : SMALL_PAGE };
  int result = make_memfd (&made.fd, size, flags, err);
  if (result < 0)
    return result;
  uint64_t low = size < VMM_RAM_LOW_END ? size : VMM_RAM_LOW_END;
  made.regions[0] = (struct vmm_region){ .base = 0, .size = low };
  made.regions[1] = (struct vmm_region){ .base = VMM_RAM_HIGH_BASE, .size = size - low, .fd_offset = low };
  for (size_t i = 0; i < VMM_REGIONS_MAX && made.regions[i].size > 0 && result == 0; i++) {
    kata_error *cause = NULL;
    result = map_region (&made.regions[i], made.fd, &cause);
    if (result == 0)
      made.n_regions++;
    else if (flags & VMM_MEMORY_HUGE) {
      kata_error_unref (cause);
      result = no_huge_pages (size, ENOMEM, err);
    } else
      kata_error__propagate (err, cause);
  }
  if (result == 0 && flags & VMM_MEMORY_PREALLOC)
    result = populate (&made, err);
  if (result < 0)
    vmm_memory__close (&made);
  else
    *memory = made;
  return result;
}

void
vmm_memory__close (struct vmm_memory *memory)
{
  for (size_t i = 0; i < memory->n_regions; i++)
    munmap (memory->regions[i].host - GUARD, memory->regions[i].size + 2 * GUARD);
  kata_fd__closep (&memory->fd);
  memory->n_regions = 0;
  memory->size = 0;
}

/* ---- using it ---- */

/* The host's view of @gpa and how many bytes follow it in its region; NULL when it is not RAM. */
static uint8_t *
piece_at (const struct vmm_memory *memory, vmm_gpa gpa, uint64_t len, uint64_t *piece)
{
  for (size_t i = 0; i < memory->n_regions; i++) {
    const struct vmm_region *region = &memory->regions[i];
    if (gpa < region->base || gpa - region->base >= region->size)
      continue;
    uint64_t offset = gpa - region->base, left = region->size - offset;
    *piece = left < len ? left : len;
    return region->host + offset;
  }
  *piece = len;
  return NULL;
}

/* The host's view when all of it is in one region, as nearly always; NULL says nothing. */
static inline uint8_t *
whole_at (const struct vmm_memory *memory, vmm_gpa gpa, uint64_t len)
{
  for (size_t i = 0; i < memory->n_regions; i++) {
    const struct vmm_region *region = &memory->regions[i];
    uint64_t offset = gpa - region->base;
    if (gpa >= region->base && offset < region->size && len <= region->size - offset)
      return region->host + offset;
  }
  return NULL;
}

static bool
all_ram (const struct vmm_memory *memory, vmm_gpa gpa, uint64_t len)
{
  uint64_t end;
  if (__builtin_add_overflow (gpa, len, &end))
    return false;
  for (uint64_t piece; gpa < end; gpa += piece)
    if (piece_at (memory, gpa, end - gpa, &piece) == NULL)
      return false;
  return true;
}

bool
vmm_memory__read (const struct vmm_memory *memory, vmm_gpa gpa, void *to, size_t len)
{
  const uint8_t *whole = whole_at (memory, gpa, len);
  if (whole != NULL) {
    memcpy (to, whole, len);
    return true;
  }
  if (!all_ram (memory, gpa, len))
    return false;
  uint64_t piece;
  for (uint8_t *p = to; len > 0; p += piece, gpa += piece, len -= piece) {
    const uint8_t *host = piece_at (memory, gpa, len, &piece);
    memcpy (p, host, piece);
  }
  return true;
}

bool
vmm_memory__write (const struct vmm_memory *memory, vmm_gpa gpa, const void *from, size_t len)
{
  uint8_t *whole = whole_at (memory, gpa, len);
  if (whole != NULL) {
    memcpy (whole, from, len);
    return true;
  }
  if (!all_ram (memory, gpa, len))
    return false;
  uint64_t piece;
  for (const uint8_t *p = from; len > 0; p += piece, gpa += piece, len -= piece) {
    uint8_t *host = piece_at (memory, gpa, len, &piece);
    memcpy (host, p, piece);
  }
  return true;
}

bool
vmm_memory__fill (const struct vmm_memory *memory, vmm_gpa gpa, int byte, size_t len)
{
  if (!all_ram (memory, gpa, len))
    return false;
  for (uint64_t piece; len > 0; gpa += piece, len -= piece) {
    uint8_t *host = piece_at (memory, gpa, len, &piece);
    memset (host, byte, piece);
  }
  return true;
}

bool
vmm_memory__slice (const struct vmm_memory *memory, vmm_gpa gpa, uint64_t len, struct iovec *iov, size_t max, size_t *n)
{
  uint8_t *whole = whole_at (memory, gpa, len);
  if (whole != NULL && len > 0 && *n < max) {
    iov[(*n)++] = (struct iovec){ .iov_base = whole, .iov_len = len };
    return true;
  }
  if (!all_ram (memory, gpa, len))
    return false;
  size_t count = *n;
  for (uint64_t piece; len > 0; gpa += piece, len -= piece) {
    uint8_t *host = piece_at (memory, gpa, len, &piece);
    if (count >= max)
      return false;
    iov[count++] = (struct iovec){ .iov_base = host, .iov_len = piece };
  }
  *n = count;
  return true;
}

int64_t
vmm_memory__load (const struct vmm_memory *memory, vmm_gpa gpa, uint64_t len, int fd, uint64_t offset)
{
  uint64_t step;
  uint8_t *host = piece_at (memory, gpa, len < LOAD_MAX ? len : LOAD_MAX, &step);
  if (host == NULL) {
    errno = EFAULT;
    return -1;
  }
  /* All pages at once instead of a fault a page, which is a third of the time; a kernel before 5.14 does not know it. */
  uint64_t mask = memory->page_size - 1;
  uintptr_t start = (uintptr_t) host & ~mask, end = ((uintptr_t) host + step + mask) & ~mask;
  (void) madvise ((void *) start, end - start, MADV_POPULATE_WRITE);
  return pread (fd, host, step, (off_t) offset);
}

static uint16_t *
index_at (const struct vmm_memory *memory, vmm_gpa gpa)
{
  uint64_t piece = 0;
  uint8_t *host = gpa % 2 == 0 ? piece_at (memory, gpa, 2, &piece) : NULL;
  return piece == 2 ? (uint16_t *) (void *) host : NULL;
}

bool
vmm_memory__load_u16 (const struct vmm_memory *memory, vmm_gpa gpa, uint16_t *value)
{
  uint16_t *host = index_at (memory, gpa);
  if (host != NULL)
    *value = __atomic_load_n (host, __ATOMIC_ACQUIRE);
  return host != NULL;
}

bool
vmm_memory__store_u16 (const struct vmm_memory *memory, vmm_gpa gpa, uint16_t value)
{
  uint16_t *host = index_at (memory, gpa);
  if (host != NULL)
    __atomic_store_n (host, value, __ATOMIC_RELEASE);
  return host != NULL;
}

bool
vmm_memory__discard (const struct vmm_memory *memory, vmm_gpa gpa, uint64_t len)
{
  if (!all_ram (memory, gpa, len))
    return false;
  uint64_t mask = memory->page_size - 1, start = (gpa + mask) & ~mask, end = (gpa + len) & ~mask;
  for (size_t i = 0; i < memory->n_regions; i++) {
    const struct vmm_region *region = &memory->regions[i];
    uint64_t from = start > region->base ? start : region->base;
    uint64_t to = end < region->base + region->size ? end : region->base + region->size;
    /* MADV_DONTNEED would only drop our mapping of a shared page. A failure costs memory, no correctness. */
    if (from < to)
      (void) fallocate (memory->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                        (off_t) (region->fd_offset + (from - region->base)), (off_t) (to - from));
  }
  return true;
}

bool
vmm_memory__discard_piece (const struct vmm_memory *memory, const struct iovec *piece)
{
  uintptr_t at = (uintptr_t) piece->iov_base;
  for (size_t i = 0; i < memory->n_regions; i++) {
    const struct vmm_region *region = &memory->regions[i];
    uint64_t offset = at - (uintptr_t) region->host;
    if (at >= (uintptr_t) region->host && offset < region->size)
      return vmm_memory__discard (memory, region->base + offset, piece->iov_len);
  }
  return false;
}
