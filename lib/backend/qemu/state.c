/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state: a virtual machine as JSON, and found again from it. */
#include "backend/qemu/vm.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include <json-glib/json-glib.h>

#include "backend/external.h"
#include "backend/qemu/argv.h"
#include "base/error.h"

#define SAVED_MAX 4096

int
kata_qemu__save (void *handle, char **json, kata_error **err)
{
  kata_qemu_vm *vm = handle;
  g_autofree char *qemu = kata_backend_process__to_json (&vm->qemu);
  g_autofree char *virtiofsd = kata_backend_process__to_json (&vm->virtiofsd);
  *json = g_strdup_printf (
      "{\"version\":1,\"qemu\":%s,\"virtiofsd\":%s,\"agent\":%d,\"cid\":%u,\"port\":%u,\"serial_ports\":%u}", qemu,
      virtiofsd, vm->agent_kind, vm->cid, vm->port, vm->serial_ports);
  return 0;
}

static bool
get_number (JsonObject *object, const char *name, int64_t max, int64_t *out)
{
  JsonNode *node = json_object_get_member (object, name);
  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_INT64)
    return false;
  *out = json_node_get_int (node);
  return *out >= 0 && *out <= max;
}

static bool
read_saved (kata_qemu_vm *vm, const char *saved)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  int64_t version, agent, cid, port, ports;
  if (strnlen (saved, SAVED_MAX + 1) > SAVED_MAX || !json_parser_load_from_data (parser, saved, -1, NULL))
    return false;
  JsonNode *root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    return false;
  JsonObject *object = json_node_get_object (root);
  if (!get_number (object, "version", 1, &version) || version != 1 ||
      !kata_backend_process__from_json (&vm->qemu, object, "qemu") ||
      !kata_backend_process__from_json (&vm->virtiofsd, object, "virtiofsd") ||
      !get_number (object, "agent", KATA_AGENT_SERIAL, &agent) || !get_number (object, "cid", UINT32_MAX, &cid) ||
      !get_number (object, "port", UINT32_MAX, &port) ||
      !get_number (object, "serial_ports", KATA_QEMU_PORTS_MAX, &ports) || vm->qemu.identity.pid <= 0)
    return false;
  vm->agent_kind = (int32_t) agent;
  vm->cid = (uint32_t) cid;
  vm->port = (uint32_t) port;
  vm->serial_ports = (uint32_t) ports;
  return true;
}

int
kata_qemu__attach (void **out, const kata_vm_plan *plan, const char *saved, const kata_backend_env *env,
                   kata_error **err)
{
  g_autoptr (kata_qemu_vm) vm = kata_qemu_vm__new (plan->dir);
  if (!read_saved (vm, saved))
    return kata_error__set (err, KATA_E_CORRUPT, NULL,
                            "sandbox %s: what was saved of its virtual machine cannot be read", plan->id);
  int code = kata_external__open_dir (&vm->dir_fd, plan->dir, err);
  if (code == 0)
    code = kata_backend_process__reopen (&vm->qemu, err);
  if (code == 0)
    code = kata_backend_process__reopen (&vm->virtiofsd, err);
  if (code < 0)
    return code;
  if (vm->qemu.pidfd < 0 && (vm->gone_fd = eventfd (1, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
    return kata_error__errno (err, KATA_E_IO, NULL, errno, "sandbox %s: make an event descriptor", plan->id);
  *out = g_steal_pointer (&vm);
  return 0;
}
