/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vfio: devices of the host in Cloud Hypervisor's words, and what its Landlock domain has to let it open for them. */
#include "backend/clh/vfio.h"

#include "backend/device.h"
#include "base/error.h"
#include "host/pci.h"
#include "host/vfio.h"

#define DEVICES_MAX 8

static void
write_device (struct kata_json_writer *w, const char *id, const char *address)
{
  g_autofree char *path = g_strconcat (KATA_PCI_DEVICES "/", address, NULL);
  kata_json_write__begin_object (w, NULL);
  kata_json_write__string (w, "id", id);
  kata_json_write__string (w, "path", path);
  kata_json_write__end_object (w);
}

static bool
has_any (const kata_vm_plan *p)
{
  return p->host_devices != NULL && p->host_devices[0] != NULL;
}

int
kata_clh__write_host_devices (struct kata_json_writer *w, const kata_vm_plan *p, kata_error **err)
{
  if (!has_any (p))
    return 0;
  kata_json_write__begin_array (w, "devices");
  for (size_t i = 0; p->host_devices[i] != NULL; i++) {
    const kata_vm_host_device *device = p->host_devices[i];
    int code = kata_device__check_host (device, err);
    if (code < 0)
      return code;
    if (i >= DEVICES_MAX)
      return kata_error__set (err, KATA_E_LIMIT, device->id,
                              "host device %s: clh is given at most %d devices of the host", device->address,
                              DEVICES_MAX);
    g_autofree char *id = g_strdup_printf ("host%zu", i);
    write_device (w, id, device->address);
  }
  kata_json_write__end_array (w);
  return 0;
}

void
kata_clh__write_rule (struct kata_json_writer *w, const char *path, const char *access)
{
  kata_json_write__begin_object (w, NULL);
  kata_json_write__string (w, "path", path);
  kata_json_write__string (w, "access", access);
  kata_json_write__end_object (w);
}

/* The rule that it makes itself names the device where the group should be, and is passed over, for there is no such file. */
void
kata_clh__write_host_rules (struct kata_json_writer *w, const kata_vm_plan *p)
{
  /* Of one that comes later nobody knows the group now, and the domain can never be widened. What it reads of sysfs are links, which need no rule. */
  if (p->host_ports != 0)
    kata_clh__write_rule (w, KATA_VFIO_DIR, "rw");
  if (!has_any (p))
    return;
  if (p->host_ports == 0)
    kata_clh__write_rule (w, KATA_VFIO_CONTAINER, "rw");
  for (size_t i = 0; p->host_devices[i] != NULL; i++) {
    const kata_vm_host_device *device = p->host_devices[i];
    g_autofree char *group = g_strdup_printf ("/dev/vfio/%" G_GINT64_FORMAT, device->group);
    g_autofree char *path = g_strconcat (KATA_PCI_DEVICES "/", device->address, NULL);
    if (device->group >= 0 && p->host_ports == 0)
      kata_clh__write_rule (w, group, "rw");
    kata_clh__write_rule (w, path, "r");
  }
}

char *
kata_clh__host_id (const kata_vm_host_device *device)
{
  return g_strdup_printf ("host-late%u", (unsigned) device->port);
}

int
kata_clh__late_host_config (char **json, const kata_vm_host_device *device, kata_error **err)
{
  struct kata_json_writer w;
  int code = kata_device__check_host (device, err);
  if (code < 0)
    return code;
  if (device->port == 0 || device->port > DEVICES_MAX)
    return kata_error__set (err, KATA_E_INVALID, device->id, "host device \"%s\": its port is wrong", device->id);
  g_autofree char *id = kata_clh__host_id (device);
  kata_json_write__init (&w, false);
  write_device (&w, id, device->address);
  *json = kata_json_write__finish (&w);
  return 0;
}
