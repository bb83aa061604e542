/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* balloon: memory that the guest gives back (virtio 1.2, 5.5). Everything the guest lists is given back to the host at once and nothing is
 * remembered: a page that it takes again is a page that it touches. The statistics queue is not offered. */
#include "vmm/virtio/balloon.h"

#include <endian.h>
#include <stddef.h>
#include <string.h>

#include "vmm/virtio/queue.h"

#define QUEUE_MAX    128
#define Q_INFLATE    0
#define Q_DEFLATE    1
#define Q_REPORT     4 /* by the specification; drivers that count only the queues they use (Linux) take 2 */
#define Q_REPORT_ALT 2
#define QUEUES       5

#define F_DEFLATE_ON_OOM (UINT64_C (1) << 2)
#define F_REPORTING      (UINT64_C (1) << 5)

#define PAGE_SHIFT 12
#define PFNS       256 /* read and sorted at once */
/* What one kick may cost the host; then others come first. A discard is a system call of a few microseconds. */
#define DISCARDS_MAX 256
#define PFNS_MAX     8192
#define BYTES_MAX    (UINT32_C (128) << 20) /* reported: a hole is made in time that grows with what was there */
#define BYTES_ONCE   (UINT32_C (16) << 20)

/* virtio 1.2, 5.5.4; the fields of features that are not offered are left out. */
struct balloon_config {
  uint32_t num_pages, actual;
};

struct balloon {
  struct vmm_virtio *base;
  struct balloon_config config;
  uint64_t ram_pages;
  uint32_t done[QUEUES]; /* bytes of the first chain of each queue that an earlier kick got through */
  struct vmm_chain chain;
  /* Of this kick: */
  unsigned discards, pfns;
  uint32_t bytes;
  bool strange; /* a page that is not RAM was named */
};

static bool
balloon_spent (const struct balloon *balloon)
{
  return balloon->discards >= DISCARDS_MAX || balloon->pfns >= PFNS_MAX || balloon->bytes >= BYTES_MAX;
}

/* Lets pages[at] sink to its place in the heap of @n, the largest on top. */
static void
sink (uint32_t *pages, unsigned at, unsigned n)
{
  uint32_t value = pages[at];

  for (unsigned child; (child = 2 * at + 1) < n; at = child) {
    child += child + 1 < n && pages[child + 1] > pages[child];
    if (pages[child] <= value)
      break;
    pages[at] = pages[child];
  }
  pages[at] = value;
}

/* libc's qsort() asks how much memory the host has, allocates and may open files: nothing for a jailed thread. */
static void
sort_pages (uint32_t *pages, unsigned n)
{
  for (unsigned i = n / 2; i-- > 0;)
    sink (pages, i, n);
  for (unsigned i = n; i-- > 1;) {
    uint32_t largest = pages[0];
    pages[0] = pages[i];
    pages[i] = largest;
    sink (pages, 0, i);
  }
}

static void
balloon_discard (struct balloon *balloon, uint32_t first, uint32_t n)
{
  const struct vmm_memory *memory = balloon->base->env->memory;

  balloon->discards++;
  if (vmm_memory__discard (memory, (vmm_gpa) first << PAGE_SHIFT, (uint64_t) n << PAGE_SHIFT))
    return;
  /* Some of it is not RAM. That is the guest's own affair: the rest counts, and its device goes on; a word in the log. */
  for (uint32_t i = 0; i < n; i++) {
    balloon->discards++;
    if (!vmm_memory__discard (memory, ((vmm_gpa) first + i) << PAGE_SHIFT, UINT64_C (1) << PAGE_SHIFT))
      balloon->strange = true;
  }
}

/* Neighbours go in one call: a guest that gives a gigabyte names 262144 pages, mostly side by side. */
static void
balloon_discard_pages (struct balloon *balloon, uint32_t *pfns, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    pfns[i] = le32toh (pfns[i]);
  sort_pages (pfns, n);
  for (unsigned i = 0; i < n;) {
    unsigned first = i;
    while (++i < n && pfns[i] - pfns[i - 1] <= 1)
      ;
    balloon_discard (balloon, pfns[first], pfns[i - 1] - pfns[first] + 1);
  }
  balloon->pfns += n;
}

/* False: the budget is spent within the chain, which comes again. */
static bool
balloon_inflate (struct balloon *balloon, uint32_t *done)
{
  const struct vmm_chain *chain = &balloon->chain;
  uint32_t pfns[PFNS];

  while (chain->read_len >= sizeof *pfns && *done <= chain->read_len - sizeof *pfns) {
    if (balloon_spent (balloon))
      return false;
    size_t got = vmm_chain__read (chain, *done, pfns, sizeof pfns);
    balloon_discard_pages (balloon, pfns, (unsigned) (got / sizeof *pfns));
    *done += (uint32_t) got;
  }
  return true;
}

