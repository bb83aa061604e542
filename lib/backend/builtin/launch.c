/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* launch: opens all that the machine needs, starts virtiofsd and kata-vmm (or threads of ours), waits until the guest runs. */
#include "backend/builtin/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/builtin/describe.h"
#include "backend/builtin/helper.h"
#include "backend/builtin/thread.h"
#include "backend/external.h"
#include "backend/virtiofsd.h"
#include "base/error.h"
#include "base/fd.h"

/* Who kata-vmm is on the host when we are root. */
#define NOBODY 65534u

static void
clear_fds (kata_builtin_fds *fds)
{
  for (size_t i = 0; i < G_N_ELEMENTS (fds->fd); i++)
    kata_fd__closep (&fds->fd[i]);
}

static void
init_fds (kata_builtin_fds *fds)
{
  for (size_t i = 0; i < G_N_ELEMENTS (fds->fd); i++)
    fds->fd[i] = -1;
}

static int
open_inputs (kata_builtin_fds *fds, const kata_vm_plan *plan, kata_error **err)
{
  kata_vm_disk disk;
  fds->fd[KATA_BUILTIN_FD_KVM] = open ("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (fds->fd[KATA_BUILTIN_FD_KVM] < 0)
    return kata_error__errno (err, KATA_E_HOST, "/dev/kvm", errno, "/dev/kvm");
  int code = kata_external__open_file (&fds->fd[KATA_BUILTIN_FD_KERNEL], plan->kernel, false,
                                       "hypervisor.builtin.kernel", err);
  if (code == 0 && plan->initrd != NULL && plan->initrd[0] != '\0')
    code = kata_external__open_file (&fds->fd[KATA_BUILTIN_FD_INITRD], plan->initrd, false, "hypervisor.builtin.initrd",
                                     err);
  for (size_t n = 0; code == 0 && n < VMM_DISKS_MAX && kata_builtin__disk (plan, n, &disk); n++)
    code = kata_external__open_file (&fds->fd[KATA_BUILTIN_FD_DISK + n], disk.path, !disk.readonly, disk.id, err);
  return code;
}

/* Of our own: a machine in threads keeps them, the caller closes his. */
static int
take_taps (kata_builtin_fds *fds, const kata_backend_env *env, kata_error **err)
{
  if (env->n_nic_fds > KATA_BUILTIN_TAPS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "network", "network: more than %d queues", KATA_BUILTIN_TAPS_MAX);
  for (size_t i = 0; i < env->n_nic_fds; i++) {
    fds->fd[KATA_BUILTIN_FD_TAP + i] = fcntl (env->nic_fds[i], F_DUPFD_CLOEXEC, 3);
    if (fds->fd[KATA_BUILTIN_FD_TAP + i] < 0)
      return kata_error__errno (err, KATA_E_IO, "network", errno, "network: duplicate a tap's descriptor");
  }
  return 0;
}

static int
make_socket (int *fd, int type, const char *name, const kata_builtin_vm *vm, const kata_backend_env *env,
             kata_error **err)
{
  int code = kata_external__record_file (vm->dir, name, env, err);
  return code < 0 ? code : kata_external__listen (fd, vm->dir_fd, name, type, err);
}

static int
make_outputs (kata_builtin_fds *fds, const kata_builtin_vm *vm, const kata_backend_env *env, kata_error **err)
{
  int code = kata_external__log_file (&fds->fd[KATA_BUILTIN_FD_CONSOLE], vm->dir_fd, vm->dir, KATA_BUILTIN_CONSOLE_LOG,
                                      env, err);
  if (code == 0)
    code = kata_external__log_file (&fds->fd[KATA_BUILTIN_FD_LOG], vm->dir_fd, vm->dir, KATA_BUILTIN_VMM_LOG, env, err);
  if (code == 0)
    code = make_socket (&fds->fd[KATA_BUILTIN_FD_VSOCK], SOCK_STREAM | SOCK_NONBLOCK, KATA_BUILTIN_VSOCK_SOCKET, vm,
                        env, err);
  if (code == 0)
    code = make_socket (&fds->fd[KATA_BUILTIN_FD_CONTROL], SOCK_SEQPACKET | SOCK_NONBLOCK, KATA_BUILTIN_CONTROL_SOCKET,
                        vm, env, err);
  return code;
}

static int
start_share (kata_builtin_fds *fds, kata_builtin_vm *vm, const kata_vm_plan *plan, const kata_backend_env *env,
             kata_error **err)
{
  kata_child child;
  int code = kata_virtiofsd__start (&child, "builtin", plan, vm->dir_fd, env, err);
  if (code < 0)
    return code;
  kata_backend_process__adopt (&vm->virtiofsd, &child);
  return kata_external__connect_wait (&fds->fd[KATA_BUILTIN_FD_FS], vm->dir_fd, KATA_VIRTIOFSD_SOCKET,
                                      vm->virtiofsd.pidfd, env->deadline_us, err);
}

static int
run_process (kata_builtin_vm *vm, const char *program, const struct vmm_description *description,
             const kata_backend_env *env, kata_error **err)
{
  struct kata_external_record record = { "kata-vmm", env };
  const kata_builtin_helper helper = { .program = program,
                                       .description = description,
                                       .uid = NOBODY,
                                       .gid = NOBODY,
                                       .stderr_fd = description->log_fd,
                                       .deadline_us = env->deadline_us,
                                       .record = kata_external__record_process,
                                       .record_data = &record };
  kata_child child;
  kata_error *error = NULL;
  int code = kata_builtin_helper__start (&child, &helper, &error);
  if (code == 0) {
    kata_backend_process__adopt (&vm->vmm, &child);
    return 0;
  }
  g_autofree char *said = code == KATA_E_VMM ? kata_external__tail (vm->dir_fd, KATA_BUILTIN_VMM_LOG, 1024) : NULL;
  if (said != NULL && said[0] != '\0')
    return kata_error__wrap (err, error, NULL, "kata-vmm said: %s", said);
  return kata_error__propagate (err, error);
}

/* The machine is in threads of this process, which is thereby its VMM's process. */
static int
run_thread (kata_builtin_vm *vm, const struct vmm_description *description, kata_builtin_fds *fds, kata_error **err)
{
  int code = kata_pidfd__identify (&vm->vmm.identity, getpid (), err);
  if (code == 0)
    code = kata_builtin_thread__start (&vm->thread, description, err);
  if (code == 0)
    init_fds (fds); /* they are the machine's now */
  return code;
}

static int
start (kata_builtin_vm *vm, kata_builtin_fds *fds, const kata_vm_plan *plan, const kata_backend_env *env,
       kata_error **err)
{
  g_autofree struct vmm_description *description = g_new0 (struct vmm_description, 1);
  char cmdline[VMM_CMDLINE_MAX];
  g_autofree char *program = NULL;
  int code = plan->isolation == KATA_ISOLATION_PROCESS ? kata_builtin__find (&program, plan, err) : 0;
  if (code == 0)
    code = open_inputs (fds, plan, err);
  if (code == 0)
    code = take_taps (fds, env, err);
  if (code == 0)
    code = make_outputs (fds, vm, env, err);
  if (code == 0 && plan->share_kind == KATA_SHARE_VIRTIOFS)
    code = start_share (fds, vm, plan, env, err);
  if (code == 0)
    code = kata_builtin__describe (description, cmdline, plan, fds, err);
  if (code < 0)
    return code;
  if (plan->isolation == KATA_ISOLATION_THREAD)
    return run_thread (vm, description, fds, err);
  return run_process (vm, program, description, env, err);
}

int
kata_builtin__launch (void **out, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  g_autoptr (kata_builtin_vm) vm = kata_builtin_vm__new (plan->dir);
  kata_builtin_fds fds;
  init_fds (&fds);
  vm->isolation = plan->isolation;
  vm->port = plan->agent_port;
  int64_t begun = kata_deadline__now ();
  int code = kata_external__open_dir (&vm->dir_fd, plan->dir, err);
  if (code == 0)
    code = start (vm, &fds, plan, env, err);
  clear_fds (&fds);
  if (code < 0) {
    /* A child of a launch that failed is ended here, while it is ours: nobody else could reap it. */
    kata_backend_process__discard (&vm->virtiofsd);
    return code;
  }
  kata_external__debug (env, "builtin: the machine of process %lld runs after %lld ms",
                        (long long) vm->vmm.identity.pid, (long long) (kata_deadline__now () - begun) / 1000);
  *out = g_steal_pointer (&vm);
  return 0;
}
