/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device: ids, addresses, numbers of queues. */
#include "backend/device.h"

#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "host/pci.h"
#include "host/vhost-user.h"

static bool
id_ok (const char *id)
{
  size_t len = id != NULL ? strnlen (id, 21) : 0;
  return len >= 1 && len <= 20 && strspn (id, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

bool
kata_device__is_host_kernel (const char *source)
{
  return source == NULL || source[0] == '\0' || strcmp (source, "/dev/urandom") == 0 ||
         strcmp (source, "/dev/random") == 0;
}

int
kata_device__check_disk (const kata_vm_disk *disk, kata_error **err)
{
  if (id_ok (disk->id) && disk->path != NULL && disk->path[0] == '/')
    return 0;
  return kata_error__set (err, KATA_E_INVALID, disk->id,
                          "disk \"%s\": its id must be 1 to 20 of a-z, 0-9 and -, its path absolute",
                          disk->id != NULL ? disk->id : "");
}

bool
kata_device__mac_ok (const char *mac)
{
  for (size_t i = 0; i < 17; i++)
    if (mac == NULL || (i % 3 == 2 ? mac[i] != ':' : !g_ascii_isxdigit (mac[i])))
      return false;
  return mac[17] == '\0';
}

int
kata_device__check_nic (const kata_vm_nic *nic, kata_error **err)
{
  if (nic->kind == KATA_NIC_VHOST_USER && (nic->socket == NULL || nic->socket[0] != '/'))
    return kata_error__set (err, KATA_E_INVALID, nic->name,
                            "network device \"%s\": the path of its vhost-user server's socket is not absolute",
                            nic->name);
  if (kata_device__mac_ok (nic->mac) && nic->queues != 0 && nic->queues <= KATA_NIC_QUEUES_MAX)
    return 0;
  return kata_error__set (err, KATA_E_INVALID, nic->name,
                          "network device \"%s\": its address or its number of queues (1 to %d) is wrong", nic->name,
                          KATA_NIC_QUEUES_MAX);
}

int
kata_device__check_host (const kata_vm_host_device *device, kata_error **err)
{
  char address[KATA_PCI_ADDRESS_MAX + 1];
  if (id_ok (device->id) && kata_pci__parse (address, device->address) && strcmp (address, device->address) == 0)
    return 0;
  return kata_error__set (err, KATA_E_INVALID, device->id,
                          "host device \"%s\": its id must be 1 to 20 of a-z, 0-9 and -, its address like 0000:01:00.0",
                          device->id != NULL ? device->id : "");
}

int
kata_device__check_server (const kata_vm_disk *disk, int64_t deadline_us, kata_error **err)
{
  g_autofree char *what = g_strdup_printf ("disk \"%s\"", disk->id);
  const struct kata_vhost_user server = {
    .what = what, .socket = disk->path, .block = true, .readonly = disk->readonly != 0
  };
  return kata_vhost_user__check (&server, deadline_us, err);
}

int
kata_device__check_servers (const kata_vm_plan *plan, int64_t deadline_us, kata_error **err)
{
  int code = 0;
  for (size_t i = 0; code == 0 && plan->disks != NULL && plan->disks[i] != NULL; i++)
    if (plan->disks[i]->vhost_user != 0)
      code = kata_device__check_server (plan->disks[i], deadline_us, err);
  for (size_t i = 0; code == 0 && plan->nics != NULL && plan->nics[i] != NULL; i++) {
    g_autofree char *what = g_strdup_printf ("network device \"%s\"", plan->nics[i]->name);
    const struct kata_vhost_user server = { .what = what, .socket = plan->nics[i]->socket };
    if (plan->nics[i]->kind == KATA_NIC_VHOST_USER)
      code = kata_vhost_user__check (&server, deadline_us, err);
  }
  return code;
}
