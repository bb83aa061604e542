/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control: what requests do to a machine. */
#include "vmm/control.h"

static int
ask_pause (void *machine, kata_error **err)
{
  return vmm_machine__pause (machine, err);
}

static int
ask_resume (void *machine, kata_error **err)
{
  return vmm_machine__resume (machine, err);
}

static void
ask_power (void *machine)
{
  vmm_machine__press_power (machine);
}

static void
ask_stop (void *machine)
{
  vmm_machine__stop (machine);
}

static int
ask_balloon (void *machine, uint64_t pages, kata_error **err)
{
  return vmm_machine__balloon (machine, pages, err);
}

static void
ask_stats (void *machine, struct vmm_stats *out)
{
  vmm_machine__stats (machine, out);
}

const struct vmm_control_ops vmm_control_machine_ops = {
  .pause = ask_pause,
  .resume = ask_resume,
  .press_power = ask_power,
  .stop = ask_stop,
  .balloon = ask_balloon,
  .stats = ask_stats,
};
