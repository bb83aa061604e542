/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* external-watch: a thread that ends a VMM whose virtiofsd has ended, and says so in the VMM's log; it looks at nothing else. */
#include "backend/external-vm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/thread.h"

/* A VMM that ends on its own closes its connection first, and virtiofsd may be gone before it: so long it may take. */
#define ORDERLY_MS 2000
#define KILL_MS    5000

/* Where why() finds it, in this process and in others, now and later. */
static void
note (const kata_external_vm *vm)
{
  static const char text[] =
      "libkata: virtiofsd has ended, and with it the files of the containers; the machine is ended\n";
  kata_auto_fd int fd = openat (vm->dir_fd, vm->kind->logs.vmm, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
  ssize_t n = fd >= 0 ? write (fd, text, sizeof text - 1) : 0;
  (void) n; /* then the reason is what is missing */
}

/* Waits for the VMM's end or for who stops the watch. False: neither came. */
static bool
wait_orderly (const kata_external_vm *vm)
{
  struct pollfd fds[] = { { .fd = vm->stop_fd, .events = POLLIN }, { .fd = vm->vmm.pidfd, .events = POLLIN } };
  int64_t until = kata_deadline__within (INT64_MAX, ORDERLY_MS);
  int n;
  do
    n = poll (fds, G_N_ELEMENTS (fds), kata_deadline__poll_ms (until));
  while (n < 0 && errno == EINTR);
  return n != 0;
}

/* Processes of the guest that read those files would wait for ever. Doing it twice, in two processes, does no harm. */
static void
end_without_server (kata_external_vm *vm)
{
  if (wait_orderly (vm))
    return;
  note (vm);
  if (kata_pidfd__signal (vm->vmm.pidfd, SIGKILL, NULL) == 0)
    kata_pidfd__wait (vm->vmm.pidfd, kata_deadline__within (INT64_MAX, KILL_MS), NULL);
}

static void *
run (void *data)
{
  kata_external_vm *vm = data;
  struct pollfd fds[] = { { .fd = vm->stop_fd, .events = POLLIN },
                          { .fd = vm->vmm.pidfd, .events = POLLIN },
                          { .fd = vm->virtiofsd.pidfd, .events = POLLIN } };
  while (poll (fds, G_N_ELEMENTS (fds), -1) < 0)
    if (errno != EINTR)
      return NULL;
  if (fds[0].revents == 0 && fds[1].revents == 0)
    end_without_server (vm);
  return NULL;
}

void
kata_external_vm__watch (kata_external_vm *vm)
{
  if (vm->vmm.pidfd < 0 || vm->virtiofsd.identity.pid == 0 || vm->watcher != NULL)
    return;
  if (vm->virtiofsd.pidfd < 0) {
    end_without_server (vm); /* it went while nobody looked */
    return;
  }
  vm->stop_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (vm->stop_fd < 0)
    return;
  vm->watcher = kata_thread__new ("kata-virtiofsd", run, vm, NULL);
}

void
kata_external_vm__unwatch (kata_external_vm *vm)
{
  if (vm->watcher != NULL) {
    eventfd_write (vm->stop_fd, 1);
    g_thread_join (vm->watcher);
    vm->watcher = NULL;
  }
  kata_fd__closep (&vm->stop_fd);
}
