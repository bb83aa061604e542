/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm: what the files of the QEMU adapter share about one virtual machine; private to the adapter. */
#ifndef KATA_BACKEND_QEMU_VM_H
#define KATA_BACKEND_QEMU_VM_H

#include <glib.h>

#include <kata/sys/backend.h>

#include "backend/external-vm.h"
#include "backend/qemu/disk.h"
#include "backend/qemu/machine.h"

/** The oldest QEMU that the command line is for. */
#define KATA_QEMU_VERSION_MIN "6.2"

/** How a machine was made to grow: resize.c, memory.c. */
struct kata_qemu_room {
  uint64_t memory_mib, max_memory_mib; /* from the start, at most */
  uint32_t slots;
  bool virtio_mem, memfd, hugepages, prealloc; /* memfd: others see it, or it is of huge pages, or all there at once */
};

typedef struct kata_qemu_vm {
  kata_external_vm base; /* first, so that the verbs which are alike for all VMMs take it */
  int32_t agent_kind;
  uint32_t serial_ports;
  kata_qemu_disks disks;
  struct kata_qemu_room room;
} kata_qemu_vm;

extern const kata_external_kind kata_qemu_kind;

static inline void
kata_qemu_vm__detach (kata_qemu_vm *vm)
{
  kata_external_vm__detach (vm);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_qemu_vm, kata_qemu_vm__detach)

/* Verbs, by file. */
/* probe.c. @machine: the plan's. */
int kata_qemu__find (char **program, unsigned version[3], const kata_qemu_machine **machine, const kata_vm_plan *plan,
                     kata_error **err);
int kata_qemu__probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err);
int kata_qemu__launch (void **vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err);
int kata_qemu__save (void *vm, char **json, kata_error **err); /* state.c */
int kata_qemu__attach (void **vm, const kata_vm_plan *plan, const char *saved, const kata_backend_env *env,
                       kata_error **err);
int kata_qemu__connect (void *vm, kata_stream *out, const kata_backend_env *env, kata_error **err); /* agent.c */

/* confidential.c: @root: "" but for tests. NULL = nothing is lacking; g_free(). */
char *kata_qemu__lacks_confidential (const char *root, const unsigned version[3]);
/* KATA_E_UNSUPPORTED: the plan's kind of confidential guest is not this host's. */
int
kata_qemu__check_confidential (const kata_vm_plan *plan, const char *root, const unsigned version[3], kata_error **err);
/* sev-*.c: the bit of an address that says "encrypted", and how many bits addresses lose by it; false = not this processor. */
bool kata_qemu__sev_bits (uint32_t *bit, uint32_t *lost);

extern const kata_backend_disk kata_qemu__disk;               /* disk.c */
extern const kata_backend_resize kata_qemu__resize;           /* resize.c */
extern const kata_backend_network kata_qemu__network;         /* network.c */
extern const kata_backend_counters kata_qemu__counters;       /* counters.c */
extern const kata_backend_host_device kata_qemu__host_device; /* host-device.c */

/* tsc.c: "/proc/cpuinfo" but for tests. */
uint32_t kata_qemu__tsc_khz (const char *cpuinfo);

#endif
