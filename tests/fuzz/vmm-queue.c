/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: the split queue over memory that is the input; every chain that it gives must lie in RAM, keep its bounds and be out once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/virtio/queue.h"
#include "vmm/virtio/ring.h"

/* Head: how, size, then the RAM from RINGS on. */
#define RINGS UINT64_C (0x1000)
#define DESC  RINGS
#define AVAIL (RINGS + 0x400)
#define USED  (RINGS + 0x500)

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool good, const char *what)
{
  if (!good) {
    fprintf (stderr, "%s\n", what);
    abort ();
  }
}

static void
check_chain (const struct vmm_chain *chain, const struct vmm_memory *memory, const struct vmm_queue *queue)
{
  const uint8_t *ram = memory->regions[0].host;
  uint64_t sums[2] = { 0, 0 };
  check (chain->n_read + chain->n_write <= VMM_CHAIN_MAX && chain->n_read + chain->n_write <= queue->size,
         "a chain has more pieces than the queue");
  for (unsigned i = 0; i < chain->n_read + chain->n_write; i++) {
    const uint8_t *from = chain->iov[i].iov_base;
    check (from >= ram && chain->iov[i].iov_len <= VMM_RAM_MIN &&
               (size_t) (from - ram) <= VMM_RAM_MIN - chain->iov[i].iov_len,
           "a piece is not in RAM");
    sums[i >= chain->n_read] += chain->iov[i].iov_len;
  }
  check (sums[0] == chain->read_len && sums[1] == chain->write_len, "the lengths are not the sums");
  check (sums[0] + sums[1] > 0 && sums[0] + sums[1] <= UINT32_MAX, "a chain of nothing, or of too much");
}

static void
play (struct vmm_queue *queue, const struct vmm_memory *memory, uint8_t how)
{
  struct vmm_chain chain;
  bool out[VMM_QUEUE_SIZE_MAX] = { false };
  uint16_t last = 0;
  for (unsigned n = 0; n < 64; n++) {
    uint16_t before = queue->next_avail;
    enum vmm_pop got = vmm_queue__pop (queue, memory, &chain);
    if (got != VMM_POP_CHAIN) {
      check (queue->next_avail == before, "an index moved without a chain");
      check ((got == VMM_POP_BROKEN) == queue->broken, "broken, but does not say so");
      check (!queue->broken || queue->why != NULL, "broken for no reason");
      break;
    }
    check (chain.head < queue->size && !out[chain.head], "a head is out twice");
    check_chain (&chain, memory, queue);
    out[chain.head] = true;
    uint8_t bytes[64];
    memset (bytes, n, sizeof bytes);
    vmm_chain__read (&chain, how, bytes, sizeof bytes);
    if ((how & 1) != 0)
      vmm_chain__write (&chain, 0, bytes, sizeof bytes); /* over its own rings, too */
    if ((how & 2) != 0 && n == 0) {
      vmm_queue__unpop (queue, &chain);
      out[chain.head] = false;
    } else if ((how & 4) != 0) {
      vmm_queue__push (queue, memory, chain.head, chain.write_len);
      out[chain.head] = false;
    }
    last = chain.head;
    (void) vmm_queue__wants_interrupt (queue, memory);
    (void) vmm_queue__want_kick (queue, memory, (n & 1) != 0);
    check (vmm_queue__pending (queue, memory) <= queue->size, "more is pending than the queue holds");
  }
  vmm_queue__push (queue, memory, last, 0);
  vmm_queue__push (queue, memory, last, 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct vmm_memory memory;
  struct vmm_queue queue;
  if (size < 2)
    return 0;
  check (vmm_memory__open (&memory, VMM_RAM_MIN, 0, NULL) == 0, "no RAM");
  size_t len = size - 2 < 0x2000 ? size - 2 : 0x2000;
  check (vmm_memory__write (&memory, RINGS, data + 2, len), "the input does not fit");
  vmm_queue__init (&queue, 64);
  queue.size = data[1];
  queue.desc = DESC;
  queue.avail = AVAIL;
  queue.used = USED;
  if (vmm_queue__enable (&queue, &memory, (data[0] & 8) != 0, (data[0] & 16) != 0))
    for (unsigned i = 0; i < 4 && !queue.broken; i++)
      play (&queue, &memory, data[0]);
  else
    check (data[1] == 0 || data[1] > 64 || (data[1] & (data[1] - 1)) != 0, "a good queue was refused");
  vmm_memory__close (&memory);
  return 0;
}
