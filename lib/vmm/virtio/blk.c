/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blk: a disk over a raw file or block device (virtio 1.2, 5.2): queues, limits and configuration. What a request means is in blk-request.c,
 * how it is done in the engines; the device lock is never held during input or output. */
#include "vmm/virtio/blk.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/raise.h"

#include "vmm/virtio/blk-engine.h"
#include "vmm/virtio/blk-file.h"
#include "vmm/virtio/blk-request.h"

#define REQUESTS       256 /* in flight at most, over all queues; allocated at realize */
#define F_SEG_MAX      (UINT64_C (1) << 2)
#define F_RO           (UINT64_C (1) << 5)
#define F_BLK_SIZE     (UINT64_C (1) << 6)
#define F_FLUSH        (UINT64_C (1) << 9)
#define F_TOPOLOGY     (UINT64_C (1) << 10)
#define F_MQ           (UINT64_C (1) << 12)
#define F_DISCARD      (UINT64_C (1) << 13)
#define F_WRITE_ZEROES (UINT64_C (1) << 14)

/* virtio 1.2, 5.2.4; little-endian, read by the driver. */
struct blk_config {
  uint64_t capacity;
  uint32_t size_max, seg_max;
  uint8_t geometry[4];
  uint32_t blk_size;
  uint8_t physical_block_exp, alignment_offset;
  uint16_t min_io_size;
  uint32_t opt_io_size;
  uint8_t writeback, unused0;
  uint16_t num_queues;
  uint32_t max_discard_sectors, max_discard_seg, discard_sector_alignment;
  uint32_t max_write_zeroes_sectors, max_write_zeroes_seg;
  uint8_t write_zeroes_may_unmap, unused1[3];
} __attribute__ ((packed));
_Static_assert(sizeof (struct blk_config) == 60, "layout of virtio 1.2, 5.2.4");

struct blk {
  struct vmm_virtio *base;
  struct vmm_blk_file file;
  struct vmm_disk *disk;
  struct vmm_watch *watch;
  struct vmm_timer *timer;
  struct vmm_limiter limiter;
  struct vmm_blk_rules rules;
  struct blk_config config;
  uint8_t *zeroes;
  struct vmm_blk_request *requests, *free;
  struct vmm_chain chain; /* the one being parsed; too large for a stack */
  bool throttled;         /* the timer brings us back */
  unsigned stalled;       /* queues that wait for the limiter or a free request */
  unsigned used;          /* queues with answers that the driver has not been told of */
  unsigned turn;          /* which stalled queue comes first next time */
};

/* ---- requests ---- */

static void
blk_answer (struct blk *blk, struct vmm_blk_request *request, enum vmm_blk_verdict verdict)
{
  uint32_t written = vmm_blk_request__answer (request, verdict);

  vmm_queue__push (&blk->base->queues[request->queue], blk->base->env->memory, request->head, written);
  blk->used |= 1u << request->queue;
  request->next_free = blk->free;
  blk->free = request;
}

static void
blk_tell (struct blk *blk)
{
  for (unsigned i = 0; blk->used != 0; i++) {
    if ((blk->used & (1u << i)) != 0)
      vmm_virtio__used (blk->base, i);
    blk->used &= ~(1u << i);
  }
}

/* Take one request from the queue and start it, or answer it. False: there is none, or it has to wait, or the queue is broken. */
static bool
blk_next (struct blk *blk, unsigned index, unsigned *budget)
{
  struct vmm_queue *queue = &blk->base->queues[index];
  struct vmm_blk_request *request = blk->free;

  if (request == NULL || blk->throttled) {
    blk->stalled |= 1u << index;
    return false;
  }
  enum vmm_pop got = vmm_virtio__next (blk->base, index, budget, &blk->chain);
  if (got == VMM_POP_EMPTY)
    return false;
  enum vmm_blk_verdict verdict =
      got == VMM_POP_BROKEN ? VMM_BLK_MALFORMED : vmm_blk_request__parse (request, &blk->chain, &blk->rules);
  if (verdict == VMM_BLK_MALFORMED) {
    vmm_virtio__needs_reset (blk->base, got == VMM_POP_BROKEN ? queue->why : "a request without header or status");
    return false;
  }

  int64_t wait = vmm_limiter__take (&blk->limiter, request->cost, vmm_loop__now ());
  if (wait > 0) {
    vmm_queue__unpop (queue, &blk->chain);
    vmm_timer__arm (blk->timer, wait);
    blk->throttled = true;
    blk->stalled |= 1u << index;
    return false;
  }
  request->queue = index;
  blk->free = request->next_free;
  if (verdict == VMM_BLK_SUBMIT)
    vmm_disk__submit (blk->disk, &request->io);
  else
    blk_answer (blk, request, verdict);
  return true;
}

static void
blk_serve (struct blk *blk, unsigned index)
{
  unsigned budget = VMM_DRAIN_MAX;

  while (blk->base->active && blk_next (blk, index, &budget))
    ;
}

