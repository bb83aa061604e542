/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vfio: can a guest be given PCI functions of this host? It looks and says what to do; it binds nothing to a driver. */
#ifndef KATA_HOST_VFIO_H
#define KATA_HOST_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kata/error.h>

#define KATA_VFIO_DIR       "/dev/vfio"
#define KATA_VFIO_CONTAINER KATA_VFIO_DIR "/vfio"

/** Can VFIO be opened at all? If not, @reason has a sentence with what to do. */
bool kata_vfio__usable (const char *root, char *reason, size_t size);

/**
 * Can all of them be given to one guest, which has @memory_mib? @addresses: @n, as kata_pci__parse() makes them. @root: "" but for tests. KATA_E_NOT_FOUND,
 * KATA_E_INVALID (a bridge), KATA_E_HOST (no VFIO, no IOMMU, another driver, too little memory may be locked), KATA_E_PERMISSION, KATA_E_BUSY; the key
 * is the address.
 */
int kata_vfio__check (const char *root, const char *const *addresses, size_t n, uint64_t memory_mib, kata_error **err);

/** A machine that runs already, and what it has. */
struct kata_vfio_machine {
  int64_t pid;         /* of its VMM; 0 = none that could be looked at */
  uint64_t memory_mib; /* at most */
  bool has_group;      /* another function of the group is in it: no second process can have opened it */
};

/** The same for one function that a running machine is to get: what it may lock was decided when it started. */
int kata_vfio__check_late (const char *root, const char *address, const struct kata_vfio_machine *machine,
                           kata_error **err);

/** Has the process opened the file of the group? false where that cannot be looked at. */
bool kata_vfio__holds (const char *root, int64_t pid, int64_t group);

#endif
