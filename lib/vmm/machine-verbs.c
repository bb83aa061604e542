/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine-verbs: what can be asked of a machine while it runs. */
#include "base/raise.h"
#include "vmm/dev/platform.h"
#include "vmm/machine-parts.h"

void
vmm_machine__lock (struct vmm_machine *machine)
{
  pthread_mutex_lock (&machine->lock);
}

void
vmm_machine__unlock (struct vmm_machine *machine)
{
  pthread_mutex_unlock (&machine->lock);
}

/* vCPUs first: a device at rest must not be asked anything. */
int
vmm_machine__pause (struct vmm_machine *machine, kata_error **err)
{
  if (machine->exit.reason != VMM_EXIT_RUNNING)
    return kata_error__set (err, KATA_E_STATE, NULL, "pause: the machine has ended");
  if (machine->paused)
    return 0;
  machine->paused = true;
  vmm_crew__pause (machine->crew);
  if (!machine->paused)
    return kata_error__set (err, KATA_E_STATE, NULL, "pause: resumed by somebody else meanwhile");
  for (size_t i = 0; i < machine->n_slots; i++)
    vmm_virtio__pause (machine->slots[i].device);
  for (size_t i = 0; i < VMM_BOARD_MAX; i++)
    if (machine->board[i].ops->quiesce != NULL)
      machine->board[i].ops->quiesce (machine->board[i].self);
  return 0;
}

int
vmm_machine__resume (struct vmm_machine *machine, kata_error **err)
{
  if (machine->exit.reason != VMM_EXIT_RUNNING)
    return kata_error__set (err, KATA_E_STATE, NULL, "resume: the machine has ended");
  if (!machine->paused)
    return 0;
  for (size_t i = 0; i < VMM_BOARD_MAX; i++)
    if (machine->board[i].ops->resume != NULL)
      machine->board[i].ops->resume (machine->board[i].self);
  for (size_t i = 0; i < machine->n_slots; i++)
    vmm_virtio__unpause (machine->slots[i].device);
  machine->paused = false;
  vmm_crew__resume (machine->crew);
  return 0;
}

void
vmm_machine__press_power (struct vmm_machine *machine)
{
  vmm_power__press (machine->board[VMM_BOARD_POWER].self);
}

int
vmm_machine__balloon (struct vmm_machine *machine, uint64_t pages, kata_error **err)
{
  if (machine->balloon == NULL)
    return kata_error__set (err, KATA_E_UNSUPPORTED, NULL, "balloon: the machine has none");
  vmm_balloon__set (machine->balloon->self, pages);
  return 0;
}

void
vmm_machine__stop (struct vmm_machine *machine)
{
  /* The loop's thread brings the vCPUs out once its loop has ended. */
  vmm_crew__ask_stop (machine->crew);
  vmm_loop__quit (machine->loop);
}

struct vmm_loop *
vmm_machine__loop (struct vmm_machine *machine)
{
  return machine->loop;
}

void
vmm_machine__stats (struct vmm_machine *machine, struct vmm_stats *out)
{
  *out = (struct vmm_stats){ .first_run_ns = vmm_crew__first_run (machine->crew) };
  for (unsigned i = 0; i < machine->config.vcpus; i++) {
    const struct vmm_vcpu *vcpu = vmm_crew__vcpu (machine->crew, i);
    out->exits += vcpu->exits;
    out->exits_mmio += vcpu->exits_mmio;
    out->exits_pio += vcpu->exits_pio;
  }
  if (machine->balloon != NULL)
    out->balloon_pages = vmm_balloon__actual (machine->balloon->self);
}
