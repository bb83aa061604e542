/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm: what the files of the ACRN adapter share; private to the adapter and to the fake of its device model. */
#ifndef KATA_BACKEND_ACRN_VM_H
#define KATA_BACKEND_ACRN_VM_H

#include "backend/acrn/argv.h"
#include "backend/external-vm.h"

/** The oldest device model whose options these are. */
#define KATA_ACRN_VERSION_MIN "3.0"

typedef struct kata_acrn_vm {
  kata_external_vm base;
  char name[KATA_ACRN_NAME_SIZE];
  char control[512];  /* of acrnctl; "" = there is none */
  uint32_t port_slot; /* the PCI slot of the first disk that can come later */
  uint32_t ports;
  uint64_t file_max; /* how long a file may become that acrn-dm writes */
} kata_acrn_vm;

extern const kata_external_kind kata_acrn_kind;
extern const kata_backend_disk kata_acrn__disk; /* disk.c */

int kata_acrn__find (char **program, unsigned version[3], const kata_vm_plan *plan, kata_error **err); /* probe.c */
/** acrnctl; KATA_E_HOST. */
int kata_acrn__find_control (char **program, const kata_vm_plan *plan, kata_error **err);
int kata_acrn__probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err);

/** Where a context id comes from: kata_vsock__take(), but for a fake, which the kernel's vsock does not reach. */
typedef int (*kata_acrn_take) (int *fd, uint32_t *cid, uint32_t wanted, kata_error **err);
int kata_acrn__launch_with (void **vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_acrn_take take,
                            kata_error **err); /* launch.c */
int kata_acrn__launch (void **vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err);
int kata_acrn__attach (void **vm, const kata_vm_plan *plan, const char *saved, const kata_backend_env *env,
                       kata_error **err);

/** Runs `acrnctl @verb NAME [@argument]`. KATA_E_UNSUPPORTED: there is no acrnctl; KATA_E_VMM: it failed, with what it said; KATA_E_TIMEOUT. */
int kata_acrn__control (kata_acrn_vm *vm, const char *verb, const char *argument, int64_t deadline_us,
                        kata_error **err); /* control.c */
/** What the guest prints shall not fill the host's disk: limits the files that acrn-dm writes, once its machine exists. */
void kata_acrn__bound (kata_acrn_vm *vm);
/** The verbs; connecting is what @connect does, and then the limit. */
int kata_acrn__connect (void *vm, kata_stream *out, const kata_backend_env *env, kata_error **err);
int kata_acrn__stop (void *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err);

#endif
