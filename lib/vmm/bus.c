/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bus: a sorted table of ranges and who answers there; doorbells too where the kernel does not carry them. */
#include "vmm/bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/raise.h"

/* More than any machine has: 64 functions with a few ranges each. A BAR that the guest moves in a loop does not add ranges. */
#define RANGES_MAX    512
#define DOORBELLS_MAX 4096

struct range {
  uint64_t base, len;
  vmm_bus_fn fn;
  void *ctx;
};

struct doorbell {
  uint64_t address;
  unsigned len;
  int64_t match;
  int fd;
};

struct vmm_bus {
  uint64_t limit;
  const struct vmm_doorbell_ops *doorbell_ops;
  void *doorbell_ctx;
  size_t n_ranges, n_doorbells;
  struct range *ranges; /* by base, none overlaps */
  struct doorbell *doorbells;
};

struct vmm_bus *
vmm_bus__new (uint64_t limit, const struct vmm_doorbell_ops *doorbells, void *doorbell_ctx)
{
  struct vmm_bus *bus = calloc (1, sizeof *bus);
  if (bus != NULL)
    *bus = (struct vmm_bus){ .limit = limit, .doorbell_ops = doorbells, .doorbell_ctx = doorbell_ctx };
  return bus;
}

void
vmm_bus__free (struct vmm_bus *bus)
{
  if (bus == NULL)
    return;
  free (bus->ranges);
  free (bus->doorbells);
  free (bus);
}

/* Index of the first range that ends above @address. */
static size_t
lower_bound (const struct vmm_bus *bus, uint64_t address)
{
  size_t low = 0, high = bus->n_ranges;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (bus->ranges[middle].base + (bus->ranges[middle].len - 1) < address)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

int
vmm_bus__map (struct vmm_bus *bus, uint64_t base, uint64_t len, vmm_bus_fn fn, void *ctx, kata_error **err)
{
  uint64_t end;
  if (len == 0 || __builtin_add_overflow (base, len, &end) || end > bus->limit)
    return kata_error__set (err, KATA_E_INVALID, NULL, "bus: 0x%llx bytes at 0x%llx do not fit below 0x%llx",
                            (unsigned long long) len, (unsigned long long) base, (unsigned long long) bus->limit);
  size_t at = lower_bound (bus, base);
  if (at < bus->n_ranges && bus->ranges[at].base < end)
    return kata_error__set (err, KATA_E_EXISTS, NULL, "bus: 0x%llx bytes at 0x%llx overlap a device at 0x%llx",
                            (unsigned long long) len, (unsigned long long) base,
                            (unsigned long long) bus->ranges[at].base);
  if (bus->n_ranges >= RANGES_MAX)
    return kata_error__set (err, KATA_E_LIMIT, NULL, "bus: more than %d ranges", RANGES_MAX);
  struct range *ranges = realloc (bus->ranges, (bus->n_ranges + 1) * sizeof *ranges);
  if (ranges == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "bus: no memory for a range");
  memmove (ranges + at + 1, ranges + at, (bus->n_ranges - at) * sizeof *ranges);
  ranges[at] = (struct range){ .base = base, .len = len, .fn = fn, .ctx = ctx };
  bus->ranges = ranges;
  bus->n_ranges++;
  return 0;
}

void
vmm_bus__unmap (struct vmm_bus *bus, uint64_t base)
{
  size_t at = lower_bound (bus, base);
  if (at >= bus->n_ranges || bus->ranges[at].base != base)
    return;
  bus->n_ranges--;
  memmove (bus->ranges + at, bus->ranges + at + 1, (bus->n_ranges - at) * sizeof *bus->ranges);
}

/* ---- doorbells ---- */

int
vmm_bus__doorbell (struct vmm_bus *bus, uint64_t address, unsigned len, int64_t match, int fd, kata_error **err)
{
  if (bus->doorbell_ops != NULL)
    return bus->doorbell_ops->attach (bus->doorbell_ctx, address, len, match, fd, err);
  if (bus->n_doorbells >= DOORBELLS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, NULL, "bus: more than %d doorbells", DOORBELLS_MAX);
  struct doorbell *doorbells = realloc (bus->doorbells, (bus->n_doorbells + 1) * sizeof *doorbells);
  if (doorbells == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "bus: no memory for a doorbell");
  doorbells[bus->n_doorbells++] = (struct doorbell){ .address = address, .len = len, .match = match, .fd = fd };
  bus->doorbells = doorbells;
  return 0;
}

void
vmm_bus__doorbell_remove (struct vmm_bus *bus, uint64_t address, unsigned len, int64_t match, int fd)
{
  if (bus->doorbell_ops != NULL) {
    bus->doorbell_ops->detach (bus->doorbell_ctx, address, len, match, fd);
    return;
  }
  for (size_t i = 0; i < bus->n_doorbells; i++) {
    const struct doorbell *d = &bus->doorbells[i];
    if (d->address != address || d->len != len || d->match != match || d->fd != fd)
      continue;
    bus->doorbells[i] = bus->doorbells[--bus->n_doorbells];
    return;
  }
}

static bool
ring_doorbell (const struct vmm_bus *bus, uint64_t address, unsigned len, uint64_t value)
{
  bool rung = false;
  for (size_t i = 0; i < bus->n_doorbells && !rung; i++) {
    const struct doorbell *d = &bus->doorbells[i];
    rung = d->address == address && (d->len == len || d->len == 0) && (d->match == -1 || (uint64_t) d->match == value);
    /* A full counter is a doorbell that rings already. */
    if (rung && write (d->fd, &(uint64_t){ 1 }, sizeof (uint64_t)) < 0 && errno != EAGAIN)
      rung = false;
  }
  return rung;
}

/* ---- access ---- */

void
vmm_bus__access (struct vmm_bus *bus, uint64_t address, unsigned len, uint64_t *value, bool write)
{
  uint64_t mask = len >= 8 ? UINT64_MAX : (UINT64_C (1) << (8 * len)) - 1;
  if (!write)
    *value = UINT64_MAX;
  else if (ring_doorbell (bus, address, len, *value & mask))
    return;
  size_t at = lower_bound (bus, address);
  if (at < bus->n_ranges && bus->ranges[at].base <= address) {
    /* A copy: the device may unmap itself, or others, while it answers. */
    struct range range = bus->ranges[at];
    uint64_t offset = address - range.base, masked = *value & mask;
    if (write && len <= range.len - offset)
      range.fn (range.ctx, offset, len, &masked, true);
    else if (len <= range.len - offset)
      range.fn (range.ctx, offset, len, value, false);
  }
  if (!write)
    *value &= mask;
}
