/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm: what the files of the built-in adapter share about one virtual machine; private to the adapter. */
#ifndef KATA_BACKEND_BUILTIN_VM_H
#define KATA_BACKEND_BUILTIN_VM_H

#include <stdbool.h>

#include <glib.h>

#include <kata/sys/backend.h>

#include "backend/process.h"

/* Names in the sandbox's directory. */
#define KATA_BUILTIN_VSOCK_SOCKET   "vsock.sock"
#define KATA_BUILTIN_CONTROL_SOCKET "control.sock"
#define KATA_BUILTIN_CONSOLE_LOG    "console.log"
#define KATA_BUILTIN_VMM_LOG        "kata-vmm.log"
/** Of every guest: its vsock is its own, so the number need not differ. */
#define KATA_BUILTIN_CID 3u

struct kata_builtin_thread;

typedef struct kata_builtin_vm {
  char *dir;
  int dir_fd;
  int32_t isolation;        /* enum kata_isolation */
  kata_backend_process vmm; /* kata-vmm; with threads the process that they are in, which may be ours */
  kata_backend_process virtiofsd;
  struct kata_builtin_thread *thread; /* the machine itself, when it runs in this process by this handle; else NULL */
  int gone_fd;                        /* readable once the VM has ended, where no pidfd says so; else -1 */
  uint32_t port;
  GMutex lock; /* guards the exit statuses */
} kata_builtin_vm;

kata_builtin_vm *kata_builtin_vm__new (const char *dir);
/** Closes descriptors. A machine in threads of ours goes on until it ends by itself or the process does. */
void kata_builtin_vm__free (kata_builtin_vm *vm);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_builtin_vm, kata_builtin_vm__free)

bool kata_builtin_vm__ended (kata_builtin_vm *vm);
/** Readable when it has ended. */
int kata_builtin_vm__exit_fd (kata_builtin_vm *vm);
/** How things stand: exit status, why the machine ended, a kernel's panic; g_free(). */
char *kata_builtin_vm__why (kata_builtin_vm *vm);
/** An error about a VM that has ended: KATA_E_GUEST when its kernel panicked, else KATA_E_VMM. */
int kata_builtin_vm__ended_error (kata_builtin_vm *vm, const char *doing, kata_error **err);

/* Verbs, by file. */
int kata_builtin__probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err);
int kata_builtin__find (char **program, const kata_vm_plan *plan, kata_error **err); /* probe.c: kata-vmm */
int kata_builtin__launch (void **vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err);
int kata_builtin__save (void *vm, char **json, kata_error **err); /* state.c */
int kata_builtin__attach (void **vm, const kata_vm_plan *plan, const char *saved, const kata_backend_env *env,
                          kata_error **err);
int kata_builtin__connect (void *vm, kata_stream *out, const kata_backend_env *env, kata_error **err); /* agent.c */
int kata_builtin__pause (void *vm, const kata_backend_env *env, kata_error **err);                     /* control.c */
int kata_builtin__resume (void *vm, const kata_backend_env *env, kata_error **err);
int kata_builtin__stop (void *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err);

#endif
