/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* block: which block devices of the host a container gets, and how the guest's agent is told; pure: what a path leads to is found out by the caller. */
#ifndef KATA_PLAN_BLOCK_H
#define KATA_PLAN_BLOCK_H

#include "plan/container.h"

struct kata_plan_edit;

/** One of libkata's disks of a running guest, that are there for containers' block devices? */
bool kata_plan__is_block (const kata_vm_disk *disk);

/** Strings live in @arena. */
kata_vm_disk *kata_plan__block_disk (kata_arena *arena, const struct kata_block *block);
/** The number of the device that such a disk is. */
bool kata_plan__block_number (const kata_vm_disk *disk, uint32_t *major, uint32_t *minor);

/** The device that @path (as the specification means it: absolute) leads to, or that has this number; NULL. */
const struct kata_block_fact *kata_plan__block_at (const struct kata_plan_edit *e, const char *path);
const struct kata_block_fact *kata_plan__block_of (const struct kata_plan_edit *e, int64_t major, int64_t minor);

/** The container gets it; once if asked for again. *out belongs to the container's plan. */
int kata_plan__take_block (struct kata_block **out, struct kata_plan_edit *e, const struct kata_block_fact *fact,
                           bool readonly, const char *key, kata_error **err);

/** The agent mounts what is on it, or its node, as @how says; a "ro" there makes the disk one that takes no writes. */
int kata_plan__mount_block (struct kata_plan_edit *e, const struct kata_block_fact *fact,
                            const struct kata_storage *how, const char *key, kata_error **err);

/** Once its disks are @sandbox's: where in the guest each of them is. KATA_E_INTERNAL. */
int kata_container_plan__locate (kata_container_plan *container, const kata_plan *sandbox, kata_error **err);

#endif
