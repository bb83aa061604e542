/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host-device: a device of the host put into a running guest, and taken out again. The VMM opens it: what it may open was decided before it booted. */
#include "backend/clh/vfio.h"
#include "backend/clh/vm.h"

static int
add (void *handle, const kata_vm_host_device *device, const kata_backend_env *env, kata_error **err)
{
  g_autofree char *body = NULL;
  int code = kata_clh__late_host_config (&body, device, err);
  if (code < 0)
    return code;
  if (kata_external_vm__ended (handle))
    return kata_external_vm__ended_error (handle, "add a device of the host", err);
  return kata_clh__put (handle, "vm.add-device", body, NULL, 0, env->deadline_us, err);
}

static int
take_out (void *handle, const kata_vm_host_device *host, const kata_backend_env *env, kata_error **err)
{
  g_autofree char *id = kata_clh__host_id (host);
  const struct kata_clh_device device = { "devices", id, "host device", host->id };
  return kata_clh__release (handle, &device, env->deadline_us, err);
}

const kata_backend_host_device kata_clh__host_device = { sizeof (kata_backend_host_device), add, take_out };
