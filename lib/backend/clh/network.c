/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network: a network device put into a running guest, and taken out again. */
#include "backend/clh/vm.h"

#include "backend/clh/config.h"
#include "base/error.h"

static int
add (void *handle, const kata_vm_nic *nic, const kata_backend_env *env, kata_error **err)
{
  kata_external_vm *vm = handle;
  g_autofree char *body = NULL;
  int code = kata_clh__late_net_config (&body, nic, &((kata_clh_vm *) vm)->net_limits, err);
  if (code < 0)
    return code;
  if (env->n_nic_fds != nic->queues)
    return kata_error__set (err, KATA_E_INVALID, nic->name, "network device \"%s\": not one descriptor for each queue",
                            nic->name);
  if (kata_external_vm__ended (vm))
    return kata_external_vm__ended_error (vm, "add a network device", err);
  return kata_clh__put (vm, "vm.add-net", body, env->nic_fds, env->n_nic_fds, env->deadline_us, err);
}

static int
take_out (void *handle, const kata_vm_nic *nic, const kata_backend_env *env, kata_error **err)
{
  g_autofree char *id = kata_clh__nic_id (nic, 0);
  const struct kata_clh_device device = { "net", id, "network device", nic->name };
  return kata_clh__release (handle, &device, env->deadline_us, err);
}

const kata_backend_network kata_clh__network = { sizeof (kata_backend_network), add, take_out };
