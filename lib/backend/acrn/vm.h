/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm: what the files of the ACRN adapter share; private to the adapter. */
#ifndef KATA_BACKEND_ACRN_VM_H
#define KATA_BACKEND_ACRN_VM_H

#include "backend/external-vm.h"

/** The oldest device model whose options these are. */
#define KATA_ACRN_VERSION_MIN "3.0"

extern const kata_external_kind kata_acrn_kind;

int kata_acrn__find (char **program, unsigned version[3], const kata_vm_plan *plan, kata_error **err); /* probe.c */
int kata_acrn__probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err);
int kata_acrn__launch (void **vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err);
int kata_acrn__stop (void *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err); /* launch.c */

#endif
