/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm: what the files of the StratoVirt adapter share; private to the adapter and to the fake of its VMM. */
#ifndef KATA_BACKEND_STRATOVIRT_VM_H
#define KATA_BACKEND_STRATOVIRT_VM_H

#include "backend/external-vm.h"
#include "backend/stratovirt/argv.h"

/** The oldest StratoVirt whose options and QMP these are: device_add with "drive", machine names in small letters. */
#define KATA_STRATOVIRT_VERSION_MIN "2.4"

/** And the first that tells the guest the serial number of a disk that comes later. */
#define KATA_STRATOVIRT_VERSION_DISKS "2.5"

typedef struct kata_stratovirt_vm {
  kata_external_vm base;
  kata_stratovirt_disks disks;
} kata_stratovirt_vm;

extern const kata_external_kind kata_stratovirt_kind;
extern const kata_backend_disk kata_stratovirt__disk; /* disk.c */

int
kata_stratovirt__find (char **program, unsigned version[3], const kata_vm_plan *plan, kata_error **err); /* probe.c */
int kata_stratovirt__probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err);

/** Where a context id comes from: kata_vsock__take(), but for a fake, which the kernel's vsock does not reach. */
typedef int (*kata_stratovirt_take) (int *fd, uint32_t *cid, uint32_t wanted, kata_error **err);
int kata_stratovirt__launch_with (void **vm, const kata_vm_plan *plan, const kata_backend_env *env,
                                  kata_stratovirt_take take, kata_error **err);
/** KATA_E_GUEST: it is no bzImage. */
int kata_stratovirt__check_kernel (const char *path, kata_error **err);
int kata_stratovirt__launch (void **vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err);

#endif
