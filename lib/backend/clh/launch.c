/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* launch: starts virtiofsd and Cloud Hypervisor, creates the VM, adds its network devices, boots it. */
#include "backend/clh/vm.h"

#include <string.h>

#include "backend/clh/config.h"
#include "backend/clh/events.h"
#include "backend/device.h"
#include "base/error.h"
#include "base/fd.h"

/* It makes these itself. */
static int
record_sockets (kata_external_vm *vm, const kata_backend_env *env, kata_error **err)
{
  int code = kata_external__record_file (vm->dir, KATA_CLH_API_SOCKET, env, err);
  return code < 0 ? code : kata_external__record_file (vm->dir, KATA_CLH_VSOCK_SOCKET, env, err);
}

static int
add_nics (kata_external_vm *vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  size_t fd = 0;
  for (size_t i = 0; plan->nics != NULL && plan->nics[i] != NULL; i++) {
    g_autofree char *body = NULL;
    size_t queues = kata_device__nic_fds (plan->nics[i]);
    if (queues > env->n_nic_fds - fd)
      return kata_error__set (err, KATA_E_INVALID, plan->nics[i]->name,
                              "network device \"%s\": a descriptor is missing", plan->nics[i]->name);
    int code = kata_clh__net_config (&body, plan, i, err);
    if (code == 0)
      code = kata_clh__put (vm, "vm.add-net", body, env->nic_fds + fd, queues, env->deadline_us, err);
    if (code < 0)
      return code;
    fd += queues;
  }
  return 0;
}

/* Its Landlock rules need a host with Linux 6.2. */
static int
create (kata_external_vm *vm, const char *config, const kata_backend_env *env, kata_error **err)
{
  kata_error *error = NULL;
  int code = kata_clh__put (vm, "vm.create", config, NULL, 0, env->deadline_us, &error);
  if (code < 0 && strstr (kata_error_get_message (error), "landlock") != NULL)
    return kata_error__wrap (err, error, "hypervisor.clh.confine_waive",
                             "hypervisor.clh.confine_waive: to go without Landlock, name \"landlock\" there");
  return code < 0 ? kata_error__propagate (err, error) : 0;
}

static int
boot (kata_external_vm *vm, const char *config, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  int code = kata_clh__ping (vm, env->deadline_us, err);
  if (code == 0)
    code = create (vm, config, env, err);
  if (code == 0)
    code = add_nics (vm, plan, env, err);
  if (code == 0)
    code = kata_clh__put (vm, "vm.boot", NULL, NULL, 0, env->deadline_us, err);
  return code;
}

/* In the pod's namespace: a tap comes as a descriptor, but its MTU is asked for by its name. */
static int
spawn_there (kata_external_vm *vm, char **argv, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  kata_auto_fd int events = -1;
  int code = kata_external__log_file (&events, vm->dir_fd, vm->dir, KATA_CLH_EVENTS_LOG, env, err);
  const kata_child_fd fds[] = { { events, KATA_CLH_EVENTS_FD } };
  return code < 0 ? code : kata_external_vm__spawn_there (vm, plan, argv, fds, G_N_ELEMENTS (fds), env, err);
}

static int
start (kata_external_vm *vm, const kata_vm_plan *plan, const char *dir, const kata_backend_env *env, kata_error **err)
{
  g_autofree char *program = NULL;
  g_autofree char *config = NULL;
  g_auto (GStrv) argv = NULL;
  unsigned version[3];
  int code = kata_clh__find (&program, version, plan, err);
  if (code == 0)
    code = kata_clh__vm_config (&config, plan, err);
  if (code == 0)
    code = kata_clh__argv (&argv, plan, program, err);
  if (code == 0)
    code = kata_external_vm__start_share (vm, plan, env, err);
  if (code == 0)
    code = record_sockets (vm, env, err);
  if (code == 0)
    code = kata_clh__make_ports (vm, plan, env, err);
  if (code == 0)
    code = spawn_there (vm, argv, plan, env, err);
  if (code < 0)
    return code;
  code = dir == NULL ? boot (vm, config, plan, env, err) : kata_clh__take (vm, dir, config, env, err);
  if (code == 0)
    kata_external__bound_logs (vm->vmm.identity.pid, plan);
  return code;
}

int
kata_clh__start (void **out, const kata_vm_plan *plan, const char *dir, const kata_backend_env *env, kata_error **err)
{
  void *made = NULL;
  int64_t begun = kata_deadline__now ();
  int code = kata_external_vm__check_files (&kata_clh_kind, plan, true, err);
  if (code == 0)
    code = kata_device__check_servers (plan, env->deadline_us, err);
  if (code == 0)
    code = kata_external_vm__new (&made, sizeof (kata_clh_vm), &kata_clh_kind, plan, err);
  g_autoptr (kata_external_vm) vm = made;
  if (code < 0)
    return code;
  kata_clh__remember ((kata_clh_vm *) vm, plan);
  code = start (vm, plan, dir, env, err);
  if (code < 0) {
    kata_external_vm__discard (vm);
    return code;
  }
  kata_external__debug (env, "clh: the machine of process %lld runs after %lld ms", (long long) vm->vmm.identity.pid,
                        (long long) (kata_deadline__now () - begun) / 1000);
  *out = g_steal_pointer (&vm);
  return 0;
}

int
kata_clh__launch (void **vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  return kata_clh__start (vm, plan, NULL, env, err);
}
