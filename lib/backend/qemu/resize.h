/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resize: what vCPUs and memory that come to a running machine are called, and what QEMU is told of them. */
#ifndef KATA_BACKEND_QEMU_RESIZE_H
#define KATA_BACKEND_QEMU_RESIZE_H

#include <json-glib/json-glib.h>

#include "backend/qemu/vm.h"
#include "backend/qmp.h"

/** The ids of what comes later: a vCPU, a DIMM, what backs it; and of the one virtio-mem device, there from the start, and what backs that. */
#define KATA_QEMU_CPU       "cpu%u"
#define KATA_QEMU_DIMM      "dimm%u"
#define KATA_QEMU_DIMM_BACK "dimm%u-memory"
#define KATA_QEMU_VMEM      "later"
#define KATA_QEMU_VMEM_BACK "later-memory"
#define KATA_QEMU_STEP_MIB  128u
#define KATA_QEMU_SLOTS_MAX 256u

/** What a machine's plan says about its growth. */
struct kata_qemu_room kata_qemu__room (const kata_vm_plan *plan);

/** Pure: of one entry of query-hotpluggable-cpus the arguments of device_add, under the id of number @n; g_free(). NULL: it is none. */
char *kata_qemu__cpu_arguments (JsonNode *entry, uint32_t n);
/** Pure: the arguments of object-add and device_add for DIMM number @n of @mib; g_free() both. */
void kata_qemu__dimm_arguments (char **back, char **dimm, const struct kata_qemu_room *room, uint32_t n, uint64_t mib);
/** What memory is backed by, as an object's type. */
const char *kata_qemu__memory_type (bool memfd);

int kata_qemu__resize_memory (void *vm, uint64_t mib, uint64_t *now, const kata_backend_env *env, kata_error **err);
/** How much there is. */
int kata_qemu__tell_memory (uint64_t *mib, kata_qemu_vm *vm, kata_qmp *qmp, int64_t deadline_us, kata_error **err);

/** A whole number of an object that QEMU sent; false: it is none, or below 0. */
bool kata_qemu__number (JsonObject *object, const char *name, uint64_t *out);
/** The objects of an array that QEMU sent, at most @max; KATA_E_PROTOCOL for anything else. */
int kata_qemu__objects (JsonArray **out, JsonNode *result, const char *command, guint max, kata_error **err);

#endif
