/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net-ctrl: the control queue (virtio 1.2, 5.1.6.5): number of queue pairs, offloads, receive modes; anything else is an error. */
#include "vmm/virtio/net-device.h"

#define ACK_OK  0
#define ACK_ERR 1

#define CLASS_RX       0
#define RX_PROMISC     0
#define RX_ALLMULTI    1
#define CLASS_MQ       4
#define MQ_PAIRS_SET   0
#define CLASS_OFFLOADS 5
#define OFFLOADS_SET   0

static bool
set_pairs (struct vmm_net *net, const uint8_t *data, size_t len)
{
  unsigned pairs = len == 2 ? data[0] | (unsigned) data[1] << 8 : 0;

  if (!vmm_virtio__has (net->base, VMM_NET_F_MQ) || pairs == 0 || pairs > net->n_pairs)
    return false;
  /* A frame that is half delivered belongs to the queue that it began in: its buffers go back, it is lost. */
  for (unsigned i = 0; i < net->n_pairs; i++) {
    struct vmm_net_pair *pair = &net->pairs[i];

    for (unsigned n = 0; n < pair->n_used; n++)
      vmm_queue__push (&net->base->queues[2 * (i % net->active)], net->base->env->memory, pair->used[n].head, 0);
    vmm_net_rx__forget (pair);
  }
  net->active = pairs;
  for (unsigned i = 0; i < net->n_pairs; i++)
    vmm_net_tap__rewatch (&net->pairs[i]);
  return true;
}

static bool
set_offloads (struct vmm_net *net, const uint8_t *data, size_t len)
{
  const uint64_t may = VMM_NET_F_GUEST_CSUM | VMM_NET_F_GUEST_TSO4 | VMM_NET_F_GUEST_TSO6 | VMM_NET_F_GUEST_ECN;
  uint64_t offloads = 0;

  if (!vmm_virtio__has (net->base, VMM_NET_F_GUEST_OFFLOADS) || len != 8)
    return false;
  for (unsigned i = 8; i-- > 0;)
    offloads = offloads << 8 | data[i];
  if (offloads & ~(net->base->features & may))
    return false;
  vmm_net_tap__offload (net, offloads);
  return true;
}

static bool
obey (struct vmm_net *net, const uint8_t *words, size_t len)
{
  const uint8_t *data = words + 2;

  len -= 2;
  if (words[0] == CLASS_MQ && words[1] == MQ_PAIRS_SET)
    return set_pairs (net, data, len);
  if (words[0] == CLASS_OFFLOADS && words[1] == OFFLOADS_SET)
    return set_offloads (net, data, len);
  /* A tap passes everything on: both modes are always on, and the guest filters for itself. */
  return words[0] == CLASS_RX && words[1] <= RX_ALLMULTI && len == 1 && data[0] <= 1 &&
         vmm_virtio__has (net->base, VMM_NET_F_CTRL_RX);
}

void
vmm_net_ctrl__run (struct vmm_net *net, unsigned number)
{
  struct vmm_queue *queue = &net->base->queues[number];
  const struct vmm_memory *memory = net->base->env->memory;
  unsigned budget = VMM_DRAIN_MAX;
  enum vmm_pop got = VMM_POP_EMPTY;

  while (net->running && (got = vmm_virtio__next (net->base, number, &budget, &net->chain)) == VMM_POP_CHAIN) {
    uint8_t words[16], ack;
    size_t len = vmm_chain__read (&net->chain, 0, words, sizeof words);
    /* No command is as long as the room for it; one that nobody would hear the answer to is not obeyed. */
    ack =
        len >= 2 && len == net->chain.read_len && net->chain.write_len > 0 && obey (net, words, len) ? ACK_OK : ACK_ERR;
    vmm_queue__push (queue, memory, net->chain.head, (uint32_t) vmm_chain__write (&net->chain, 0, &ack, 1));
  }
  if (got == VMM_POP_BROKEN)
    vmm_net__broken (net, queue);
  vmm_virtio__used (net->base, number);
}
