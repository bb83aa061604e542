/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* backend: the table is the adapter's own; only the probe is wrapped. */
#include "backend.h"

#include <string.h>

#include "backend/capability.h"
#include "backend/registry.h"

static int
probed (const kata_backend *own, const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  int code = own->probe (plan, caps, err);
  if (code == 0 && caps->path[0] != '\0') {
    kata_capabilities__grant (caps, KATA_CAP_RUN);
    kata_capabilities__grant (caps, KATA_CAP_KVM);
  }
  return code;
}

static int
clh_probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  return probed (&kata_backend_clh, plan, caps, err);
}

static int
fc_probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  return probed (&kata_backend_fc, plan, caps, err);
}

const kata_backend *
fake_backend (const char *name)
{
  static const struct {
    const char *name, *fake;
    const kata_backend *own;
    int (*probe) (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err);
  } adapters[] = { { "clh", "fake-clh", &kata_backend_clh, clh_probe },
                   { "fc", "fake-fc", &kata_backend_fc, fc_probe } };
  static kata_backend backend;
  for (size_t i = 0; i < sizeof adapters / sizeof adapters[0]; i++) {
    if (strcmp (name, adapters[i].name) != 0)
      continue;
    backend = *adapters[i].own;
    backend.name = adapters[i].fake;
    backend.probe = adapters[i].probe;
    return &backend;
  }
  return NULL;
}
