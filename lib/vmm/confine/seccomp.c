/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* seccomp: the filters of all kinds, made before they are needed: to install one then takes one system call and no memory. */
#include "vmm/confine/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/raise.h"
#include "vmm/confine/filter.h"
#include "vmm/confine/layer.h"

struct vmm_filters {
  struct vmm_filter of[VMM_RULES_KINDS];
};

int
vmm_filters__new (struct vmm_filters **out, bool embedded, kata_error **err)
{
  struct vmm_filters *filters = malloc (sizeof *filters);
  if (filters == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "seccomp: no memory");
  for (unsigned kind = 0; kind < VMM_RULES_KINDS; kind++)
    if (!vmm_filter__compile (&filters->of[kind], kind, getpid (), embedded)) {
      free (filters);
      return kata_error__set (err, KATA_E_INTERNAL, NULL, "seccomp: the filter of %s threads is too long",
                              vmm_rules__kind_name (kind));
    }
  *out = filters;
  return 0;
}

void
vmm_filters__free (struct vmm_filters *filters)
{
  free (filters);
}

int
vmm_filters__install (const struct vmm_filters *filters, unsigned kind, kata_error **err)
{
  if (kind >= VMM_RULES_KINDS)
    return kata_error__set (err, KATA_E_INTERNAL, NULL, "seccomp: no such kind of thread");
  /* The first allocation of a thread may look at the host's processors, in files with some libcs: now it may. */
  void *volatile first = malloc (1);
  free (first);
  const struct sock_fprog program = { filters->of[kind].len, (struct sock_filter *) filters->of[kind].code };
  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall (SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
    return vmm_layer__missing (err, VMM_LAYER_SECCOMP, errno, "install a filter");
  return 0;
}
