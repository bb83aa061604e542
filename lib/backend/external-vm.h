/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* external-vm: the handle of a virtual machine whose VMM is a program of its own, with a virtiofsd or without; which VMM is in its kind. */
#ifndef KATA_BACKEND_EXTERNAL_VM_H
#define KATA_BACKEND_EXTERNAL_VM_H

#include <stdbool.h>

#include <glib.h>

#include "backend/external.h"
#include "backend/process.h"

typedef struct kata_external_vm kata_external_vm;

/** What differs between VMMs; constant. */
typedef struct kata_external_kind {
  const char *name; /* of the hypervisor in the configuration: "clh" */
  const char *program;
  struct kata_external_logs logs;
  const char *vsock_socket; /* of the CONNECT protocol; NULL = none */
  size_t vm_size;           /* bytes of a handle that attach() makes; 0 = those of kata_external_vm */
  /** (nullable): before it is asked whether the VMM has ended: a guest that is gone although its VMM is there. With the lock held. */
  void (*look) (kata_external_vm *vm);
  /** (nullable): what look() learned of the end, a part of a sentence; NULL = nothing. *@panic: it was the guest's panic. With the lock held. */
  const char *(*told) (const kata_external_vm *vm, bool *panic);
  bool console_stdout; /* the guest's console is the program's standard output */
} kata_external_kind;

struct kata_external_vm {
  const kata_external_kind *kind;
  char *dir;
  int dir_fd;
  kata_backend_process vmm, virtiofsd;
  int gone_fd; /* readable; stands for the pidfd of a VMM that ended before we attached. Else -1. */
  uint32_t port;
  uint32_t cid;           /* of vhost-vsock; 0 = none */
  int log_fd, console_fd; /* from the making of the logs to the start of the VMM; else -1 */
  GThread *watcher;       /* external-watch.c; it uses the descriptors of the processes */
  int stop_fd;
  bool locks_memory; /* of the guest, for devices that reach into it */
  GMutex lock;       /* guards the two exit statuses, and what the kind's look() learned */
};

/** With the directory open, in @size bytes: an adapter's handle may have more behind it, which needs no freeing. */
int kata_external_vm__new (void **out, size_t size, const kata_external_kind *kind, const kata_vm_plan *plan,
                           kata_error **err);
/** Has the VMM ended? Reaps it then, if it is our child. */
bool kata_external_vm__ended (kata_external_vm *vm);
/** An error about a VM that has ended: KATA_E_GUEST when its kernel panicked, else KATA_E_VMM. */
int kata_external_vm__ended_error (kata_external_vm *vm, const char *doing, kata_error **err);
/** For a launch that failed: ends what is ours, and waits for it. */
void kata_external_vm__discard (kata_external_vm *vm);
/** KATA_E_GUEST: a file of the plan is not there or empty; keys are those of the kind. @write_disks: disks are opened as the guest will have them. */
int kata_external_vm__check_files (const kata_external_kind *kind, const kata_vm_plan *plan, bool write_disks,
                                   kata_error **err);
/** Starts virtiofsd, if the plan shares a directory. */
int kata_external_vm__start_share (kata_external_vm *vm, const kata_vm_plan *plan, const kata_backend_env *env,
                                   kata_error **err);
/** Makes the kind's logs, recorded. kata_external_vm__spawn() does it, unless it was done before. */
int kata_external_vm__make_logs (kata_external_vm *vm, const kata_backend_env *env, kata_error **err);
/** Starts the VMM in the sandbox's directory, with the kind's logs made, and recorded. @fds are what it gets besides. */
int kata_external_vm__spawn (kata_external_vm *vm, char **argv, const kata_child_fd *fds, size_t n_fds,
                             const kata_backend_env *env, kata_error **err);
/** The same in the plan's network namespace, if it has one. */
int
kata_external_vm__spawn_there (kata_external_vm *vm, const kata_vm_plan *plan, char **argv, const kata_child_fd *fds,
                               size_t n_fds, const kata_backend_env *env, kata_error **err);
/** From now on the end of virtiofsd ends the VMM, as long as this handle is open. Where it is gone already, the VMM is ended now. spawn() and reopen() do it. */
void kata_external_vm__watch (kata_external_vm *vm);
void kata_external_vm__unwatch (kata_external_vm *vm);
/** After read_saved of an adapter: takes up the processes that are still there. */
int kata_external_vm__reopen (kata_external_vm *vm, const char *id, kata_error **err);

/** Asks a running VMM for something by its name. */
typedef int (*kata_external_command) (kata_external_vm *vm, const char *name, int64_t deadline_us, kata_error **err);
/** The backend's verb: within @grace_ms by @press, the power button; then by @quit; then by force. Returns when all processes are gone. */
int kata_external_vm__stop (kata_external_vm *vm, kata_external_command command, const char *press, const char *quit,
                            int64_t grace_ms, const kata_backend_env *env, kata_error **err);

/* Verbs of the backend's table; @vm is a kata_external_vm. */
int kata_external_vm__save (void *vm, char **json, kata_error **err);
int kata_external_vm__exit_fd (void *vm);
char *kata_external_vm__why (void *vm);
size_t kata_external_vm__pids (void *vm, int64_t *pids, size_t max);
/** Closes descriptors; ends nothing. */
void kata_external_vm__detach (void *vm);
/** Over the kind's vsock socket. */
int kata_external_vm__connect (void *vm, kata_stream *out, const kata_backend_env *env, kata_error **err);
/** A new handle becomes that of the VM of which save() wrote. */
int kata_external_vm__take_up (kata_external_vm *vm, const char *id, const char *saved, kata_error **err);
/** From what save() wrote. */
int kata_external_vm__attach (kata_external_vm **out, const kata_external_kind *kind, const kata_vm_plan *plan,
                              const char *saved, kata_error **err);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_external_vm, kata_external_vm__detach)

#endif
