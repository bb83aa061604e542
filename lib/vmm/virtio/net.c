/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net: the network card (virtio 1.2, 5.1): features, configuration, life. Frames are net-rx.c's and net-tx.c's, the tap net-tap.c's. */
#include "vmm/virtio/net.h"

#include <stdlib.h>
#include <string.h>

#include "base/raise.h"
#include "vmm/virtio/net-device.h"

#define STATUS_LINK_UP 1u
#define CTRL_SIZE      64
#define MTU_MIN        68u
#define CONFIG_LEN     12u
#define FEATURES                                                                                                       \
  (VMM_NET_F_CSUM | VMM_NET_F_GUEST_CSUM | VMM_NET_F_GUEST_OFFLOADS | VMM_NET_F_MAC | VMM_NET_F_GUEST_TSO4 |           \
   VMM_NET_F_GUEST_TSO6 | VMM_NET_F_GUEST_ECN | VMM_NET_F_HOST_TSO4 | VMM_NET_F_HOST_TSO6 | VMM_NET_F_HOST_ECN |       \
   VMM_NET_F_MRG_RXBUF | VMM_NET_F_STATUS | VMM_NET_F_CTRL_VQ | VMM_NET_F_CTRL_RX)

void
vmm_net__log (struct vmm_net *net, const char *text)
{
  vmm_env__log (net->base->env, "virtio-net", "%s", text);
}

static void
rewatch_all (struct vmm_net *net)
{
  for (unsigned i = 0; i < net->n_pairs; i++)
    vmm_net_tap__rewatch (&net->pairs[i]);
}

void
vmm_net__broken (struct vmm_net *net, const struct vmm_queue *queue)
{
  net->running = false;
  vmm_virtio__needs_reset (net->base, queue->why ? queue->why : "a queue is broken");
  rewatch_all (net);
}

static int
check (const struct vmm_net_config *config, kata_error **err)
{
  if (config->pairs == 0 || config->pairs > VMM_NET_PAIRS_MAX)
    return kata_error__set (err, KATA_E_INVALID, "net.pairs", "%u queue pairs; allowed are 1 to %d", config->pairs,
                            VMM_NET_PAIRS_MAX);
  if (config->mtu != 0 && config->mtu < MTU_MIN)
    return kata_error__set (err, KATA_E_INVALID, "net.mtu", "%u is too small; at least %u, or 0 to say nothing",
                            config->mtu, MTU_MIN);
  if (config->mac[0] & 1)
    return kata_error__set (err, KATA_E_INVALID, "net.mac", "a card's address is not a group's: %02x is odd",
                            config->mac[0]);
  return 0;
}

static int
net_realize (void *self, struct vmm_virtio *base, const void *data, kata_error **err)
{
  const struct vmm_net_config *config = data;
  struct vmm_net *net = self;
  int64_t now = vmm_loop__now ();
  int result = check (config, err);

  if (result < 0)
    return result;
  net->base = base;
  net->packets = config->packets;
  memcpy (net->mac, config->mac, sizeof net->mac);
  net->mtu = config->mtu;
  net->link = true;
  net->active = 1;
  net->rx_limits = config->rx.bytes || config->rx.ops;
  vmm_limiter__init (&net->rx_limiter, &config->rx, now);
  vmm_limiter__init (&net->tx_limiter, &config->tx, now);
  result = vmm_timer__new (&net->rx_timer, base->env->loop, vmm_net_rx__timer, net, err);
  if (result == 0)
    result = vmm_timer__new (&net->tx_timer, base->env->loop, vmm_net_tx__timer, net, err);
  if (result == 0)
    result = vmm_net_tap__open (net, config, err);
  if (result < 0) {
    vmm_timer__free (net->tx_timer);
    vmm_timer__free (net->rx_timer);
    return result;
  }
  base->offered = FEATURES | (config->mtu ? VMM_NET_F_MTU : 0) | (config->pairs > 1 ? VMM_NET_F_MQ : 0);
  base->config_len = CONFIG_LEN;
  base->n_queues = 2 * config->pairs + 1;
  for (unsigned i = 0; i < 2 * config->pairs; i++)
    vmm_queue__init (&base->queues[i], VMM_NET_QUEUE_SIZE);
  vmm_queue__init (&base->queues[2 * config->pairs], CTRL_SIZE);
  return 0;
}

static void
net_unrealize (void *self)
{
  struct vmm_net *net = self;

  net->running = false;
  vmm_net_tap__close (net);
  vmm_timer__free (net->tx_timer);
  vmm_timer__free (net->rx_timer);
}

static void
net_activate (void *self)
{
  struct vmm_net *net = self;

  net->running = true;
  net->active = 1;
  vmm_net_tap__offload (net, net->base->features);
  rewatch_all (net);
}

static void
net_kick (void *self, unsigned queue)
{
  struct vmm_net *net = self;
  /* 5.1.2: without MQ there is one pair, and the control queue follows it. */
  unsigned pairs = vmm_virtio__has (net->base, VMM_NET_F_MQ) ? net->n_pairs : 1;

  if (queue == 2 * pairs)
    vmm_net_ctrl__run (net, queue);
  else if (queue < 2 * pairs && queue % 2 == 0)
    vmm_net_rx__kick (net, queue / 2);
  else if (queue < 2 * pairs)
    vmm_net_tx__run (&net->pairs[queue / 2]);
}

static void
net_reset (void *self)
{
  struct vmm_net *net = self;

  net->running = false;
  net->active = 1;
  for (unsigned i = 0; i < net->n_pairs; i++) {
    vmm_net_rx__forget (&net->pairs[i]);
    net->pairs[i].full = net->pairs[i].tx_limited = false;
  }
  rewatch_all (net);
}

static void
net_config_read (void *self, uint32_t offset, void *to, uint32_t len)
{
  const struct vmm_net *net = self;
  uint8_t config[CONFIG_LEN] = { 0 };

  memcpy (config, net->mac, sizeof net->mac);
  config[6] = net->link ? STATUS_LINK_UP : 0;
  config[8] = (uint8_t) net->n_pairs;
  config[10] = (uint8_t) (net->mtu & 0xff);
  config[11] = (uint8_t) (net->mtu >> 8);
  memcpy (to, config + offset, len);
}

static void
net_quiesce (void *self)
{
  struct vmm_net *net = self;

  net->paused = true;
  vmm_timer__disarm (net->rx_timer);
  vmm_timer__disarm (net->tx_timer);
  rewatch_all (net);
}

static void
net_resume (void *self)
{
  struct vmm_net *net = self;

  net->paused = false;
  rewatch_all (net);
  vmm_net_rx__timer (net);
  vmm_net_tx__timer (net);
}

const struct vmm_virtio_ops vmm_virtio_net_ops = {
  .size = sizeof (struct vmm_virtio_ops),
  .name = "virtio-net",
  .device_id = 1,
  .instance_size = sizeof (struct vmm_net),
  .realize = net_realize,
  .unrealize = net_unrealize,
  .activate = net_activate,
  .kick = net_kick,
  .reset = net_reset,
  .config_read = net_config_read,
  .quiesce = net_quiesce,
  .resume = net_resume,
};
