/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* toy: echoes the readable part of a chain into the writable one. */
#include "toy.h"

#include <string.h>

static int
toy_realize (void *self, struct vmm_virtio *base, const void *config, kata_error **err)
{
  struct toy *toy = self;
  (void) config, (void) err;
  toy->base = base;
  base->offered = TOY_FEATURE;
  base->n_queues = TOY_QUEUES;
  for (unsigned i = 0; i < TOY_QUEUES; i++)
    vmm_queue__init (&base->queues[i], TOY_QUEUE_SIZE);
  base->config_len = TOY_CONFIG;
  memcpy (toy->config, "configured", TOY_CONFIG);
  return 0;
}

static void
toy_activate (void *self)
{
  ((struct toy *) self)->activated++;
}

static void
toy_kick (void *self, unsigned number)
{
  struct toy *toy = self;
  struct vmm_queue *queue = &toy->base->queues[number];
  const struct vmm_memory *memory = toy->base->env->memory;
  struct vmm_chain chain;
  enum vmm_pop got = VMM_POP_EMPTY;
  toy->kicked[number]++;
  for (unsigned n = 0; n < TOY_BUDGET; n++) {
    got = vmm_queue__pop (queue, memory, &chain);
    if (got != VMM_POP_CHAIN)
      break;
    if (toy->hold) {
      toy->held[toy->n_held++ % TOY_QUEUE_SIZE] = chain.head;
      continue;
    }
    uint8_t bytes[256];
    size_t len = vmm_chain__read (&chain, 0, bytes, sizeof bytes);
    vmm_queue__push (queue, memory, chain.head, (uint32_t) vmm_chain__write (&chain, 0, bytes, len));
  }
  vmm_virtio__used (toy->base, number);
  if (got == VMM_POP_BROKEN)
    vmm_virtio__needs_reset (toy->base, queue->why);
  else if (got == VMM_POP_CHAIN || vmm_queue__want_kick (queue, memory, true))
    vmm_virtio__again (toy->base, number);
}

static void
toy_reset (void *self)
{
  struct toy *toy = self;
  toy->resets++;
  toy->n_held = 0;
}

static void
toy_config_read (void *self, uint32_t offset, void *to, uint32_t len)
{
  memcpy (to, ((struct toy *) self)->config + offset, len);
}

static void
toy_config_write (void *self, uint32_t offset, const void *from, uint32_t len)
{
  memcpy (((struct toy *) self)->config + offset, from, len);
}

static void
toy_quiesce (void *self)
{
  ((struct toy *) self)->quiesced++;
}

static void
toy_resume (void *self)
{
  ((struct toy *) self)->resumed++;
}

static int
toy_hand_over (void *self, unsigned queue, int kick_fd, int call_fd, kata_error **err)
{
  struct toy *toy = self;
  (void) queue, (void) err;
  toy->handed++;
  toy->kick_fd = kick_fd;
  toy->call_fd = call_fd;
  return 0;
}

const struct vmm_virtio_ops toy_ops = {
  .size = sizeof (struct vmm_virtio_ops),
  .name = "toy",
  .device_id = 42,
  .instance_size = sizeof (struct toy),
  .realize = toy_realize,
  .activate = toy_activate,
  .kick = toy_kick,
  .reset = toy_reset,
  .config_read = toy_config_read,
  .config_write = toy_config_write,
  .quiesce = toy_quiesce,
  .resume = toy_resume,
};

const struct vmm_virtio_ops toy_away_ops = {
  .size = sizeof (struct vmm_virtio_ops),
  .name = "toy-away",
  .device_id = 42,
  .instance_size = sizeof (struct toy),
  .realize = toy_realize,
  .activate = toy_activate,
  .reset = toy_reset,
  .hand_over = toy_hand_over,
};
