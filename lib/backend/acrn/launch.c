/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* launch: starts acrn-dm, which runs the guest at once, and ends it by signals: it has no channel for commands that this adapter needs. */
#include "backend/acrn/vm.h"

#include <signal.h>
#include <string.h>

#include "backend/acrn/argv.h"
#include "backend/vsock.h"
#include "base/error.h"
#include "base/fd.h"

static int
start (kata_external_vm *vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  g_autofree char *program = NULL, *cpuinfo = NULL, *cpus = NULL;
  g_auto (GStrv) argv = NULL;
  kata_auto_fd int vhost_fd = -1;
  unsigned version[3];
  kata_acrn_context context = { 0 };
  int code = kata_acrn__find (&program, version, plan, err);
  if (code == 0 && !g_file_get_contents ("/proc/cpuinfo", &cpuinfo, NULL, NULL))
    code = kata_error__set (err, KATA_E_HOST, "/proc/cpuinfo", "acrn: /proc/cpuinfo cannot be read");
  if (code == 0)
    code = kata_acrn__cpus (&cpus, cpuinfo, plan->vcpus, err);
  if (code == 0)
    code = kata_vsock__take (&vhost_fd, &vm->cid, plan->agent_cid, err);
  context = (kata_acrn_context){ program, vm->cid, cpus };
  if (code == 0)
    code = kata_acrn__argv (&argv, plan, &context, err);
  if (code < 0)
    return code;
  /* acrn-dm takes no descriptor but sets the id itself. Should another guest get it in between, acrn-dm ends, and says so. */
  kata_fd__closep (&vhost_fd);
  return kata_external_vm__spawn (vm, argv, NULL, 0, env, err);
}

int
kata_acrn__launch (void **out, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  void *made = NULL;
  int code = kata_external_vm__check_files (&kata_acrn_kind, plan, true, err);
  if (code == 0)
    code = kata_external_vm__new (&made, sizeof (kata_external_vm), &kata_acrn_kind, plan, err);
  g_autoptr (kata_external_vm) vm = made;
  if (code < 0)
    return code;
  code = start (vm, plan, env, err);
  if (code < 0) {
    kata_external_vm__discard (vm);
    return code;
  }
  *out = g_steal_pointer (&vm);
  return 0;
}

/* SIGINT is acrn-dm's power button; SIGTERM ends it. */
static int
command (kata_external_vm *vm, const char *name, int64_t deadline_us, kata_error **err)
{
  return kata_pidfd__signal (vm->vmm.pidfd, strcmp (name, "SIGINT") == 0 ? SIGINT : SIGTERM, err);
}

int
kata_acrn__stop (void *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err)
{
  return kata_external_vm__stop (vm, command, "SIGINT", "SIGTERM", grace_ms, env, err);
}
