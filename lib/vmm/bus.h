/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bus: which device answers at an address of the guest's port or memory-mapped space. It knows no KVM. */
#ifndef KATA_VMM_BUS_H
#define KATA_VMM_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kata/error.h>

/**
 * One access inside a range; @len is 1, 2, 4 or 8, @offset + @len does not pass the range's end, alignment is not promised.
 * A read finds *value all ones and stores the answer there (only the low @len bytes count); a write reads it.
 * Called with the machine's device lock held.
 */
typedef void (*vmm_bus_fn) (void *ctx, uint64_t offset, unsigned len, uint64_t *value, bool write);

/**
 * A doorbell: writes of @len bytes at @address add 1 to eventfd @fd without leaving the kernel. @match: only this value, or -1 for any.
 * @len 0, with -1 only: of any width; on Intel's processors KVM then rings it without a look at the instruction.
 * KVM implements it (ioeventfd); without one the bus does it itself.
 */
struct vmm_doorbell_ops {
  int (*attach) (void *ctx, uint64_t address, unsigned len, int64_t match, int fd, kata_error **err);
  void (*detach) (void *ctx, uint64_t address, unsigned len, int64_t match, int fd);
};

struct vmm_bus;

/** @limit: addresses are below it (65536 for ports). @doorbells may be NULL. */
struct vmm_bus *vmm_bus__new (uint64_t limit, const struct vmm_doorbell_ops *doorbells, void *doorbell_ctx);
void vmm_bus__free (struct vmm_bus *bus);

/** KATA_E_EXISTS when it overlaps another range, KATA_E_INVALID outside the limit. */
int vmm_bus__map (struct vmm_bus *bus, uint64_t base, uint64_t len, vmm_bus_fn fn, void *ctx, kata_error **err);
/** Allowed inside an access to the range itself (a BAR that moves). */
void vmm_bus__unmap (struct vmm_bus *bus, uint64_t base);

int vmm_bus__doorbell (struct vmm_bus *bus, uint64_t address, unsigned len, int64_t match, int fd, kata_error **err);
void vmm_bus__doorbell_remove (struct vmm_bus *bus, uint64_t address, unsigned len, int64_t match, int fd);

/** From a vCPU, with the device lock held. Where nobody answers, reads are all ones and writes vanish. */
void vmm_bus__access (struct vmm_bus *bus, uint64_t address, unsigned len, uint64_t *value, bool write);

#endif
