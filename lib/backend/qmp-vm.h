/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qmp-vm: the verbs that are alike for VMMs controlled over QMP; what else such a VMM is told is its adapter's business. */
#ifndef KATA_BACKEND_QMP_VM_H
#define KATA_BACKEND_QMP_VM_H

#include "backend/external-vm.h"
#include "backend/qmp.h"

/** One command without arguments. */
int kata_qmp_vm__command (kata_external_vm *vm, const char *name, int64_t deadline_us, kata_error **err);
/** After the start: waits until it takes commands, then bounds its logs. An error has the VMM's own words. */
int
kata_qmp_vm__wait_ready (kata_external_vm *vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err);

/* Verbs of the backend's table; @vm is a kata_external_vm. */
int kata_qmp_vm__pause (void *vm, const kata_backend_env *env, kata_error **err);
int kata_qmp_vm__resume (void *vm, const kata_backend_env *env, kata_error **err);
int kata_qmp_vm__stop (void *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err);

#endif
