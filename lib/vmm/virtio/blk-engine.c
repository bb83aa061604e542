/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blk-engine: what both engines have in common: the choice between them, counting, waiting. */
#include "vmm/virtio/blk-engine.h"

#include <stddef.h>
#include <unistd.h>

#include "base/raise.h"

int
vmm_disk__open (struct vmm_disk **out, const struct vmm_disk_config *config, kata_error **err)
{
  if (!config->use_threads) {
    kata_auto_error kata_error *cause = NULL;
    int rc = vmm_disk__open_uring (out, config, &cause);
    if (rc == 0)
      return 0;
    if (rc != KATA_E_UNSUPPORTED) {
      kata_error *moved = cause;
      cause = NULL;
      return kata_error__propagate (err, moved);
    }
    if (config->env != NULL)
      vmm_env__log (config->env, "disk", "%s; threads serve instead", kata_error_get_message (cause));
  }
  return vmm_disk__open_threads (out, config, -1, err);
}

void
vmm_disk__close (struct vmm_disk *disk)
{
  if (disk != NULL)
    disk->ops->close (disk);
}

void
vmm_disk__submit (struct vmm_disk *disk, struct vmm_disk_io *io)
{
  disk->in_flight++;
  disk->ops->submit (disk, io);
}

void
vmm_disk__commit (struct vmm_disk *disk)
{
  disk->ops->commit (disk);
}

struct vmm_disk_io *
vmm_disk__reap (struct vmm_disk *disk)
{
  struct vmm_disk_io *io = disk->ops->reap (disk);
  if (io != NULL)
    disk->in_flight--;
  return io;
}

void
vmm_disk__clear (struct vmm_disk *disk)
{
  uint64_t count;
  ssize_t n = read (disk->event_fd, &count, sizeof count);
  (void) n; /* EAGAIN: was clear */
}

void
vmm_disk__again (struct vmm_disk *disk)
{
  uint64_t one = 1;
  ssize_t n = write (disk->event_fd, &one, sizeof one);
  (void) n; /* EAGAIN: set 2^64 times already */
}

void
vmm_disk__cancel (struct vmm_disk *disk)
{
  disk->ops->cancel (disk);
}

void
vmm_disk__wait (struct vmm_disk *disk)
{
  disk->ops->commit (disk);
  disk->ops->wait (disk);
}
