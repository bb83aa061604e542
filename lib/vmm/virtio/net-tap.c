/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net-tap: the tap behind a network card: that it is one, its offloads, its watch and its end; frames are net-rx.c's and net-tx.c's. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "base/raise.h"
#include "vmm/virtio/net-device.h"

static int
check_tap (const struct vmm_net_pair *pair, kata_error **err)
{
  const int wanted = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (pair->net->n_pairs > 1 ? IFF_MULTI_QUEUE : 0);
  int header = VMM_NET_HEADER;
  struct ifreq request = { 0 };

  if (ioctl (pair->fd, TUNGETIFF, &request) < 0)
    return kata_error__errno (err, KATA_E_INVALID, "net.tap", errno, "descriptor %u is not a tap", pair->index);
  if ((request.ifr_flags & wanted) != wanted)
    return kata_error__set (err, KATA_E_INVALID, "net.tap",
                            "\"%.15s\" has flags 0x%x, wanted 0x%x: a tap without packet information, with network "
                            "headers, and with several "
                            "queues if it has to carry several",
                            request.ifr_name, (unsigned) request.ifr_flags & 0xffffu, (unsigned) wanted);
  if (ioctl (pair->fd, TUNSETVNETHDRSZ, &header) < 0)
    return kata_error__errno (err, KATA_E_HOST, "net.tap", errno, "\"%.15s\" takes no headers of %d bytes",
                              request.ifr_name, header);
  if (ioctl (pair->fd, TUNSETOFFLOAD, 0ul) < 0)
    return kata_error__errno (err, KATA_E_HOST, "net.tap", errno, "\"%.15s\" has no offloads", request.ifr_name);
  return 0;
}

static void
tap_ready (void *ctx, uint32_t events)
{
  struct vmm_net_pair *pair = ctx;

  if (pair->net->paused || !pair->net->running) {
    vmm_net_tap__rewatch (pair);
    return;
  }
  if (events & EPOLLIN)
    vmm_net_rx__run (pair);
  if (events & EPOLLOUT && pair->net->running) {
    pair->full = false;
    vmm_net_tx__run (pair);
  }
  /* Without anything to read: a tap that was deleted, or a peer that has gone. */
  if (events & (EPOLLERR | EPOLLHUP) && !(events & EPOLLIN))
    vmm_net_tap__gone (pair);
}

static int
open_pair (struct vmm_net_pair *pair, int fd, kata_error **err)
{
  int flags;

  pair->fd = fcntl (fd, F_DUPFD_CLOEXEC, 3);
  if (pair->fd < 0)
    return kata_error__errno (err, KATA_E_IO, "net.tap", errno, "cannot take descriptor %u", pair->index);
  flags = fcntl (pair->fd, F_GETFL);
  if (flags < 0 || fcntl (pair->fd, F_SETFL, flags | O_NONBLOCK) < 0)
    return kata_error__errno (err, KATA_E_IO, "net.tap", errno, "cannot make descriptor %u non-blocking", pair->index);
  if (!pair->net->packets) {
    int result = check_tap (pair, err);
    if (result < 0)
      return result;
  }
  pair->rest = malloc (VMM_NET_HEADER + VMM_NET_FRAME_MAX);
  if (!pair->rest)
    return kata_error__set (err, KATA_E_NO_MEMORY, "net", "no memory for a frame");
  return vmm_watch__new (&pair->watch, pair->net->base->env->loop, pair->fd, 0, tap_ready, pair, err);
}

int
vmm_net_tap__open (struct vmm_net *net, const struct vmm_net_config *config, kata_error **err)
{
  int result = 0;

  net->pairs = calloc (config->pairs, sizeof *net->pairs);
  if (!net->pairs)
    return kata_error__set (err, KATA_E_NO_MEMORY, "net", "no memory for %u queue pairs", config->pairs);
  net->n_pairs = config->pairs;
  for (unsigned i = 0; i < net->n_pairs; i++) {
    net->pairs[i].net = net;
    net->pairs[i].index = i;
    net->pairs[i].fd = -1;
  }
  for (unsigned i = 0; i < net->n_pairs && result == 0; i++)
    result = open_pair (&net->pairs[i], config->tap_fds[i], err);
  if (result < 0)
    vmm_net_tap__close (net);
  return result;
}

void
vmm_net_tap__close (struct vmm_net *net)
{
  for (unsigned i = 0; i < net->n_pairs; i++) {
    vmm_watch__free (net->pairs[i].watch);
    kata_fd__closep (&net->pairs[i].fd);
    free (net->pairs[i].rest);
  }
  free (net->pairs);
  net->pairs = NULL;
  net->n_pairs = 0;
}

void
vmm_net_tap__offload (struct vmm_net *net, uint64_t features)
{
  unsigned long offloads = 0;

  if (net->packets)
    return;
  if (features & VMM_NET_F_GUEST_CSUM) {
    offloads |= TUN_F_CSUM;
    if (features & VMM_NET_F_GUEST_TSO4)
      offloads |= TUN_F_TSO4;
    if (features & VMM_NET_F_GUEST_TSO6)
      offloads |= TUN_F_TSO6;
    if (features & VMM_NET_F_GUEST_ECN && offloads & (TUN_F_TSO4 | TUN_F_TSO6))
      offloads |= TUN_F_TSO_ECN;
  }
  for (unsigned i = 0; i < net->n_pairs; i++)
    if (!net->pairs[i].gone && ioctl (net->pairs[i].fd, TUNSETOFFLOAD, offloads) < 0)
      vmm_net__log (net, "the tap refuses offloads that it had");
}

void
vmm_net_tap__rewatch (struct vmm_net_pair *pair)
{
  const struct vmm_net *net = pair->net;
  uint32_t events = 0;

  if (net->running && !net->paused && !pair->gone) {
    bool ready = net->base->queues[2 * (pair->index % net->active)].ready;
    if (ready && !pair->starved && !pair->rx_limited)
      events |= EPOLLIN;
    if (pair->full)
      events |= EPOLLOUT;
  }
  if (events != pair->watched)
    vmm_watch__set (pair->watch, events);
  pair->watched = events;
}

void
vmm_net_tap__gone (struct vmm_net_pair *pair)
{
  struct vmm_net *net = pair->net;
  bool any = false;

  pair->gone = true;
  vmm_net_tap__rewatch (pair);
  for (unsigned i = 0; i < net->n_pairs; i++)
    any = any || !net->pairs[i].gone;
  if (any || !net->link)
    return;
  net->link = false;
  vmm_net__log (net, "the tap has gone");
  vmm_virtio__config_changed (net->base);
}