/* The queues that had to wait, each in turn first. */
static void
blk_serve_stalled (struct blk *blk)
{
  unsigned stalled = blk->stalled, n = blk->base->n_queues;

  blk->stalled = 0;
  for (unsigned i = 0; i < n; i++) {
    unsigned index = (blk->turn + i) % n;
    if ((stalled & (1u << index)) != 0)
      blk_serve (blk, index);
  }
  blk->turn = (blk->turn + 1) % n;
}

static void
blk_ended (struct blk *blk, struct vmm_blk_request *request)
{
  enum vmm_blk_verdict verdict = vmm_blk_request__ended (request, &blk->rules);

  if (verdict == VMM_BLK_SUBMIT)
    vmm_disk__submit (blk->disk, &request->io);
  else
    blk_answer (blk, request, verdict);
}

/* The engine's event. */
static void
blk_completed (void *ctx, uint32_t events)
{
  struct blk *blk = ctx;
  struct vmm_disk_io *io;
  unsigned budget = VMM_DRAIN_MAX;

  vmm_disk__clear (blk->disk);
  while (budget > 0 && (io = vmm_disk__reap (blk->disk)) != NULL) {
    blk_ended (blk, (struct vmm_blk_request *) io);
    budget--;
  }
  if (budget == 0)
    vmm_disk__again (blk->disk);
  if (blk->stalled != 0 && blk->base->active)
    blk_serve_stalled (blk);
  vmm_disk__commit (blk->disk);
  blk_tell (blk);
}

static void
blk_unthrottled (void *ctx)
{
  struct blk *blk = ctx;

  blk->throttled = false;
  if (!blk->base->active)
    return;
  blk_serve_stalled (blk);
  vmm_disk__commit (blk->disk);
  blk_tell (blk);
}

/* ---- verbs ---- */

static void
blk_activate (void *self)
{
  struct blk *blk = self;

  blk->rules.flush = vmm_virtio__has (blk->base, F_FLUSH);
  blk->rules.discard = vmm_virtio__has (blk->base, F_DISCARD);
  blk->rules.write_zeroes = vmm_virtio__has (blk->base, F_WRITE_ZEROES);
}

static void
blk_kick (void *self, unsigned queue)
{
  struct blk *blk = self;

  blk_serve (blk, queue);
  vmm_disk__commit (blk->disk);
  blk_tell (blk);
}

static void
blk_reset (void *self)
{
  struct blk *blk = self;
  struct vmm_disk_io *io;

  /* No answers: the queues are not the driver's any more. What the kernel has begun cannot be taken back and is waited for. */
  vmm_disk__cancel (blk->disk);
  while (blk->disk->in_flight > 0) {
    while ((io = vmm_disk__reap (blk->disk)) != NULL) {
      struct vmm_blk_request *request = (struct vmm_blk_request *) io;
      request->next_free = blk->free;
      blk->free = request;
    }
    if (blk->disk->in_flight > 0)
      vmm_disk__wait (blk->disk);
  }
  vmm_timer__disarm (blk->timer);
  blk->throttled = false;
  blk->stalled = blk->used = 0;
}

/* What is in flight ends and is answered; nothing new begins. */
static void
blk_quiesce (void *self)
{
  struct blk *blk = self;
  struct vmm_disk_io *io;

  while (blk->disk->in_flight > 0) {
    while ((io = vmm_disk__reap (blk->disk)) != NULL)
      blk_ended (blk, (struct vmm_blk_request *) io);
    if (blk->disk->in_flight > 0)
      vmm_disk__wait (blk->disk);
  }
  blk_tell (blk);
}

static void
blk_resume (void *self)
{
  struct blk *blk = self;

  if (!blk->base->active || blk->throttled)
    return;
  blk_serve_stalled (blk);
  vmm_disk__commit (blk->disk);
  blk_tell (blk);
}

static void
blk_config_read (void *self, uint32_t offset, void *to, uint32_t len)
{
  struct blk *blk = self;
  memcpy (to, (const uint8_t *) &blk->config + offset, len);
}

/* ---- life ---- */

static void
blk_describe (struct blk *blk, const struct vmm_blk_config *config)
{
  struct blk_config *c = &blk->config;
  const struct vmm_blk_file *file = &blk->file;

  c->capacity = htole64 (file->sectors);
  /* A chain has no more descriptors than its queue, two of them are header and status. */
  unsigned segments = blk->base->queues[0].max - 2u;
  c->seg_max = htole32 (segments < VMM_BLK_SEGMENTS_MAX ? segments : VMM_BLK_SEGMENTS_MAX);
  c->blk_size = htole32 (file->block);
  c->min_io_size = htole16 (1);
  c->num_queues = htole16 ((uint16_t) config->queues);
  blk->base->offered = F_SEG_MAX | F_BLK_SIZE | F_FLUSH | F_TOPOLOGY;
  if (config->queues > 1)
    blk->base->offered |= F_MQ;
  if (config->readonly) {
    blk->base->offered |= F_RO;
  } else {
    blk->base->offered |= F_WRITE_ZEROES;
    c->max_write_zeroes_sectors = htole32 (VMM_BLK_ZEROES_MAX);
    c->max_write_zeroes_seg = htole32 (1);
    c->write_zeroes_may_unmap = 1;
  }
  if (file->punch && !config->readonly) {
    blk->base->offered |= F_DISCARD;
    c->max_discard_sectors = htole32 (VMM_BLK_DISCARD_MAX);
    c->max_discard_seg = htole32 (1);
    c->discard_sector_alignment = htole32 (file->granule);
  }

  blk->rules.sectors = file->sectors;
  blk->rules.readonly = config->readonly;
  blk->rules.device = file->device;
  blk->rules.zeroes = blk->zeroes;
  memcpy (blk->rules.id, config->id, VMM_BLK_ID);
}

