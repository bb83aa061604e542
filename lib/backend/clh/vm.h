/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm: what the files of the Cloud Hypervisor adapter share; private to the adapter. */
#ifndef KATA_BACKEND_CLH_VM_H
#define KATA_BACKEND_CLH_VM_H

#include "backend/clh/config.h"
#include "backend/external-vm.h"
#include "backend/http.h"

/** The oldest Cloud Hypervisor whose API this is. */
#define KATA_CLH_VERSION_MIN 51u

extern const kata_external_kind kata_clh_kind;

/** What comes later. */
struct kata_clh_room {
  uint64_t memory_mib; /* of the start */
  bool virtio_mem;
};

typedef struct kata_clh_vm {
  kata_external_vm base; /* first, so that the verbs which are alike for all VMMs take it */
  int64_t events_at;     /* so much of the event monitor's file was read */
  bool panicked, reset;  /* what it said of the guest */
  struct kata_clh_limits net_limits;
  struct kata_clh_disks disks;
  struct kata_clh_room room;
} kata_clh_vm;

/** Asks the VMM: "vm.boot" with @body or none. KATA_E_VMM with what it says when it refuses. */
int kata_clh__put (kata_external_vm *vm, const char *action, const char *body, const int *fds, size_t n_fds,
                   int64_t deadline_us, kata_error **err);
/** Asks it for something: "vm.info". @body: g_free(). */
int kata_clh__get (char **body, kata_external_vm *vm, const char *action, int64_t deadline_us, kata_error **err);
/** Waits until the VMM answers. */
int kata_clh__ping (kata_external_vm *vm, int64_t deadline_us, kata_error **err);

int kata_clh__find (char **program, unsigned version[3], const kata_vm_plan *plan, kata_error **err); /* probe.c */
int kata_clh__probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err);
int kata_clh__launch (void **vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err);
/** @dir: of a snapshot, whose guest it takes; NULL = it boots one. */
int
kata_clh__start (void **vm, const kata_vm_plan *plan, const char *dir, const kata_backend_env *env, kata_error **err);
/** Lets a VMM that has no VM yet take that of a snapshot. @planned: kata_clh__vm_config(). snapshot.c */
int kata_clh__take (kata_external_vm *vm, const char *dir, const char *planned, const kata_backend_env *env,
                    kata_error **err);
int kata_clh__pause (void *vm, const kata_backend_env *env, kata_error **err); /* control.c */
int kata_clh__resume (void *vm, const kata_backend_env *env, kata_error **err);
int kata_clh__stop (void *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err);

void kata_clh__look (kata_external_vm *vm); /* monitor.c: the kind's look and told */
const char *kata_clh__told (const kata_external_vm *vm, bool *panic);

/** A device that came later. */
struct kata_clh_device {
  const char *section;     /* of the VM's configuration: "net" */
  const char *id;          /* in the VMM */
  const char *what, *name; /* for errors */
};
/** Asks for it and waits until it is gone. One that is not there is no failure. KATA_E_TIMEOUT. */
int
kata_clh__release (kata_external_vm *vm, const struct kata_clh_device *device, int64_t deadline_us, kata_error **err);

/** disk.c: the places for the files of disks that come later, recorded. */
int
kata_clh__make_ports (kata_external_vm *vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err);

/** kata_backend_disk's verb. device.c */
int kata_clh__place (void *vm, const kata_vm_disk *disk, char **path, const kata_backend_env *env, kata_error **err);

extern const kata_backend_disk kata_clh__disk;               /* disk.c */
extern const kata_backend_network kata_clh__network;         /* network.c */
extern const kata_backend_counters kata_clh__counters;       /* counters.c */
extern const kata_backend_host_device kata_clh__host_device; /* host-device.c */
extern const kata_backend_snapshot kata_clh__snapshot;       /* snapshot.c */
extern const kata_backend_resize kata_clh__resize;           /* resize.c */

/** From a plan, what later calls need: for a machine that is started, and for one that is found again. */
void kata_clh__remember (kata_clh_vm *vm, const kata_vm_plan *plan);

#endif
