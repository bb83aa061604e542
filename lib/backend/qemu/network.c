/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network: a network device put into a root port of a running machine, and taken out again. */
#include "backend/qemu/vm.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "backend/qemu/argv.h"
#include "backend/device.h"
#include "backend/qmp.h"
#include "base/error.h"

#define RELEASE_MS 10000 /* how long the guest may take to let go of a device */
#define LOOK_MS    500   /* how often it is looked whether it has, should the word of it be lost */
#define UNDO_MS    2000

char *
kata_qemu__nic_fd_name (const kata_vm_nic *nic, bool vhost, uint32_t n)
{
  return g_strdup_printf ("%s%u-%u", vhost ? "vhost" : "queue", nic->port, n);
}

static void
set_text (JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

static void
set_bool (JsonBuilder *builder, const char *name, bool value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_boolean_value (builder, value);
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
  set_text (builder, names[vhost][nic->queues > 1], text->str);
}

static char *
finish (JsonBuilder *builder)
{
  json_builder_end_object (builder);
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  return json_to_string (root, FALSE);
}

int
kata_qemu__nic_arguments (char **netdev, char **device, const kata_vm_nic *nic, kata_error **err)
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
  set_text (first, "type", "tap");
  set_text (first, "id", back);
  set_fds (first, nic, false);
  if (nic->vhost) {
    set_bool (first, "vhost", true);
    set_fds (first, nic, true);
  }
  g_autoptr (JsonBuilder) second = json_builder_begin_object (json_builder_new ());
  set_text (second, "driver", "virtio-net-pci");
  set_text (second, "id", id);
  set_text (second, "bus", bus);
  set_text (second, "netdev", back);
  set_text (second, "mac", nic->mac);
  if (nic->queues > 1)
    set_bool (second, "mq", true);
  json_builder_set_member_name (second, "vectors");
  json_builder_add_int_value (second, 2 * (gint64) nic->queues + 2);
  set_text (second, "romfile", "");
  *netdev = finish (first);
  *device = finish (second);
  return 0;
}

static int
open_qmp (kata_qmp **out, kata_qemu_vm *vm, const char *doing, int64_t deadline_us, kata_error **err)
{
  if (kata_external_vm__ended (&vm->base))
    return kata_external_vm__ended_error (&vm->base, doing, err);
  return kata_qmp__open (out, vm->base.dir_fd, vm->base.vmm.pidfd, deadline_us, err);
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
  int code = kata_qemu__nic_arguments (&netdev, &device, nic, err);
  if (code == 0)
    code = open_qmp (&qmp, handle, "add a network device", env->deadline_us, err);
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

static bool
is_there (kata_qmp *qmp, const kata_vm_nic *nic, int64_t deadline_us)
{
  g_autofree char *arguments = g_strdup_printf ("{\"path\":\"/machine/peripheral/" KATA_QEMU_NIC "\"}", nic->port);
  g_autoptr (kata_error) error = NULL;
  int code = kata_qmp__execute (qmp, "qom-list", arguments, NULL, deadline_us, &error);
  /* A refusal says that there is no such thing; anything else, nothing. */
  return code == 0 || kata_error_get_code (error) != KATA_E_VMM;
}

/* The guest is asked and has to answer: the device goes when it ejects it. */
static int
remove_device (kata_qmp *qmp, const kata_vm_nic *nic, int64_t deadline_us, kata_error **err)
{
  g_autofree char *arguments = g_strdup_printf ("{\"id\":\"" KATA_QEMU_NIC "\"}", nic->port);
  int64_t until = kata_deadline__within (deadline_us, RELEASE_MS);
  while (is_there (qmp, nic, deadline_us)) {
    if (kata_deadline__now () >= until)
      return kata_error__set (err, KATA_E_TIMEOUT, nic->name,
                              "network device \"%s\": the guest did not let go of it within %d ms", nic->name,
                              RELEASE_MS);
    /* Refused while an earlier request is under way. */
    kata_qmp__execute (qmp, "device_del", arguments, NULL, until, NULL);
    kata_qmp__wait_event (qmp, "DEVICE_DELETED", kata_deadline__within (until, LOOK_MS), NULL);
  }
  return 0;
}

static int
take_out (void *handle, const kata_vm_nic *nic, const kata_backend_env *env, kata_error **err)
{
  g_autoptr (kata_qmp) qmp = NULL;
  int code = open_qmp (&qmp, handle, "remove a network device", env->deadline_us, err);
  if (code == 0)
    code = remove_device (qmp, nic, env->deadline_us, err);
  if (code < 0)
    return code;
  remove_netdev (qmp, nic);
  close_fds (qmp, nic);
  return 0;
}

const kata_backend_network kata_qemu__network = { sizeof (kata_backend_network), add, take_out };
