/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parts: the pieces of a jail, for jail.c alone, which knows their order. */
#ifndef KATA_VMM_CONFINE_PARTS_H
#define KATA_VMM_CONFINE_PARTS_H

#include <stdbool.h>

#include "vmm/confine/jail.h"

/* namespaces.c */
int vmm_jail__check_own (const struct vmm_jail *jail, kata_error **err);
int vmm_jail__unshare (const struct vmm_jail *jail, kata_error **err);
int vmm_jail__empty_root (const struct vmm_jail *jail, kata_error **err);
/* landlock.c */
int vmm_jail__landlock (const struct vmm_jail *jail, kata_error **err);
/* privileges.c */
int vmm_jail__check_identity (const struct vmm_jail *jail, kata_error **err);
int vmm_jail__bound (const struct vmm_jail *jail, kata_error **err);
int vmm_jail__become (const struct vmm_jail *jail, kata_error **err);
int vmm_jail__capabilities (const struct vmm_jail *jail, kata_error **err);

static inline bool
vmm_jail__waived (uint32_t waived, enum vmm_layer layer)
{
  return (waived >> layer & 1) != 0;
}

#endif
