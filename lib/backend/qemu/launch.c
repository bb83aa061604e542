/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* launch: makes what QEMU needs in the sandbox's directory, starts virtiofsd and QEMU, waits until QEMU takes commands. */
#include "backend/qemu/vm.h"

#include <stdio.h>

#include "backend/device.h"
#include "backend/qemu/argv.h"
#include "backend/qemu/kernel.h"
#include "backend/qemu/resize.h"
#include "backend/qmp-vm.h"
#include "backend/vsock.h"
#include "base/error.h"
#include "base/fd.h"

#define VHOST_FD 3
#define NIC_FD   4

/* QEMU makes these itself, so they are recorded before it starts. */
static int
record_files (const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  int code = kata_external__record_file (plan->dir, KATA_QEMU_QMP_SOCKET, env, err);
  if (code == 0)
    code = kata_external__record_file (plan->dir, "qmp.lock", env, err);
  for (uint32_t i = 0; code == 0 && plan->agent_kind == KATA_AGENT_SERIAL && i < plan->agent_serial_ports; i++) {
    char name[64];
    snprintf (name, sizeof name, KATA_QEMU_AGENT_SOCKET, i);
    code = kata_external__record_file (plan->dir, name, env, err);
    snprintf (name, sizeof name, KATA_QEMU_AGENT_LOCK, i);
    if (code == 0)
      code = kata_external__record_file (plan->dir, name, env, err);
  }
  return code;
}

static int
spawn_qemu (kata_qemu_vm *vm, char **argv, int vhost_fd, const kata_backend_env *env, kata_error **err)
{
  kata_child_fd fds[KATA_CHILD_FDS_MAX];
  size_t n_fds = 0;
  if (env->n_nic_fds + env->n_vhost_fds >= KATA_CHILD_FDS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "network", "qemu: more than %d descriptors", KATA_CHILD_FDS_MAX);
  if (vhost_fd >= 0)
    fds[n_fds++] = (kata_child_fd){ vhost_fd, VHOST_FD };
  for (size_t i = 0; i < env->n_nic_fds; i++)
    fds[n_fds++] = (kata_child_fd){ env->nic_fds[i], NIC_FD + (int) i };
  for (size_t i = 0; i < env->n_vhost_fds; i++)
    fds[n_fds++] = (kata_child_fd){ env->vhost_fds[i], NIC_FD + (int) (env->n_nic_fds + i) };
  return kata_external_vm__spawn (&vm->base, argv, fds, n_fds, env, err);
}

static int
start (kata_qemu_vm *vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  g_autofree char *program = NULL;
  g_auto (GStrv) argv = NULL;
  kata_auto_fd int vhost_fd = -1;
  kata_qemu_context context = { .vhost_fd = VHOST_FD, .nic_fd = NIC_FD };
  const kata_qemu_machine *machine = NULL;
  int code = kata_qemu__find (&program, context.version, &machine, plan, err);
  if (code == 0)
    code = kata_qemu__check_kernel (plan->kernel, machine->arch, err);
  if (code == 0 && plan->agent_kind == KATA_AGENT_VSOCK)
    code = kata_vsock__take (&vhost_fd, &vm->base.cid, plan->agent_cid, err);
  context.program = program;
  if (plan->accel == KATA_ACCEL_TCG)
    context.tsc_khz = kata_qemu__tsc_khz ("/proc/cpuinfo");
  context.cid = vm->base.cid;
  if (code == 0)
    code = kata_qemu__check_confidential (plan, "", context.version, err);
  if (code == 0 && plan->confidential == KATA_CONFIDENTIAL_SNP &&
      !kata_qemu__sev_bits (&context.sev_bit, &context.sev_bits_lost))
    code = kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.qemu.sev_snp_guest",
                            "hypervisor.qemu.sev_snp_guest: this processor does not say that it has encrypted memory");
  if (code == 0)
    code = kata_qemu__argv (&argv, plan, &context, err);
  if (code == 0)
    code = record_files (plan, env, err);
  if (code == 0)
    code = kata_external_vm__start_share (&vm->base, plan, env, err);
  if (code == 0)
    code = spawn_qemu (vm, argv, vhost_fd, env, err);
  if (code == 0)
    code = kata_qmp_vm__wait_ready (&vm->base, plan, env, err);
  return code;
}

int
kata_qemu__launch (void **out, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  void *made = NULL;
  int code = kata_external_vm__check_files (&kata_qemu_kind, plan, false, err);
  if (code == 0)
    code = kata_device__check_servers (plan, env->deadline_us, err);
  if (code == 0)
    code = kata_external_vm__new (&made, sizeof (kata_qemu_vm), &kata_qemu_kind, plan, err);
  if (code < 0)
    return code;
  g_autoptr (kata_qemu_vm) vm = made;
  vm->disks = kata_qemu__disks (plan);
  vm->agent_kind = plan->agent_kind;
  vm->serial_ports = plan->agent_serial_ports;
  vm->room = kata_qemu__room (plan);
  int64_t begun = kata_deadline__now ();
  code = start (vm, plan, env, err);
  if (code < 0) {
    kata_external_vm__discard (&vm->base);
    return code;
  }
  kata_external__debug (env, "qemu: process %lld takes commands after %lld ms", (long long) vm->base.vmm.identity.pid,
                        (long long) (kata_deadline__now () - begun) / 1000);
  *out = g_steal_pointer (&vm);
  return 0;
}
