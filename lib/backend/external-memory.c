/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* external-memory: how long a guest is waited for that takes or gives back memory by virtio-mem: as long as it goes on doing so. */
#include "backend/external-memory.h"

#include <glib.h>

#include "backend/external.h"
#include "base/error.h"
#include "host/pidfd.h"

#define MIB             (UINT64_C (1) << 20)
#define TAKE_STILL_MS   30000 /* a guest that takes nothing for so long takes no more; */
#define RETURN_STILL_MS 10000 /* one that gives nothing back uses it */
#define MOST_MS         300000
#define STEP_MS         50

static bool
more (const struct kata_external_memory *memory)
{
  return memory->wanted > memory->first;
}

static void
moved (struct kata_external_memory *memory)
{
  memory->still_us = kata_deadline__within (memory->until_us, more (memory) ? TAKE_STILL_MS : RETURN_STILL_MS);
}

void
kata_external_memory__begin (struct kata_external_memory *memory, uint64_t wanted, uint64_t now, int64_t deadline_us)
{
  *memory = (struct kata_external_memory){ .wanted = wanted, .first = now, .now = now };
  memory->begin_us = kata_deadline__now ();
  memory->until_us = kata_deadline__within (deadline_us, MOST_MS);
  moved (memory);
}

bool
kata_external_memory__wait (const struct kata_external_memory *memory, int pidfd)
{
  return kata_external__pause (pidfd, STEP_MS, memory->still_us);
}

/* Only towards what was asked for: a VMM that counts up and down would be waited for to the end. */
void
kata_external_memory__saw (struct kata_external_memory *memory, uint64_t now)
{
  if (more (memory) ? now <= memory->now : now >= memory->now)
    return;
  memory->now = now;
  moved (memory);
}

int
kata_external_memory__short (const struct kata_external_memory *memory, kata_error **err)
{
  uint64_t all = more (memory) ? memory->wanted - memory->first : memory->first - memory->wanted;
  uint64_t done = more (memory) ? memory->now - memory->first : memory->first - memory->now;
  return kata_error__set (
      err, KATA_E_TIMEOUT, "memory_mib",
      "the guest %s %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " MiB in %" G_GINT64_FORMAT " ms; %s",
      more (memory) ? "took" : "gave back", done / MIB, all / MIB, (kata_deadline__now () - memory->begin_us) / 1000,
      more (memory) ? "its kernel needs CONFIG_VIRTIO_MEM"
                    : "it keeps what it uses, and goes on giving back as it can: ask for its size again");
}

int
kata_external_memory__late (const struct kata_external_memory *memory, int code, kata_error *error, kata_error **err)
{
  if (code != KATA_E_TIMEOUT)
    return kata_error__propagate (err, error);
  kata_error_unref (error);
  return kata_external_memory__short (memory, err);
}
