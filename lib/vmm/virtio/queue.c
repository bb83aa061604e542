/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* queue: a split virtqueue as the device sees it (virtio 1.2, 2.7). Every value of the guest's is loaded once, then checked, then used. */
#include "vmm/virtio/queue.h"

#include <stdatomic.h>
#include <string.h>

#include "vmm/virtio/ring.h"

void
vmm_queue__init (struct vmm_queue *queue, uint16_t max)
{
  memset (queue, 0, sizeof *queue);
  queue->max = max;
  queue->size = max;
}

void
vmm_queue__reset (struct vmm_queue *queue)
{
  vmm_queue__init (queue, queue->max);
}

/* One area of a ring: set, aligned, and RAM from its first byte to its last. */
static bool
area_is_good (const struct vmm_memory *memory, vmm_gpa at, uint64_t len, uint64_t align)
{
  struct iovec pieces[VMM_REGIONS_MAX];
  size_t n = 0;
  return at != 0 && at % align == 0 && vmm_memory__slice (memory, at, len, pieces, VMM_REGIONS_MAX, &n);
}

/* Both ranges are RAM, so that neither end overflows. */
static bool
areas_meet (vmm_gpa a, uint64_t a_len, vmm_gpa b, uint64_t b_len)
{
  return a < b + b_len && b < a + a_len;
}

bool
vmm_queue__enable (struct vmm_queue *queue, const struct vmm_memory *memory, bool event_idx, bool indirect)
{
  uint16_t size = queue->size;
  if (queue->ready || size == 0 || (size & (size - 1)) != 0 || size > queue->max || size > VMM_QUEUE_SIZE_MAX)
    return false;
  uint64_t desc = VMM_RING_DESC_SIZE (size), avail = VMM_RING_AVAIL_SIZE (size), used = VMM_RING_USED_SIZE (size);
  if (!area_is_good (memory, queue->desc, desc, VMM_RING_DESC_ALIGN) ||
      !area_is_good (memory, queue->avail, avail, VMM_RING_AVAIL_ALIGN) ||
      !area_is_good (memory, queue->used, used, VMM_RING_USED_ALIGN))
    return false;
  if (areas_meet (queue->desc, desc, queue->avail, avail) || areas_meet (queue->desc, desc, queue->used, used) ||
      areas_meet (queue->avail, avail, queue->used, used))
    return false;
  queue->event_idx = event_idx;
  queue->indirect = indirect;
  queue->ready = true;
  return true;
}

static bool
is_busy (const struct vmm_queue *queue, uint16_t head)
{
  return (queue->busy[head / 32] >> (head % 32) & 1) != 0;
}

static void
set_busy (struct vmm_queue *queue, uint16_t head, bool busy)
{
  uint32_t bit = UINT32_C (1) << (head % 32);
  queue->busy[head / 32] = busy ? queue->busy[head / 32] | bit : queue->busy[head / 32] & ~bit;
}

/* ---- from descriptors to a chain ---- */

/* One chain on its way: how many descriptors it may still have, and which rule it broke. */
struct walk {
  const struct vmm_memory *memory;
  struct vmm_chain *chain;
  size_t n; /* pieces so far */
  unsigned left;
  bool writable; /* the device-writable part has begun */
  const char *why;
};

static bool
broke (struct walk *walk, const char *why)
{
  walk->why = why;
  return false;
}

/* Adds one buffer. Those of no length are allowed and hold nothing. */
static bool
add_buffer (struct walk *walk, const struct vmm_ring_desc *desc)
{
  struct vmm_chain *chain = walk->chain;
  bool write = (desc->flags & VMM_RING_DESC_WRITE) != 0;
  if (walk->left == 0)
    return broke (walk, "a chain is longer than the queue, or runs in a circle");
  walk->left--;
  if (walk->writable && !write)
    return broke (walk, "a readable buffer follows a writable one");
  walk->writable = write;
  if (desc->len == 0)
    return true;
  uint32_t *sum = write ? &chain->write_len : &chain->read_len;
  uint32_t total = 0;
  if (__builtin_add_overflow (*sum, desc->len, sum) ||
      __builtin_add_overflow (chain->read_len, chain->write_len, &total))
    return broke (walk, "the lengths of a chain overflow");
  size_t before = walk->n;
  if (!vmm_memory__slice (walk->memory, desc->addr, desc->len, chain->iov, VMM_CHAIN_MAX, &walk->n))
    return broke (walk, "a buffer is not in RAM, or a chain has too many pieces");
  uint16_t *count = write ? &chain->n_write : &chain->n_read;
  *count = (uint16_t) (*count + (walk->n - before));
  return true;
}

