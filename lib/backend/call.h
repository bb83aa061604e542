/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* call: the only way to a backend's verbs; checks state, arguments, deadline and "error set exactly when failed", and serialises. */
#ifndef KATA_BACKEND_CALL_H
#define KATA_BACKEND_CALL_H

#include "backend/registry.h"

/** A running (or ended) virtual machine: its backend, the backend's handle, a lock. Thread-safe; not reference-counted: its sandbox owns it. */
typedef struct kata_vm kata_vm;

/** @caps is filled with size and "not probed" reasons beforehand; afterwards each missing capability has a reason. */
int kata_backend__probe (const kata_backend_entry *entry, const kata_vm_plan *plan, kata_capabilities *caps,
                         kata_error **err);
/** Pure. *json to be released with kata_free(). */
int kata_backend__translate (const kata_backend_entry *entry, const kata_vm_plan *plan, char **json, kata_error **err);

/**
 * Makes and starts the VM. @env.record is needed; @env.runtime_data is filled in here. On failure the things made stay, recorded in the journal: the
 * caller replays it. @plan and its strings are needed during the call only; @entry must outlive the VM.
 */
int kata_vm__launch (kata_vm **out, const kata_backend_entry *entry, const kata_vm_plan *plan,
                     const kata_backend_env *env, kata_error **err);
/** Finds a VM again from what kata_vm__save() gave, also one that has ended since (then exit_fd is readable and why says "ended"). */
int kata_vm__attach (kata_vm **out, const kata_backend_entry *entry, const kata_vm_plan *plan, const char *saved,
                     const kata_backend_env *env, kata_error **err);
int kata_vm__save (kata_vm *vm, char **json, kata_error **err);
/** Not serialised with the others: several threads may connect at once, also during a stop. */
int kata_vm__connect (kata_vm *vm, kata_stream *out, const kata_backend_env *env, kata_error **err);
/** Pausing a paused VM is KATA_E_STATE; after an attach the first pause or resume decides. */
int kata_vm__pause (kata_vm *vm, const kata_backend_env *env, kata_error **err);
int kata_vm__resume (kata_vm *vm, const kata_backend_env *env, kata_error **err);
/** Idempotent. */
int kata_vm__stop (kata_vm *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err);
/** -1 = none. Polls readable once the VM has ended; owned by @vm. */
int kata_vm__exit_fd (kata_vm *vm);
/** Never NULL; kata_free(). */
char *kata_vm__why (kata_vm *vm);
size_t kata_vm__pids (kata_vm *vm, int64_t *pids, size_t max);
/** Serialised. KATA_E_UNSUPPORTED where the backend has no kata_backend_network. */
int kata_vm__add_nic (kata_vm *vm, const kata_vm_nic *nic, const kata_backend_env *env, kata_error **err);
int kata_vm__remove_nic (kata_vm *vm, const kata_vm_nic *nic, const kata_backend_env *env, kata_error **err);
/** Serialised. KATA_E_UNSUPPORTED where the backend has no kata_backend_disk. */
int kata_vm__add_disk (kata_vm *vm, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err);
int kata_vm__remove_disk (kata_vm *vm, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err);
/** Serialised. KATA_E_UNSUPPORTED where the backend has no kata_backend_host_device. */
int kata_vm__add_host_device (kata_vm *vm, const kata_vm_host_device *device, const kata_backend_env *env,
                              kata_error **err);
int kata_vm__remove_host_device (kata_vm *vm, const kata_vm_host_device *device, const kata_backend_env *env,
                                 kata_error **err);
/** "03/00": where the guest has it on its PCI buses; kata_free(). */
int
kata_vm__place_disk (kata_vm *vm, const kata_vm_disk *disk, char **path, const kata_backend_env *env, kata_error **err);
/** Of a paused VM, into the empty directory @dir: KATA_E_STATE otherwise. KATA_E_UNSUPPORTED where the backend has no kata_backend_snapshot. Serialised. */
int kata_vm__snapshot (kata_vm *vm, const char *dir, const kata_backend_env *env, kata_error **err);
/** As kata_vm__launch(), but the guest is that of @dir, and paused. */
int kata_vm__restore (kata_vm **out, const kata_backend_entry *entry, const kata_vm_plan *plan, const char *dir,
                      const kata_backend_env *env, kata_error **err);
/**
 * What the VMM counts, as the backend has it from there: untrusted. Does not wait for another call on the VM: KATA_E_BUSY. KATA_E_UNSUPPORTED where the
 * backend has no kata_backend_counters.
 */
int kata_vm__counters (kata_vm *vm, char **json, const kata_backend_env *env, kata_error **err);
/**
 * Serialised. @now: what the guest has afterwards, at least one and at most @most; after a failure too where that is known, else untouched. KATA_E_UNSUPPORTED where the backend has no kata_backend_resize, or not
 * this verb of it; KATA_E_PROTOCOL when it says what cannot be.
 */
int kata_vm__resize_vcpus (kata_vm *vm, uint32_t vcpus, uint32_t most, uint32_t *now, const kata_backend_env *env,
                           kata_error **err);
int kata_vm__resize_memory (kata_vm *vm, uint64_t mib, uint64_t most, uint64_t *now, const kata_backend_env *env,
                            kata_error **err);
/** Serialised. What there is; untouched after a failure and where the backend does not tell. *vcpus = 0: some are still to go. */
int kata_vm__tell_size (kata_vm *vm, const kata_vm_plan *plan, uint32_t *vcpus, uint64_t *mib,
                        const kata_backend_env *env, kata_error **err);
/** The optional table @interface_name, or NULL. */
const void *kata_vm__query (kata_vm *vm, const char *interface_name);
/** Releases the handle (no other call may be under way); the VM goes on. NULL is fine. */
void kata_vm__free (kata_vm *vm);

#endif
