/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine: counts references. */
#include "sandbox/machine.h"

#include <errno.h>
#include <poll.h>

#include "host/pidfd.h"

struct kata_machine {
  gatomicrefcount refs;
  kata_vm *vm;
};

kata_machine *
kata_machine__new (kata_vm *vm)
{
  kata_machine *machine = g_new0 (kata_machine, 1);
  g_atomic_ref_count_init (&machine->refs);
  machine->vm = vm;
  return machine;
}

kata_machine *
kata_machine__ref (kata_machine *machine)
{
  g_atomic_ref_count_inc (&machine->refs);
  return machine;
}

kata_machine *
kata_machine__unref (kata_machine *machine)
{
  if (machine != NULL && g_atomic_ref_count_dec (&machine->refs)) {
    kata_vm__free (machine->vm);
    g_free (machine);
  }
  return NULL;
}

kata_vm *
kata_machine__vm (kata_machine *machine)
{
  return machine->vm;
}

/* A signal of the embedder's cuts no wait short: what is asked after it would be put down to the wrong thing. */
gboolean
kata_machine__ended (kata_machine *machine, int wait_ms)
{
  struct pollfd fd = { .fd = kata_vm__exit_fd (machine->vm), .events = POLLIN };
  int64_t deadline_us = kata_deadline__within (INT64_MAX, wait_ms);
  int n = -1;
  if (fd.fd < 0)
    return FALSE;
  do
    n = poll (&fd, 1, kata_deadline__poll_ms (deadline_us));
  while (n < 0 && errno == EINTR);
  return n > 0;
}
