/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm: the handle, and what is known about its end. */
#include "backend/builtin/vm.h"

#include <poll.h>

#include "backend/builtin/thread.h"
#include "backend/external.h"
#include "base/fd.h"

kata_builtin_vm *
kata_builtin_vm__new (const char *dir)
{
  kata_builtin_vm *vm = g_new0 (kata_builtin_vm, 1);
  vm->dir = g_strdup (dir);
  vm->dir_fd = vm->gone_fd = vm->vmm.pidfd = vm->virtiofsd.pidfd = -1;
  g_mutex_init (&vm->lock);
  return vm;
}

void
kata_builtin_vm__free (kata_builtin_vm *vm)
{
  if (vm == NULL)
    return;
  kata_builtin_vm__ended (vm); /* leaves no zombie of a VM that ended unseen */
  kata_builtin_thread__unref (vm->thread);
  kata_backend_process__clear (&vm->vmm);
  kata_backend_process__clear (&vm->virtiofsd);
  kata_fd__close (vm->gone_fd);
  kata_fd__close (vm->dir_fd);
  g_mutex_clear (&vm->lock);
  g_free (vm->dir);
  g_free (vm);
}

static bool
is_readable (int fd)
{
  struct pollfd poller = { .fd = fd, .events = POLLIN };
  return poll (&poller, 1, 0) > 0;
}

int
kata_builtin_vm__exit_fd (kata_builtin_vm *vm)
{
  if (vm->thread != NULL)
    return kata_builtin_thread__exit_fd (vm->thread);
  return vm->gone_fd >= 0 ? vm->gone_fd : vm->vmm.pidfd;
}

bool
kata_builtin_vm__ended (kata_builtin_vm *vm)
{
  g_mutex_lock (&vm->lock);
  kata_backend_process__ended (&vm->virtiofsd);
  bool ended;
  if (vm->thread != NULL)
    ended = is_readable (kata_builtin_thread__exit_fd (vm->thread));
  else if (vm->gone_fd >= 0)
    ended = is_readable (vm->gone_fd);
  else
    ended = kata_backend_process__ended (&vm->vmm);
  g_mutex_unlock (&vm->lock);
  return ended;
}

/* How the machine ended, as the one says who ran it: our thread, or the process that was ours. */
static char *
how (kata_builtin_vm *vm)
{
  if (!kata_builtin_vm__ended (vm))
    return g_strdup ("is running");
  if (vm->thread != NULL)
    return kata_builtin_thread__how (vm->thread);
  g_mutex_lock (&vm->lock);
  kata_exit_status status = vm->vmm.status;
  g_mutex_unlock (&vm->lock);
  return kata_exit_status__text (&status);
}

char *
kata_builtin_vm__why (kata_builtin_vm *vm)
{
  static const struct kata_external_logs logs = { KATA_BUILTIN_VMM_LOG, 1024, KATA_BUILTIN_CONSOLE_LOG };
  g_autofree char *end = how (vm);
  g_mutex_lock (&vm->lock);
  kata_exit_status helper = vm->virtiofsd.status;
  g_mutex_unlock (&vm->lock);
  return kata_external__why (vm->isolation == KATA_ISOLATION_THREAD ? "microVMM" : "kata-vmm", end, vm->dir_fd, &logs,
                             &helper);
}

int
kata_builtin_vm__ended_error (kata_builtin_vm *vm, const char *doing, kata_error **err)
{
  g_autofree char *why = kata_builtin_vm__why (vm);
  return kata_external__ended_error (doing, why, vm->dir_fd, KATA_BUILTIN_CONSOLE_LOG, err);
}
