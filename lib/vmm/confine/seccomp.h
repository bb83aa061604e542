/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* seccomp: filters made from rules.h; a call that is not in a thread's ends the process with SIGSYS. */
#ifndef KATA_VMM_CONFINE_SECCOMP_H
#define KATA_VMM_CONFINE_SECCOMP_H

#include "vmm/confine/rules.h"

struct vmm_filters;

/**
 * Compiles all filters; installs none. @embedded: threads of the caller's process, whose allocator is not ours to tune: mprotect (never for code)
 * and the number of processors are allowed on all kinds.
 */
int vmm_filters__new (struct vmm_filters **out, bool embedded, kata_error **err);
void vmm_filters__free (struct vmm_filters *filters); /* NULL-safe */

/** On the calling thread, and those it makes from then on, for ever; sets no_new_privs. @kind: an enum vmm_thread, or VMM_RULES_BUILD. */
int vmm_filters__install (const struct vmm_filters *filters, unsigned kind, kata_error **err);

#endif
