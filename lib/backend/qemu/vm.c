/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm: the handle, and what is known about its end. */
#include "backend/qemu/vm.h"

#include "backend/external.h"
#include "backend/qemu/argv.h"
#include "base/fd.h"

kata_qemu_vm *
kata_qemu_vm__new (const char *dir)
{
  kata_qemu_vm *vm = g_new0 (kata_qemu_vm, 1);
  vm->dir = g_strdup (dir);
  vm->dir_fd = vm->gone_fd = vm->qemu.pidfd = vm->virtiofsd.pidfd = -1;
  g_mutex_init (&vm->lock);
  return vm;
}

void
kata_qemu_vm__free (kata_qemu_vm *vm)
{
  if (vm == NULL)
    return;
  kata_qemu_vm__ended (vm); /* leaves no zombie of a VM that ended unseen */
  kata_backend_process__clear (&vm->qemu);
  kata_backend_process__clear (&vm->virtiofsd);
  kata_fd__close (vm->gone_fd);
  kata_fd__close (vm->dir_fd);
  g_mutex_clear (&vm->lock);
  g_free (vm->dir);
  g_free (vm);
}

bool
kata_qemu_vm__ended (kata_qemu_vm *vm)
{
  g_mutex_lock (&vm->lock);
  kata_backend_process__ended (&vm->virtiofsd);
  bool ended = kata_backend_process__ended (&vm->qemu);
  g_mutex_unlock (&vm->lock);
  return ended;
}

char *
kata_qemu_vm__why (kata_qemu_vm *vm)
{
  static const struct kata_external_logs logs = { KATA_QEMU_STDERR_LOG, KATA_EXTERNAL_TAIL_MAX, KATA_QEMU_CONSOLE_LOG };
  bool ended = kata_qemu_vm__ended (vm);
  g_mutex_lock (&vm->lock);
  kata_exit_status status = vm->qemu.status, helper = vm->virtiofsd.status;
  g_mutex_unlock (&vm->lock);
  g_autofree char *how = ended ? kata_exit_status__text (&status) : g_strdup ("is running");
  return kata_external__why ("qemu", how, vm->dir_fd, &logs, &helper);
}

int
kata_qemu_vm__ended_error (kata_qemu_vm *vm, const char *doing, kata_error **err)
{
  g_autofree char *why = kata_qemu_vm__why (vm);
  return kata_external__ended_error (doing, why, vm->dir_fd, KATA_QEMU_CONSOLE_LOG, err);
}
