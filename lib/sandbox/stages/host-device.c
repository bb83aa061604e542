/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host-device: looks whether the host can give the guest its devices, before anything is made. It makes nothing itself: the VMM opens them. */
#include "host/pci.h"
#include "host/vfio.h"
#include "sandbox/stage.h"

static int
enter (struct kata_operation *op, kata_error **err)
{
  const kata_vm_plan *vm = &op->state->plan.vm;
  g_autoptr (GPtrArray) addresses = g_ptr_array_new ();
  for (size_t i = 0; vm->host_devices != NULL && vm->host_devices[i] != NULL; i++)
    g_ptr_array_add (addresses, (void *) vm->host_devices[i]->address);
  int r = kata_vfio__check ("", (const char *const *) addresses->pdata, addresses->len,
                            MAX (vm->memory_mib, vm->max_memory_mib), err);
  /* What the VMM may open was decided by the group that it had. */
  for (guint i = 0; r == 0 && i < addresses->len; i++) {
    int64_t group = kata_pci__group ("", addresses->pdata[i]);
    if (group != vm->host_devices[i]->group)
      r = kata_error__set (err, KATA_E_STATE, addresses->pdata[i],
                           "host device %s: is in IOMMU group %" G_GINT64_FORMAT ", and was in %" G_GINT64_FORMAT
                           " (-1 = in none) when the sandbox was made; make it anew",
                           (const char *) addresses->pdata[i], group, vm->host_devices[i]->group);
  }
  return r;
}

const struct kata_stage kata_stage__host_devices = { "host-devices", enter, NULL };
