/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* power: sync, kill, power off; decides which kind of reboot this machine understands. */
#include "power.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/reboot.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "thread.h"

#define REPLY_TRIES    100
#define REPLY_PAUSE_MS 10

static void
pause_ms (long ms)
{
  struct timespec pause = { .tv_nsec = ms * 1000000 };
  nanosleep (&pause, NULL);
}

/*
 * Does the machine have a power-off? Without ACPI it has none, nor with ACPI tables that name no register for it: an x86 machine of reduced
 * hardware, Firecracker's; an ARM machine asks its firmware (PSCI). The fields are those of the FADT (ACPI 6.5, section 5.2.9).
 */
static int
can_power_off (void)
{
  enum { FLAGS = 112, ARM_FLAGS = 129, SLEEP_ADDRESS = 248, LENGTH = 256 };
  const uint32_t reduced = 1u << 20;
  uint8_t fadt[LENGTH + 1] = { 0 };
  uint64_t sleep = 0;
  uint32_t flags;
  if (access ("/sys/firmware/acpi/tables", F_OK) < 0)
    return 0;
  if (file_read ("/sys/firmware/acpi/tables/FACP", (char *) fadt, sizeof fadt) < LENGTH)
    return 1; /* an old one: hardware is not reduced */
  memcpy (&flags, fadt + FLAGS, sizeof flags);
  memcpy (&sleep, fadt + SLEEP_ADDRESS, sizeof sleep);
  return (flags & reduced) == 0 || sleep != 0 || (fadt[ARM_FLAGS] & 1) != 0;
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
  /* Otherwise it would only halt the processors and the VM would stay; a reboot ends it (-no-reboot, reboot=t, reboot=k). */
  if (can_power_off ())
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
