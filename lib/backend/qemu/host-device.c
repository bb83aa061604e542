/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host-device: a device of the host put into a port of a running machine, and taken out again. */
#include "backend/device.h"
#include "backend/qemu/argv.h"
#include "backend/qemu/hotplug.h"
#include "base/error.h"

#define RELEASE_MS 30000 /* how long the guest may take: its driver has to be done with the device first */

int
kata_qemu__host_arguments (char **device, const kata_vm_host_device *host, kata_error **err)
{
  int code = kata_device__check_host (host, err);
  if (code < 0)
    return code;
  if (host->port == 0 || host->port > KATA_QEMU_HOST_PORTS_MAX)
    return kata_error__set (err, KATA_E_INVALID, host->id, "host device \"%s\": its port is wrong", host->id);
  g_autofree char *id = g_strdup_printf (KATA_QEMU_HOST "%u", (unsigned) host->port);
  g_autofree char *bus = g_strdup_printf (KATA_QEMU_HOST_PORT "%u", (unsigned) host->port);
  g_autoptr (JsonBuilder) builder = json_builder_begin_object (json_builder_new ());
  kata_qemu__set_text (builder, "driver", "vfio-pci");
  kata_qemu__set_text (builder, "id", id);
  kata_qemu__set_text (builder, "bus", bus);
  kata_qemu__set_text (builder, "host", host->address);
  *device = kata_qemu__finish (builder);
  return 0;
}

static int
add (void *handle, const kata_vm_host_device *host, const kata_backend_env *env, kata_error **err)
{
  g_autofree char *device = NULL;
  g_autoptr (kata_qmp) qmp = NULL;
  int code = kata_qemu__host_arguments (&device, host, err);
  if (code == 0)
    code = kata_qemu__open_qmp (&qmp, handle, "add a device of the host", env->deadline_us, err);
  return code == 0 ? kata_qmp__execute (qmp, "device_add", device, NULL, env->deadline_us, err) : code;
}

static int
take_out (void *handle, const kata_vm_host_device *host, const kata_backend_env *env, kata_error **err)
{
  g_autofree char *device = NULL, *id = g_strdup_printf (KATA_QEMU_HOST "%u", (unsigned) host->port);
  g_autoptr (kata_qmp) qmp = NULL;
  int code = kata_qemu__host_arguments (&device, host, err);
  if (code == 0)
    code = kata_qemu__open_qmp (&qmp, handle, "remove a device of the host", env->deadline_us, err);
  return code == 0 ? kata_qemu__release (qmp, id, "host device", host->id, RELEASE_MS, env->deadline_us, err) : code;
}

const kata_backend_host_device kata_qemu__host_device = { sizeof (kata_backend_host_device), add, take_out };
