/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pack: how a container's directories reach a guest without sharing: an EROFS image on a disk, and in the guest an overlay that can be written; pure. */
#ifndef KATA_PLAN_PACK_H
#define KATA_PLAN_PACK_H

#include "plan/container.h"

/** How long such a disk seems; what is in its file takes only the room that it needs. */
#define KATA_PACK_BYTES (UINT64_C (32) << 30)
/** Disks of a machine in all. */
#define KATA_DISKS_MAX 16u

/** The disk of number @n that is there for images; NULL = there are not so many. */
const kata_vm_disk *kata_plan__pack_disk (const kata_plan *plan, size_t n);

/** One of those? */
bool kata_plan__is_pack (const kata_vm_disk *disk);

/** Sets driver and source. */
void
kata_plan__find_disk (struct kata_storage *storage, kata_arena *arena, const kata_plan *plan, const kata_vm_disk *disk);

/** The container's directories come from the image on @disk: adds three storages, which kata_container_plan__make() has left room for. Once. */
void kata_container_plan__unpack (kata_container_plan *container, const kata_plan *plan, const kata_vm_disk *disk);

#endif
