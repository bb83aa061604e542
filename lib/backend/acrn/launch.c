/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* launch: starts acrn-dm, in the pod's network namespace if it has one; it runs the guest at once. */
#include "backend/acrn/vm.h"

#include "backend/vsock.h"
#include "base/error.h"
#include "base/fd.h"

struct launch {
  kata_acrn_vm *vm;
  const kata_vm_plan *plan;
  const kata_backend_env *env;
  char **argv;
};

static int
start (struct launch *l, kata_acrn_take take, kata_error **err)
{
  g_autofree char *program = NULL, *cpuinfo = NULL, *cpus = NULL;
  kata_auto_fd int vhost_fd = -1;
  unsigned version[3];
  int code = kata_acrn__find (&program, version, l->plan, err);
  if (code == 0 && !g_file_get_contents ("/proc/cpuinfo", &cpuinfo, NULL, NULL))
    code = kata_error__set (err, KATA_E_HOST, "/proc/cpuinfo", "acrn: /proc/cpuinfo cannot be read");
  if (code == 0)
    code = kata_acrn__cpus (&cpus, cpuinfo, l->plan->vcpus, err);
  if (code == 0)
    code = take (&vhost_fd, &l->vm->base.cid, l->plan->agent_cid, err);
  kata_acrn_context context = { program, l->vm->base.cid, cpus };
  if (code == 0)
    code = kata_acrn__argv (&l->argv, l->plan, &context, err);
  if (code < 0)
    return code;
  /* acrn-dm takes no descriptor but sets the id itself. Should another guest get it in between, acrn-dm ends, and says so. */
  kata_fd__closep (&vhost_fd);
  return kata_external_vm__spawn_there (&l->vm->base, l->plan, l->argv, NULL, 0, l->env, err);
}

static void
set_up (kata_acrn_vm *vm, const kata_vm_plan *plan)
{
  g_autofree char *control = NULL;
  kata_acrn__name (vm->name, plan);
  vm->port_slot = kata_acrn__port_slot (plan);
  vm->ports = plan->disk_ports;
  vm->file_max = kata_external__file_max (plan);
  /* Without it a guest cannot be asked to end, nor be given disks; it runs all the same. */
  if (kata_acrn__find_control (&control, plan, NULL) == 0)
    g_strlcpy (vm->control, control, sizeof vm->control);
}

int
kata_acrn__launch_with (void **out, const kata_vm_plan *plan, const kata_backend_env *env, kata_acrn_take take,
                        kata_error **err)
{
  void *made = NULL;
  int code = kata_external_vm__check_files (&kata_acrn_kind, plan, true, err);
  if (code == 0)
    code = kata_external_vm__new (&made, sizeof (kata_acrn_vm), &kata_acrn_kind, plan, err);
  g_autoptr (kata_external_vm) vm = made;
  if (code < 0)
    return code;
  struct launch l = { made, plan, env, NULL };
  set_up (made, plan);
  code = start (&l, take, err);
  g_strfreev (l.argv);
  if (code < 0) {
    kata_external_vm__discard (vm);
    return code;
  }
  *out = g_steal_pointer (&vm);
  return 0;
}

int
kata_acrn__launch (void **out, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  return kata_acrn__launch_with (out, plan, env, kata_vsock__take, err);
}

int
kata_acrn__attach (void **out, const kata_vm_plan *plan, const char *saved, const kata_backend_env *env,
                   kata_error **err)
{
  kata_external_vm *vm = NULL;
  int code = kata_external_vm__attach (&vm, &kata_acrn_kind, plan, saved, err);
  if (code < 0)
    return code;
  set_up ((kata_acrn_vm *) vm, plan);
  *out = vm;
  return 0;
}
