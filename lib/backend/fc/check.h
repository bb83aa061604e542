/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check: whether Firecracker can do what a plan asks for; pure. */
#ifndef KATA_BACKEND_FC_CHECK_H
#define KATA_BACKEND_FC_CHECK_H

#include <kata/sys/backend.h>

/* Without PCI each device has one of the lines 5 to 23, and VMGenID and VMClock have two of these. */
#define KATA_FC_DEVICES_MAX 17u

/** Of the plan's ports for disks that come later so many as there are devices left for. */
uint32_t kata_fc__places (const kata_vm_plan *plan);

/** For memory that comes later; 0 = none does. */
uint64_t kata_fc__room_mib (const kata_vm_plan *plan);

/** KATA_E_UNSUPPORTED with the configuration's key, KATA_E_LIMIT, KATA_E_INVALID, KATA_E_GUEST. */
int kata_fc__check (const kata_vm_plan *plan, kata_error **err);

#endif