static int
blk_allocate (struct blk *blk, kata_error **err)
{
  blk->zeroes = calloc (1, VMM_BLK_ZEROES_PIECE);
  blk->requests = calloc (REQUESTS, sizeof *blk->requests);
  if (blk->zeroes == NULL || blk->requests == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "virtio-blk: no memory for %d requests", REQUESTS);
  for (unsigned i = 0; i < REQUESTS; i++) {
    blk->requests[i].next_free = blk->free;
    blk->free = &blk->requests[i];
  }
  return 0;
}

static void
blk_unrealize (void *self)
{
  struct blk *blk = self;

  vmm_watch__free (blk->watch);
  if (blk->timer != NULL)
    vmm_timer__free (blk->timer);
  vmm_disk__close (blk->disk);
  vmm_blk_file__close (&blk->file);
  free (blk->requests);
  free (blk->zeroes);
}

static int
blk_open (struct blk *blk, const struct vmm_blk_config *config, kata_error **err)
{
  int rc = vmm_blk_file__open (&blk->file, config->fd, config->readonly, err);
  if (rc != 0)
    return rc;
  rc = blk_allocate (blk, err);
  if (rc != 0)
    return rc;
  struct vmm_disk_config disk = { .fd = blk->file.fd,
                                  .device = blk->file.device,
                                  .depth = REQUESTS,
                                  .use_threads = config->threads,
                                  .n_threads = VMM_DISK_THREADS_MAX,
                                  .env = blk->base->env };
  rc = vmm_disk__open (&blk->disk, &disk, err);
  if (rc == 0)
    rc = vmm_watch__new (&blk->watch, blk->base->env->loop, blk->disk->event_fd, EPOLLIN, blk_completed, blk, err);
  if (rc == 0)
    rc = vmm_timer__new (&blk->timer, blk->base->env->loop, blk_unthrottled, blk, err);
  return rc;
}

static int
blk_check (const struct vmm_blk_config *config, kata_error **err)
{
  unsigned size = config->queue_size;

  if (config->queues < 1 || config->queues > VMM_BLK_QUEUES_MAX)
    return kata_error__set (err, KATA_E_INVALID, NULL, "virtio-blk: %u queues; 1 to %d are possible", config->queues,
                            VMM_BLK_QUEUES_MAX);
  if (size != 0 && (size < VMM_BLK_QUEUE_SIZE_MIN || size > VMM_BLK_QUEUE_SIZE_MAX || (size & (size - 1)) != 0))
    return kata_error__set (err, KATA_E_INVALID, NULL,
                            "virtio-blk: queues of %u; powers of two from %d to %d are possible", size,
                            VMM_BLK_QUEUE_SIZE_MIN, VMM_BLK_QUEUE_SIZE_MAX);
  return 0;
}

static int
blk_realize (void *self, struct vmm_virtio *base, const void *data, kata_error **err)
{
  struct blk *blk = self;
  const struct vmm_blk_config *config = data;

  blk->base = base;
  blk->file.fd = -1;
  int rc = blk_check (config, err);
  if (rc != 0)
    return rc;
  rc = blk_open (blk, config, err);
  if (rc != 0) {
    blk_unrealize (blk);
    return rc;
  }
  vmm_limiter__init (&blk->limiter, &config->limit, vmm_loop__now ());
  base->config_len = sizeof blk->config;
  base->n_queues = config->queues;
  for (unsigned i = 0; i < config->queues; i++)
    vmm_queue__init (&base->queues[i], config->queue_size != 0 ? config->queue_size : VMM_BLK_QUEUE_SIZE_MAX);
  blk_describe (blk, config);
  return 0;
}

const struct vmm_virtio_ops vmm_virtio_blk_ops = {
  .size = sizeof (struct vmm_virtio_ops),
  .name = "virtio-blk",
  .device_id = 2,
  .instance_size = sizeof (struct blk),
  .realize = blk_realize,
  .unrealize = blk_unrealize,
  .activate = blk_activate,
  .kick = blk_kick,
  .reset = blk_reset,
  .config_read = blk_config_read,
  .quiesce = blk_quiesce,
  .resume = blk_resume,
};
