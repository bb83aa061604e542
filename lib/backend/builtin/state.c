/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state: a virtual machine as JSON, and found again from it. */
#include "backend/builtin/vm.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include <json-glib/json-glib.h>

#include "backend/external.h"
#include "base/error.h"
#include "base/fd.h"
#include "vmm/control.h"

#define SAVED_MAX 4096
#define WATCH_MS  5000

int
kata_builtin__save (void *handle, char **json, kata_error **err)
{
  kata_builtin_vm *vm = handle;
  g_autofree char *vmm = kata_backend_process__to_json (&vm->vmm);
  g_autofree char *virtiofsd = kata_backend_process__to_json (&vm->virtiofsd);
  *json = g_strdup_printf ("{\"version\":1,\"isolation\":%d,\"vmm\":%s,\"virtiofsd\":%s,\"port\":%u}", vm->isolation,
                           vmm, virtiofsd, vm->port);
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
read_saved (kata_builtin_vm *vm, const char *saved)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  int64_t version, isolation, port;
  if (strnlen (saved, SAVED_MAX + 1) > SAVED_MAX || !json_parser_load_from_data (parser, saved, -1, NULL))
    return false;
  JsonNode *root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    return false;
  JsonObject *object = json_node_get_object (root);
  if (!get_number (object, "version", 1, &version) || version != 1 ||
      !get_number (object, "isolation", KATA_ISOLATION_THREAD, &isolation) ||
      !get_number (object, "port", UINT32_MAX, &port) || !kata_backend_process__from_json (&vm->vmm, object, "vmm") ||
      !kata_backend_process__from_json (&vm->virtiofsd, object, "virtiofsd") || vm->vmm.identity.pid <= 0)
    return false;
  vm->isolation = (int32_t) isolation;
  vm->port = (uint32_t) port;
  return true;
}

/*
 * What says that it ended: the process's pidfd; for a machine in threads of another process, which may outlive it, a connection to its control
 * socket, which is closed with it.
 */
static int
watch_end (kata_builtin_vm *vm, int64_t deadline_us, kata_error **err)
{
  int code = kata_backend_process__reopen (&vm->vmm, err);
  if (code < 0 || (vm->vmm.pidfd >= 0 && vm->isolation == KATA_ISOLATION_PROCESS))
    return code;
  kata_auto_fd int fd = -1;
  int64_t until = kata_deadline__within (deadline_us, WATCH_MS);
  if (vm->vmm.pidfd >= 0 && vmm_control__connect (&fd, vm->dir_fd, KATA_BUILTIN_CONTROL_SOCKET, until, NULL) == 0 &&
      vmm_control__call (fd, NULL, VMM_CONTROL_WATCH, 0, until, NULL) == 0) {
    vm->gone_fd = kata_fd__steal (&fd);
    return 0;
  }
  vm->gone_fd = eventfd (1, EFD_CLOEXEC | EFD_NONBLOCK);
  return vm->gone_fd >= 0 ? 0 : kata_error__errno (err, KATA_E_IO, NULL, errno, "make an event descriptor");
}

int
kata_builtin__attach (void **out, const kata_vm_plan *plan, const char *saved, const kata_backend_env *env,
                      kata_error **err)
{
  g_autoptr (kata_builtin_vm) vm = kata_builtin_vm__new (plan->dir);
  if (!read_saved (vm, saved))
    return kata_error__set (err, KATA_E_CORRUPT, NULL,
                            "sandbox %s: what was saved of its virtual machine cannot be read", plan->id);
  int code = kata_external__open_dir (&vm->dir_fd, plan->dir, err);
  if (code == 0)
    code = kata_backend_process__reopen (&vm->virtiofsd, err);
  if (code == 0)
    code = watch_end (vm, env->deadline_us, err);
  if (code == 0)
    *out = g_steal_pointer (&vm);
  return code;
}
