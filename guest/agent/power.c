/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* power: sync, kill, power off; decides which kind of reboot this machine understands. */
#include "power.h"

#include <errno.h>
#include <signal.h>
#include <sys/reboot.h>
#include <time.h>
#include <unistd.h>

#include "thread.h"

#define REPLY_TRIES    100
#define REPLY_PAUSE_MS 10

static void
pause_ms (long ms)
{
  struct timespec pause = { .tv_nsec = ms * 1000000 };
  nanosleep (&pause, NULL);
}

void
power_off (struct agent *agent)
{
  uint64_t one = 1;
  sync ();
  if (!agent->is_init) {
    while (write (agent->end_fd, &one, sizeof one) < 0 && errno == EINTR)
      ;
    return;
  }
  log_info (&agent->log, "powering off");
  kill (-1, SIGKILL);
  sync ();
  /* Without ACPI a power-off only halts the processors and the VM would stay; a reboot ends it (-no-reboot, reboot=t). */
  if (access ("/sys/firmware/acpi/tables", F_OK) == 0)
    reboot (RB_POWER_OFF);
  reboot (RB_AUTOBOOT);
  _exit (0); /* the kernel panics, and panic=-1 reboots */
}

static void *
run (void *data)
{
  struct agent *agent = data;
  unsigned before = atomic_load (&agent->replies_written);
  for (int i = 0; i < REPLY_TRIES && atomic_load (&agent->replies_written) == before; i++)
    pause_ms (REPLY_PAUSE_MS);
  pause_ms (2 * REPLY_PAUSE_MS);
  power_off (agent);
  return NULL;
}

void
power_off_after_reply (struct agent *agent)
{
  if (atomic_exchange (&agent->ending, 1))
    return;
  if (thread_start (run, agent) < 0)
    power_off (agent);
}