/* Free page reporting: the chain's buffers are the pages. */
static bool
balloon_report (struct balloon *balloon, uint32_t *done)
{
  const struct vmm_chain *chain = &balloon->chain;
  struct iovec pieces[VMM_CHAIN_MAX];

  while (*done < chain->write_len) {
    if (balloon_spent (balloon))
      return false;
    uint32_t len = chain->write_len - *done < BYTES_ONCE ? chain->write_len - *done : BYTES_ONCE;
    size_t n = vmm_chain__pieces (chain, true, *done, len, pieces, VMM_CHAIN_MAX);
    for (size_t i = 0; i < n; i++)
      vmm_memory__discard_piece (balloon->base->env->memory, &pieces[i]);
    balloon->discards += (unsigned) n;
    balloon->bytes += len;
    *done += len;
  }
  return true;
}

/* Nothing is remembered of pages, so there is nothing to do when the guest takes them again. */
static bool
balloon_serve (struct balloon *balloon, unsigned index)
{
  switch (index) {
  case Q_INFLATE:
    return balloon_inflate (balloon, &balloon->done[index]);
  case Q_REPORT:
  case Q_REPORT_ALT:
    return balloon_report (balloon, &balloon->done[index]);
  default:
    return true;
  }
}

static void
balloon_kick (void *self, unsigned index)
{
  struct balloon *balloon = self;
  struct vmm_queue *queue = &balloon->base->queues[index];
  unsigned budget = VMM_DRAIN_MAX;
  enum vmm_pop got = VMM_POP_EMPTY;

  balloon->discards = balloon->pfns = balloon->bytes = 0;
  balloon->strange = false;
  while (!balloon_spent (balloon) &&
         (got = vmm_virtio__next (balloon->base, index, &budget, &balloon->chain)) == VMM_POP_CHAIN) {
    if (balloon_serve (balloon, index)) {
      balloon->done[index] = 0;
      vmm_queue__push (queue, balloon->base->env->memory, balloon->chain.head, 0);
    } else {
      vmm_queue__unpop (queue, &balloon->chain);
    }
  }
  if (got == VMM_POP_BROKEN)
    vmm_virtio__needs_reset (balloon->base, queue->why);
  if (balloon->strange)
    vmm_env__log (balloon->base->env, "virtio-balloon", "pages that are not RAM were given back");
  vmm_virtio__used (balloon->base, index);
  if (balloon_spent (balloon))
    vmm_virtio__again (balloon->base, index);
}

static void
balloon_reset (void *self)
{
  struct balloon *balloon = self;

  memset (balloon->done, 0, sizeof balloon->done);
  balloon->config.actual = 0;
}

static void
balloon_config_read (void *self, uint32_t offset, void *to, uint32_t len)
{
  struct balloon *balloon = self;
  memcpy (to, (const uint8_t *) &balloon->config + offset, len);
}

static void
balloon_config_write (void *self, uint32_t offset, const void *from, uint32_t len)
{
  struct balloon *balloon = self;
  if (offset == offsetof (struct balloon_config, actual) && len == sizeof balloon->config.actual)
    memcpy (&balloon->config.actual, from, len);
}

static void
balloon_want (struct balloon *balloon, uint64_t pages)
{
  if (pages > balloon->ram_pages)
    pages = balloon->ram_pages;
  balloon->config.num_pages = htole32 (pages < UINT32_MAX ? (uint32_t) pages : UINT32_MAX);
}

void
vmm_balloon__set (void *self, uint64_t pages)
{
  struct balloon *balloon = self;

  balloon_want (balloon, pages);
  vmm_virtio__config_changed (balloon->base);
}

uint64_t
vmm_balloon__actual (void *self)
{
  struct balloon *balloon = self;
  uint64_t pages = le32toh (balloon->config.actual);

  /* The guest's own word: no more than it has. */
  return pages < balloon->ram_pages ? pages : balloon->ram_pages;
}

static int
balloon_realize (void *self, struct vmm_virtio *base, const void *data, kata_error **err)
{
  struct balloon *balloon = self;
  const struct vmm_balloon_config *config = data;

  balloon->base = base;
  balloon->ram_pages = base->env->memory->size >> PAGE_SHIFT;
  balloon_want (balloon, config->pages);
  base->offered = F_DEFLATE_ON_OOM | F_REPORTING;
  base->config_len = sizeof balloon->config;
  base->n_queues = QUEUES;
  for (unsigned i = 0; i < QUEUES; i++)
    vmm_queue__init (&base->queues[i], QUEUE_MAX);
  return 0;
}

const struct vmm_virtio_ops vmm_virtio_balloon_ops = {
  .size = sizeof (struct vmm_virtio_ops),
  .name = "virtio-balloon",
  .device_id = 5,
  .instance_size = sizeof (struct balloon),
  .realize = balloon_realize,
  .kick = balloon_kick,
  .reset = balloon_reset,
  .config_read = balloon_config_read,
  .config_write = balloon_config_write,
};
