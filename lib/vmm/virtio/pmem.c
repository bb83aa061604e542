/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pmem: the flushes of an image that lies in the guest's address space (virtio 1.2, 5.19). The machine maps the image; here a thread calls
 * fsync, which also writes back what the guest wrote through the mapping. */
#include "vmm/virtio/pmem.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/raise.h"

#include "vmm/virtio/blk-engine.h"

#define QUEUE_MAX  64
#define TYPE_FLUSH 0u
#define RET_OK     0u
#define RET_EIO    1u

struct pmem_config {
  uint64_t start, size;
};

struct flush {
  struct vmm_disk_io io; /* first: what the engine returns is the flush */
  struct flush *next_free;
  uint16_t head;
  struct iovec answer[4]; /* a 32-bit word may come in pieces */
  unsigned n_answer;
};

struct pmem {
  struct vmm_virtio *base;
  bool readonly;
  int fd;
  struct pmem_config config;
  struct vmm_disk *disk;
  struct vmm_watch *watch;
  struct flush flushes[QUEUE_MAX], *free; /* as many as the queue has heads: never short */
  struct vmm_chain chain;
};

static void
pmem_answer (struct pmem *pmem, struct flush *flush, uint32_t ret)
{
  uint8_t bytes[sizeof ret];
  unsigned done = 0;

  ret = htole32 (ret);
  memcpy (bytes, &ret, sizeof ret);
  for (unsigned i = 0; i < flush->n_answer; i++) {
    memcpy (flush->answer[i].iov_base, bytes + done, flush->answer[i].iov_len);
    done += (unsigned) flush->answer[i].iov_len;
  }
  vmm_queue__push (&pmem->base->queues[0], pmem->base->env->memory, flush->head, sizeof ret);
  flush->next_free = pmem->free;
  pmem->free = flush;
}

static bool
pmem_take (struct pmem *pmem)
{
  struct vmm_chain *chain = &pmem->chain;
  struct flush *flush = pmem->free;
  uint32_t type;

  if (vmm_chain__read (chain, 0, &type, sizeof type) != sizeof type)
    return false;
  size_t n = vmm_chain__pieces (chain, true, 0, sizeof (uint32_t), flush->answer, 4);
  if (n == 0)
    return false;
  pmem->free = flush->next_free;
  flush->head = chain->head;
  flush->n_answer = (unsigned) n;
  flush->io = (struct vmm_disk_io){ .op = VMM_DISK_FLUSH };
  /* Read-only: what there is to flush are writes that went nowhere. There is no feature that would say so before. */
  if (le32toh (type) != TYPE_FLUSH || pmem->readonly)
    pmem_answer (pmem, flush, RET_EIO);
  else
    vmm_disk__submit (pmem->disk, &flush->io);
  return true;
}

static void
pmem_kick (void *self, unsigned index)
{
  struct pmem *pmem = self;
  unsigned budget = VMM_DRAIN_MAX;
  enum vmm_pop got = VMM_POP_EMPTY;

  while (pmem->base->active && (got = vmm_virtio__next (pmem->base, index, &budget, &pmem->chain)) == VMM_POP_CHAIN)
    if (!pmem_take (pmem))
      vmm_virtio__needs_reset (pmem->base, "a request without type or answer");
  if (got == VMM_POP_BROKEN)
    vmm_virtio__needs_reset (pmem->base, pmem->base->queues[index].why);
  vmm_disk__commit (pmem->disk);
  vmm_virtio__used (pmem->base, index);
}

static void
pmem_flushed (void *ctx, uint32_t events)
{
  struct pmem *pmem = ctx;
  struct vmm_disk_io *io;

  vmm_disk__clear (pmem->disk);
  while ((io = vmm_disk__reap (pmem->disk)) != NULL)
    pmem_answer (pmem, (struct flush *) io, io->result == 0 ? RET_OK : RET_EIO);
  vmm_virtio__used (pmem->base, 0);
}

static void
pmem_reset (void *self)
{
  struct pmem *pmem = self;
  struct vmm_disk_io *io;

  vmm_disk__cancel (pmem->disk);
  while (pmem->disk->in_flight > 0) {
    while ((io = vmm_disk__reap (pmem->disk)) != NULL) {
      struct flush *flush = (struct flush *) io;
      flush->next_free = pmem->free;
      pmem->free = flush;
    }
    if (pmem->disk->in_flight > 0)
      vmm_disk__wait (pmem->disk);
  }
}

static void
pmem_quiesce (void *self)
{
  struct pmem *pmem = self;

  while (pmem->disk->in_flight > 0) {
    vmm_disk__wait (pmem->disk);
    pmem_flushed (pmem, EPOLLIN);
  }
}

static void
pmem_config_read (void *self, uint32_t offset, void *to, uint32_t len)
{
  struct pmem *pmem = self;
  memcpy (to, (const uint8_t *) &pmem->config + offset, len);
}

static void
pmem_unrealize (void *self)
{
  struct pmem *pmem = self;

  vmm_watch__free (pmem->watch);
  vmm_disk__close (pmem->disk);
  kata_fd__closep (&pmem->fd);
}

static int
pmem_realize (void *self, struct vmm_virtio *base, const void *data, kata_error **err)
{
  struct pmem *pmem = self;
  const struct vmm_pmem_config *config = data;

  pmem->base = base;
  pmem->readonly = config->readonly;
  pmem->config = (struct pmem_config){ .start = htole64 (config->base), .size = htole64 (config->size) };
  for (unsigned i = 0; i < QUEUE_MAX; i++) {
    pmem->flushes[i].next_free = pmem->free;
    pmem->free = &pmem->flushes[i];
  }
  pmem->fd = fcntl (config->fd, F_DUPFD_CLOEXEC, 3);
  if (pmem->fd < 0)
    return kata_error__errno (err, KATA_E_INVALID, NULL, errno, "virtio-pmem: descriptor %d", config->fd);
  struct vmm_disk_config disk = {
    .fd = pmem->fd, .depth = QUEUE_MAX, .use_threads = true, .n_threads = 1, .env = base->env
  };
  int rc = vmm_disk__open (&pmem->disk, &disk, err);
  if (rc == 0)
    rc = vmm_watch__new (&pmem->watch, base->env->loop, pmem->disk->event_fd, EPOLLIN, pmem_flushed, pmem, err);
  if (rc != 0) {
    pmem_unrealize (pmem);
    return rc;
  }
  base->config_len = sizeof pmem->config;
  base->n_queues = 1;
  vmm_queue__init (&base->queues[0], QUEUE_MAX);
  return 0;
}

const struct vmm_virtio_ops vmm_virtio_pmem_ops = {
  .size = sizeof (struct vmm_virtio_ops),
  .name = "virtio-pmem",
  .device_id = 27,
  .instance_size = sizeof (struct pmem),
  .realize = pmem_realize,
  .unrealize = pmem_unrealize,
  .kick = pmem_kick,
  .reset = pmem_reset,
  .config_read = pmem_config_read,
  .quiesce = pmem_quiesce,
};
