/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* counters: what Cloud Hypervisor counts of its devices. */
#include "backend/clh/vm.h"

#include "base/error.h"

static int
read_counters (void *handle, char **json, const kata_backend_env *env, kata_error **err)
{
  kata_external_vm *vm = handle;
  if (kata_external_vm__ended (vm))
    return kata_external_vm__ended_error (vm, "read its counters", err);
  return kata_clh__get (json, vm, "vm.counters", env->deadline_us, err);
}

const kata_backend_counters kata_clh__counters = { sizeof (kata_backend_counters), read_counters };
