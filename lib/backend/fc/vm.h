/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm: what the files of the Firecracker adapter share; private to the adapter. */
#ifndef KATA_BACKEND_FC_VM_H
#define KATA_BACKEND_FC_VM_H

#include "backend/external-vm.h"
#include "backend/fc/request.h"

/** The oldest Firecracker whose API this is. */
#define KATA_FC_VERSION_MAJOR 1u
#define KATA_FC_VERSION_MINOR 12u

/** The second for versions before 1.14, which print the guest's console on their standard output. */
extern const kata_external_kind kata_fc_kind, kata_fc_kind_stdout;

/** Waits until the VMM answers. */
int kata_fc__await (kata_external_vm *vm, int64_t deadline_us, kata_error **err);
/** Asks the VMM. KATA_E_VMM with what it says when it refuses. */
int kata_fc__ask (kata_external_vm *vm, const kata_fc_request *request, int64_t deadline_us, kata_error **err);

/** The program and its version. */
int kata_fc__find (char **program, unsigned version[3], const kata_vm_plan *plan, kata_error **err); /* probe.c */
/** The jailer, if the plan has one; else *jailer is NULL. */
int kata_fc__find_jailer (char **jailer, const kata_vm_plan *plan, kata_error **err);
int kata_fc__probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err);
int kata_fc__launch (void **vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err);
int kata_fc__pause (void *vm, const kata_backend_env *env, kata_error **err); /* control.c */
int kata_fc__resume (void *vm, const kata_backend_env *env, kata_error **err);
int kata_fc__stop (void *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err);

extern const kata_backend_counters kata_fc__counters; /* counters.c */

#endif
