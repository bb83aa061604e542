/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* monitor: what the VMM's events say of the guest's end. A guest that resets itself would be booted anew; here that is its end. */
#include "backend/clh/vm.h"

#include <signal.h>
#include <string.h>

#include "backend/clh/events.h"

#define GONE_MS 1000

static bool
is (const struct kata_clh_event *event, const char *source, const char *name)
{
  return strcmp (event->source, source) == 0 && strcmp (event->name, name) == 0;
}

static void
note (void *data, const struct kata_clh_event *event)
{
  kata_clh_vm *vm = data;
  if (is (event, "guest", "panic") && strcmp (event->what, "panic") == 0)
    vm->panicked = true;
  else if (is (event, "vm", "rebooting"))
    vm->reset = true;
}

/*
 * The new boot would have neither the agent's state nor our devices. Nobody needs to wait here for the event: whoever misses the guest asks whether
 * it has ended, and the watch of a sandbox does so each second.
 */
void
kata_clh__look (kata_external_vm *base)
{
  kata_clh_vm *vm = (kata_clh_vm *) base;
  if (vm->panicked || vm->reset || base->vmm.pidfd < 0)
    return;
  kata_clh__read_events (base->dir_fd, &vm->events_at, note, vm);
  if ((vm->panicked || vm->reset) && kata_pidfd__signal (base->vmm.pidfd, SIGKILL, NULL) == 0)
    kata_pidfd__wait (base->vmm.pidfd, kata_deadline__within (INT64_MAX, GONE_MS), NULL);
}

const char *
kata_clh__told (const kata_external_vm *base, bool *panic)
{
  const kata_clh_vm *vm = (const kata_clh_vm *) base;
  *panic = vm->panicked;
  if (vm->panicked)
    return "its event monitor told of a panic of the guest, so it was ended";
  return vm->reset ? "its event monitor told of a reset of the guest, so it was ended" : NULL;
}
