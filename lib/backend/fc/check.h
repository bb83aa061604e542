/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check: whether Firecracker can do what a plan asks for; pure. */
#ifndef KATA_BACKEND_FC_CHECK_H
#define KATA_BACKEND_FC_CHECK_H

#include <kata/sys/backend.h>

/** KATA_E_UNSUPPORTED with the configuration's key, KATA_E_LIMIT, KATA_E_INVALID, KATA_E_GUEST. */
int kata_fc__check (const kata_vm_plan *plan, kata_error **err);

#endif
