/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* launch: takes a context id, starts virtiofsd and StratoVirt, waits until it takes commands. */
#include "backend/stratovirt/vm.h"

#include <string.h>
#include <unistd.h>

#include "backend/qmp-vm.h"
#include "backend/stratovirt/argv.h"
#include "backend/vsock.h"
#include "base/error.h"
#include "base/fd.h"

#define BZIMAGE_AT 0x202 /* of the word that begins a bzImage's header */

static int
spawn (kata_external_vm *vm, char **argv, int vhost_fd, const kata_backend_env *env, kata_error **err)
{
  kata_child_fd fds[KATA_CHILD_FDS_MAX];
  size_t n = 0;
  if (1 + env->n_nic_fds + env->n_vhost_fds > KATA_CHILD_FDS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "network", "stratovirt: more than %d descriptors", KATA_CHILD_FDS_MAX);
  fds[n++] = (kata_child_fd){ vhost_fd, KATA_STRATOVIRT_VHOST_FD };
  for (size_t i = 0; i < env->n_nic_fds; i++)
    fds[n++] = (kata_child_fd){ env->nic_fds[i], KATA_STRATOVIRT_NIC_FD + (int) i };
  for (size_t i = 0; i < env->n_vhost_fds; i++)
    fds[n++] = (kata_child_fd){ env->vhost_fds[i], KATA_STRATOVIRT_NIC_FD + (int) (env->n_nic_fds + i) };
  return kata_external_vm__spawn (vm, argv, fds, n, env, err);
}

static int
start (kata_external_vm *vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_stratovirt_take take,
       kata_error **err)
{
  g_autofree char *program = NULL;
  g_auto (GStrv) argv = NULL;
  kata_auto_fd int vhost_fd = -1;
  unsigned version[3];
  int code = kata_stratovirt__find (&program, version, plan, err);
  if (code == 0)
    code = take (&vhost_fd, &vm->cid, plan->agent_cid, err);
  if (code == 0)
    code = kata_stratovirt__argv (&argv, plan, program, vm->cid, err);
  /* It makes the socket itself; the lock is the client's. */
  if (code == 0)
    code = kata_external__record_file (plan->dir, KATA_STRATOVIRT_QMP_SOCKET, env, err);
  if (code == 0)
    code = kata_external__record_file (plan->dir, "qmp.lock", env, err);
  if (code == 0)
    code = kata_external_vm__start_share (vm, plan, env, err);
  if (code == 0)
    code = spawn (vm, argv, vhost_fd, env, err);
  return code == 0 ? kata_qmp_vm__wait_ready (vm, plan, env, err) : code;
}

int
kata_stratovirt__launch_with (void **out, const kata_vm_plan *plan, const kata_backend_env *env,
                              kata_stratovirt_take take, kata_error **err)
{
  void *made = NULL;
  int64_t begun = kata_deadline__now ();
  int code = kata_external_vm__check_files (&kata_stratovirt_kind, plan, true, err);
  if (code == 0)
    code = kata_external_vm__new (&made, sizeof (kata_stratovirt_vm), &kata_stratovirt_kind, plan, err);
  g_autoptr (kata_external_vm) vm = made;
  if (code < 0)
    return code;
  ((kata_stratovirt_vm *) made)->disks = kata_stratovirt__disks (plan);
  code = start (vm, plan, env, take, err);
  if (code < 0) {
    kata_external_vm__discard (vm);
    return code;
  }
  kata_external__debug (env, "stratovirt: process %lld takes commands after %lld ms", (long long) vm->vmm.identity.pid,
                        (long long) (kata_deadline__now () - begun) / 1000);
  *out = g_steal_pointer (&vm);
  return 0;
}

int
kata_stratovirt__check_kernel (const char *path, kata_error **err)
{
  char magic[4] = "";
  kata_auto_fd int fd = -1;
  int code = kata_external__open_file (&fd, path, false, "hypervisor.stratovirt.kernel", err);
  if (code < 0)
    return code;
  if (pread (fd, magic, sizeof magic, BZIMAGE_AT) == (ssize_t) sizeof magic &&
      memcmp (magic, "HdrS", sizeof magic) == 0)
    return 0;
  return kata_error__set (
      err, KATA_E_GUEST, "hypervisor.stratovirt.kernel",
      "hypervisor.stratovirt.kernel: \"%s\" is no bzImage, and StratoVirt's microvm starts no other "
      "kernel: the guest would never be heard of",
      path);
}

/* What it does not know it loads as it is, and the guest runs into nowhere. */
int
kata_stratovirt__launch (void **out, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  bool x86 = plan->arch == NULL || plan->arch[0] == '\0' || strcmp (plan->arch, "x86_64") == 0;
  bool microvm = plan->machine_type == NULL || strcmp (plan->machine_type, "q35") != 0;
  int code = x86 && microvm ? kata_stratovirt__check_kernel (plan->kernel, err) : 0;
  return code == 0 ? kata_stratovirt__launch_with (out, plan, env, kata_vsock__take, err) : code;
}
