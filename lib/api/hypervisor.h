/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hypervisor: the handle behind kata_hypervisor. */
#ifndef KATA_API_HYPERVISOR_H
#define KATA_API_HYPERVISOR_H

#include <kata/hypervisor.h>

#include "backend/capability.h"

struct kata_hypervisor {
  gatomicrefcount refs;
  char *name;
  kata_capabilities caps;
};

#endif
