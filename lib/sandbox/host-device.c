/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host-device: engines hand over a group's file, which stands for all functions in it. */
#include "sandbox/host-device.h"

#include "host/pci.h"

/* @address: NULL = the device's own. */
static void
add (GPtrArray *list, kata_arena *arena, const kata_host_device *device, const char *address)
{
  kata_host_device *made = kata_arena__new0 (arena, kata_host_device, 1);
  *made = (kata_host_device){ .size = sizeof *made, .id = device->id, .address = device->address };
  if (address != NULL) {
    made->id = NULL; /* one name cannot be that of several */
    made->address = kata_arena__strdup (arena, address);
  }
  g_ptr_array_add (list, made);
}

static int
add_group (GPtrArray *list, kata_arena *arena, const char *root, const kata_host_device *device, int64_t group,
           kata_error **err)
{
  g_autoptr (GPtrArray) members = kata_pci__members (root, group);
  guint before = list->len;
  for (guint i = 0; i < members->len; i++)
    if (!kata_pci__is_bridge (root, members->pdata[i]))
      add (list, arena, device, members->pdata[i]);
  if (list->len > before)
    return 0;
  return kata_error__set (err, KATA_E_NOT_FOUND, device->address,
                          "host device %s: there is no PCI function in IOMMU group %" G_GINT64_FORMAT
                          "; see /sys/kernel/iommu_groups",
                          device->address, group);
}

int
kata_sandbox__host_devices (const kata_host_device *const **out, const int64_t **groups, kata_arena *arena,
                            const char *root, const kata_host_device *const *devices, kata_error **err)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new ();
  for (size_t i = 0; devices != NULL && devices[i] != NULL; i++) {
    int64_t group = kata_pci__group_of_file (devices[i]->address);
    int r = group >= 0 ? add_group (list, arena, root, devices[i], group, err) : 0;
    if (r != 0)
      return r;
    if (group < 0)
      add (list, arena, devices[i], NULL);
  }
  const kata_host_device **made = kata_arena__new0 (arena, const kata_host_device *, list->len + 1);
  int64_t *numbers = kata_arena__new0 (arena, int64_t, list->len + 1);
  for (guint i = 0; i < list->len; i++) {
    char address[KATA_PCI_ADDRESS_MAX + 1];
    made[i] = list->pdata[i];
    numbers[i] = kata_pci__parse (address, made[i]->address) ? kata_pci__group (root, address) : -1;
  }
  *out = made;
  *groups = numbers;
  return 0;
}