/* The table that one descriptor refers to; its write flag is ignored (2.7.5.3.2). Nothing follows it. */
static bool
add_indirect (struct walk *walk, const struct vmm_ring_desc *outer)
{
  struct iovec pieces[VMM_REGIONS_MAX];
  size_t n_pieces = 0;
  if ((outer->flags & VMM_RING_DESC_NEXT) != 0)
    return broke (walk, "an indirect descriptor has a next one");
  if (outer->len == 0 || outer->len % sizeof (struct vmm_ring_desc) != 0)
    return broke (walk, "an indirect table's length is not a multiple of 16");
  uint32_t entries = outer->len / (uint32_t) sizeof (struct vmm_ring_desc);
  if (entries > walk->left)
    return broke (walk, "an indirect table is longer than the queue");
  if (!vmm_memory__slice (walk->memory, outer->addr, outer->len, pieces, VMM_REGIONS_MAX, &n_pieces))
    return broke (walk, "an indirect table is not in RAM");
  for (uint32_t i = 0;;) {
    struct vmm_ring_desc desc;
    if (!vmm_memory__read (walk->memory, outer->addr + i * sizeof desc, &desc, sizeof desc))
      return broke (walk, "an indirect table is not in RAM");
    if ((desc.flags & VMM_RING_DESC_INDIRECT) != 0)
      return broke (walk, "an indirect table refers to another");
    if (!add_buffer (walk, &desc))
      return false;
    if ((desc.flags & VMM_RING_DESC_NEXT) == 0)
      return true;
    i = desc.next;
    if (i >= entries)
      return broke (walk, "a next descriptor is outside its indirect table");
  }
}

/* Every step but the last, an indirect one, takes from walk->left: a circle ends there. */
static bool
add_chain (struct walk *walk, const struct vmm_queue *queue, uint16_t head)
{
  for (uint16_t i = head;;) {
    struct vmm_ring_desc desc;
    if (i >= queue->size)
      return broke (walk, "a descriptor is outside the table");
    if (!vmm_memory__read (walk->memory, queue->desc + VMM_RING_DESC_SIZE (i), &desc, sizeof desc))
      return broke (walk, "the descriptor table is not in RAM");
    if ((desc.flags & VMM_RING_DESC_INDIRECT) != 0)
      return queue->indirect ? add_indirect (walk, &desc)
                             : broke (walk, "an indirect descriptor, which was not negotiated");
    if (!add_buffer (walk, &desc))
      return false;
    if ((desc.flags & VMM_RING_DESC_NEXT) == 0)
      return true;
    i = desc.next;
  }
}

static enum vmm_pop
broken (struct vmm_queue *queue, const char *why)
{
  queue->broken = true;
  queue->why = why;
  return VMM_POP_BROKEN;
}

enum vmm_pop
vmm_queue__pop (struct vmm_queue *queue, const struct vmm_memory *memory, struct vmm_chain *chain)
{
  uint16_t index = 0, head = 0;
  if (queue->broken)
    return VMM_POP_BROKEN;
  if (!queue->ready)
    return VMM_POP_EMPTY;
  /* The load acquires: what the driver wrote before it moved the index is seen below. */
  if (!vmm_memory__load_u16 (memory, queue->avail + VMM_RING_AVAIL_IDX, &index))
    return broken (queue, "the available ring is not in RAM");
  uint16_t waiting = (uint16_t) (index - queue->next_avail);
  if (waiting == 0)
    return VMM_POP_EMPTY;
  if (waiting > queue->size)
    return broken (queue, "the available index jumps by more than the queue's size");
  uint32_t slot = queue->next_avail & (queue->size - 1u);
  if (!vmm_memory__load_u16 (memory, queue->avail + VMM_RING_AVAIL_ENTRY (slot), &head))
    return broken (queue, "the available ring is not in RAM");
  if (head >= queue->size)
    return broken (queue, "a head is outside the descriptor table");
  if (is_busy (queue, head))
    return broken (queue, "a chain is made available twice");
  chain->head = head;
  chain->n_read = chain->n_write = 0;
  chain->read_len = chain->write_len = 0;
  struct walk walk = { .memory = memory,
                       .chain = chain,
                       .left = queue->size < VMM_CHAIN_MAX ? queue->size : VMM_CHAIN_MAX };
  if (!add_chain (&walk, queue, head))
    return broken (queue, walk.why);
  if (walk.n == 0)
    return broken (queue, "a chain has no bytes at all");
  set_busy (queue, head, true);
  queue->next_avail++;
  return VMM_POP_CHAIN;
}

