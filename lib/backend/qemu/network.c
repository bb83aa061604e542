/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network: a network device put into a root port of a running machine, and taken out again. */
#include "backend/device.h"
#include "backend/qemu/argv.h"
#include "backend/qemu/hotplug.h"
#include "base/error.h"

#define RELEASE_MS 10000 /* how long the guest may take to let go of a device */
#define UNDO_MS    2000

char *
kata_qemu__nic_fd_name (const kata_vm_nic *nic, bool vhost, uint32_t n)
{
  return g_strdup_printf ("%s%u-%u", vhost ? "vhost" : "queue", nic->port, n);
}

/* "queue1-0:queue1-1" */
static void
set_fds (JsonBuilder *builder, const kata_vm_nic *nic, bool vhost)
{
  const char *const names[2][2] = { { "fd", "fds" }, { "vhostfd", "vhostfds" } };
  g_autoptr (GString) text = g_string_new (NULL);
  for (uint32_t i = 0; i < nic->queues; i++) {
    g_autofree char *name = kata_qemu__nic_fd_name (nic, vhost, i);
    g_string_append_printf (text, "%s%s", i != 0 ? ":" : "", name);
  }
  kata_qemu__set_text (builder, names[vhost][nic->queues > 1], text->str);
}

int
kata_qemu__nic_arguments (char **netdev, char **device, const kata_vm_nic *nic, bool platform, kata_error **err)
{
  if (!kata_device__mac_ok (nic->mac) || nic->queues == 0 || nic->queues > KATA_NIC_QUEUES_MAX ||
      nic->kind != KATA_NIC_TAP || nic->port == 0)
    return kata_error__set (err, KATA_E_INVALID, nic->name,
                            "network device \"%s\": its kind, its address, its port or its number of queues (1 to %d) "
                            "is wrong",
                            nic->name, KATA_NIC_QUEUES_MAX);
  g_autofree char *id = g_strdup_printf (KATA_QEMU_NIC, nic->port),
                  *bus = g_strdup_printf (KATA_QEMU_NIC_PORT, nic->port);
  g_autofree char *back = g_strdup_printf (KATA_QEMU_NETDEV, nic->port);
  g_autoptr (JsonBuilder) first = json_builder_begin_object (json_builder_new ());
  kata_qemu__set_text (first, "type", "tap");
  kata_qemu__set_text (first, "id", back);
  set_fds (first, nic, false);
  if (nic->vhost) {
    kata_qemu__set_bool (first, "vhost", true);
    set_fds (first, nic, true);
  }
  g_autoptr (JsonBuilder) second = json_builder_begin_object (json_builder_new ());
  kata_qemu__set_text (second, "driver", "virtio-net-pci");
  kata_qemu__set_text (second, "id", id);
  kata_qemu__set_text (second, "bus", bus);
  kata_qemu__set_text (second, "netdev", back);
  kata_qemu__set_text (second, "mac", nic->mac);
  if (nic->queues > 1)
    kata_qemu__set_bool (second, "mq", true);
  kata_qemu__set_number (second, "vectors", 2 * nic->queues + 2);
  kata_qemu__set_text (second, "romfile", "");
  if (platform)
    kata_qemu__set_bool (second, "iommu_platform", true);
  *netdev = kata_qemu__finish (first);
  *device = kata_qemu__finish (second);
  return 0;
}

static int
give_fds (kata_qmp *qmp, const kata_vm_nic *nic, bool vhost, const kata_backend_env *env, kata_error **err)
{
  const int *fds = vhost ? env->vhost_fds : env->nic_fds;
  int code = 0;
  if ((vhost ? env->n_vhost_fds : env->n_nic_fds) != nic->queues)
    return kata_error__set (err, KATA_E_INVALID, nic->name, "network device \"%s\": not one descriptor for each queue",
                            nic->name);
  for (uint32_t i = 0; code == 0 && i < nic->queues; i++) {
    g_autofree char *name = kata_qemu__nic_fd_name (nic, vhost, i);
    code = kata_qmp__give_fd (qmp, name, fds[i], env->deadline_us, err);
  }
  return code;
}

/* Those that no device took: it would keep the tap alive. */
static void
close_fds (kata_qmp *qmp, const kata_vm_nic *nic)
{
  for (uint32_t i = 0; i < 2 * nic->queues; i++) {
    g_autofree char *name = kata_qemu__nic_fd_name (nic, i >= nic->queues, i % nic->queues);
    g_autofree char *arguments = g_strdup_printf ("{\"fdname\":\"%s\"}", name);
    kata_qmp__execute (qmp, "closefd", arguments, NULL, kata_deadline__within (INT64_MAX, UNDO_MS), NULL);
  }
}

static void
remove_netdev (kata_qmp *qmp, const kata_vm_nic *nic)
{
  g_autofree char *arguments = g_strdup_printf ("{\"id\":\"" KATA_QEMU_NETDEV "\"}", nic->port);
  kata_qmp__execute (qmp, "netdev_del", arguments, NULL, kata_deadline__within (INT64_MAX, UNDO_MS), NULL);
}

static int
add (void *handle, const kata_vm_nic *nic, const kata_backend_env *env, kata_error **err)
{
  g_autofree char *netdev = NULL, *device = NULL;
  g_autoptr (kata_qmp) qmp = NULL;
  bool platform = ((kata_qemu_vm *) handle)->disks.platform;
  int code = kata_qemu__nic_arguments (&netdev, &device, nic, platform, err);
  if (code == 0)
    code = kata_qemu__open_qmp (&qmp, handle, "add a network device", env->deadline_us, err);
  if (code < 0)
    return code;
  code = give_fds (qmp, nic, false, env, err);
  if (code == 0 && nic->vhost)
    code = give_fds (qmp, nic, true, env, err);
  if (code == 0)
    code = kata_qmp__execute (qmp, "netdev_add", netdev, NULL, env->deadline_us, err);
  if (code < 0) {
    close_fds (qmp, nic);
    return code;
  }
  code = kata_qmp__execute (qmp, "device_add", device, NULL, env->deadline_us, err);
  if (code < 0)
    remove_netdev (qmp, nic);
  return code;
}

static int
take_out (void *handle, const kata_vm_nic *nic, const kata_backend_env *env, kata_error **err)
{
  g_autoptr (kata_qmp) qmp = NULL;
  g_autofree char *id = g_strdup_printf (KATA_QEMU_NIC, nic->port);
  int code = kata_qemu__open_qmp (&qmp, handle, "remove a network device", env->deadline_us, err);
  if (code == 0)
    code = kata_qemu__release (qmp, id, "network device", nic->name, RELEASE_MS, env->deadline_us, err);
  if (code < 0)
    return code;
  remove_netdev (qmp, nic);
  close_fds (qmp, nic);
  return 0;
}

const kata_backend_network kata_qemu__network = { sizeof (kata_backend_network), add, take_out };
