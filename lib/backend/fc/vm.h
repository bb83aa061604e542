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

typedef struct kata_fc_vm {
  kata_external_vm base; /* first, so that the verbs which are alike for all VMMs take it */
  uint32_t places;       /* for disks that come later */
  uint32_t vcpus;        /* of the start, as the next */
  uint64_t memory_mib;
  uint64_t room_mib; /* for memory that comes later */
  uint32_t uid, gid; /* whom the jailer makes of it */
  char root[512];    /* of the jail, from the sandbox's directory; "" = none */
} kata_fc_vm;

/** What a handle knows of the plan. @program: Firecracker; NULL = the plan's. */
void kata_fc__describe (kata_fc_vm *vm, const kata_vm_plan *plan, const char *program);

/** Waits until the VMM answers. */
int kata_fc__await (kata_external_vm *vm, int64_t deadline_us, kata_error **err);
/** Asks the VMM. KATA_E_VMM with what it says when it refuses. */
int kata_fc__ask (kata_external_vm *vm, const kata_fc_request *request, int64_t deadline_us, kata_error **err);
/** Asks it for something. @body: g_free(). */
int kata_fc__get (char **body, kata_external_vm *vm, const char *path, int64_t deadline_us, kata_error **err);

/** The program and its version. */
int kata_fc__find (char **program, unsigned version[3], const kata_vm_plan *plan, kata_error **err); /* probe.c */
/** The jailer, if the plan has one; else *jailer is NULL. */
int kata_fc__find_jailer (char **jailer, const kata_vm_plan *plan, kata_error **err);
int kata_fc__probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err);
int kata_fc__launch (void **vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err);
/** @dir: of a snapshot, whose guest it takes; NULL = it boots one. */
int
kata_fc__start (void **vm, const kata_vm_plan *plan, const char *dir, const kata_backend_env *env, kata_error **err);
/** Lets a VMM that has no machine yet take that of a snapshot, if it is the one that @requests would have made. snapshot.c */
int kata_fc__take (kata_fc_vm *vm, const GPtrArray *requests, const char *dir, const kata_backend_env *env,
                   kata_error **err);
int kata_fc__pause (void *vm, const kata_backend_env *env, kata_error **err); /* control.c */
int kata_fc__resume (void *vm, const kata_backend_env *env, kata_error **err);
int kata_fc__stop (void *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err);

/** disk.c: the empty files that later disks take the place of. */
int kata_fc__make_places (kata_fc_vm *vm, const kata_backend_env *env, kata_error **err);

extern const kata_backend_counters kata_fc__counters; /* counters.c */
extern const kata_backend_disk kata_fc__disk;         /* disk.c */
extern const kata_backend_resize kata_fc__resize;     /* resize.c */
extern const kata_backend_snapshot kata_fc__snapshot; /* snapshot.c */

#endif