void
vmm_queue__unpop_head (struct vmm_queue *queue, uint16_t head)
{
  set_busy (queue, head, false);
  queue->next_avail--;
}

void
vmm_queue__unpop (struct vmm_queue *queue, const struct vmm_chain *chain)
{
  vmm_queue__unpop_head (queue, chain->head);
}

void
vmm_queue__push_all (struct vmm_queue *queue, const struct vmm_memory *memory, const struct vmm_push *list, size_t n)
{
  bool any = false, stored = true;
  for (size_t i = 0; i < n; i++) {
    /* A completion that comes after a reset, or of a broken queue, is for nobody. */
    if (!queue->ready || list[i].head >= queue->size || !is_busy (queue, list[i].head))
      continue;
    set_busy (queue, list[i].head, false);
    if (queue->broken)
      continue;
    struct vmm_ring_used used = { .id = list[i].head, .len = list[i].written };
    uint32_t slot = queue->next_used & (queue->size - 1u);
    queue->next_used++;
    any = true;
    stored = vmm_memory__write (memory, queue->used + VMM_RING_USED_ENTRY (slot), &used, sizeof used) && stored;
  }
  /* All of it is RAM since enable. The store of the index releases the entries. */
  if (any && !(stored && vmm_memory__store_u16 (memory, queue->used + VMM_RING_USED_IDX, queue->next_used)))
    broken (queue, "the used ring is not in RAM");
}

void
vmm_queue__push (struct vmm_queue *queue, const struct vmm_memory *memory, uint16_t head, uint32_t written)
{
  vmm_queue__push_all (queue, memory, &(struct vmm_push){ .head = head, .written = written }, 1);
}

bool
vmm_queue__wants_interrupt (struct vmm_queue *queue, const struct vmm_memory *memory)
{
  uint16_t old = queue->signalled, now = queue->next_used, value = 0;
  bool told = queue->signalled_valid;
  if (!queue->ready || queue->broken || now == old)
    return false;
  queue->signalled = now;
  queue->signalled_valid = true;
  /* Our used index is visible before we look at what the driver asked; it stores that, then looks at the index (2.7.7, 2.7.10). */
  atomic_thread_fence (memory_order_seq_cst);
  if (!queue->event_idx)
    return !vmm_memory__load_u16 (memory, queue->avail + VMM_RING_AVAIL_FLAGS, &value) ||
           (value & VMM_RING_AVAIL_NO_INTERRUPT) == 0;
  if (!told || !vmm_memory__load_u16 (memory, queue->avail + VMM_RING_AVAIL_EVENT (queue->size), &value))
    return true;
  return (uint16_t) (now - value - 1) < (uint16_t) (now - old);
}

uint16_t
vmm_queue__pending (struct vmm_queue *queue, const struct vmm_memory *memory)
{
  uint16_t index = 0;
  if (!queue->ready || queue->broken || !vmm_memory__load_u16 (memory, queue->avail + VMM_RING_AVAIL_IDX, &index))
    return 0;
  /* An index that jumped counts as a full ring: the next pop finds out and says so. */
  uint16_t waiting = (uint16_t) (index - queue->next_avail);
  return waiting < queue->size ? waiting : queue->size;
}

bool
vmm_queue__want_kick (struct vmm_queue *queue, const struct vmm_memory *memory, bool want)
{
  if (!queue->ready || queue->broken)
    return false;
  /* With EVENT_IDX an old avail_event is as good as "no kicks": the driver only kicks when it passes that. */
  if (queue->event_idx && !want)
    return false;
  vmm_gpa at = queue->used + (queue->event_idx ? VMM_RING_USED_EVENT (queue->size) : VMM_RING_USED_FLAGS);
  uint16_t value = queue->event_idx ? queue->next_avail : (uint16_t) (want ? 0 : VMM_RING_USED_NO_NOTIFY);
  bool stored = vmm_memory__store_u16 (memory, at, value);
  if (!stored || !want)
    return false;
  /* What we ask is visible before we look at the index: no chain is missed between the two. */
  atomic_thread_fence (memory_order_seq_cst);
  return vmm_queue__pending (queue, memory) != 0;
}
