/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* netjoin: puts a tap beside an interface of a pod, so that a guest takes its place on the wire; and takes it away again. */
#ifndef KATA_HOST_NETJOIN_H
#define KATA_HOST_NETJOIN_H

#include <stdbool.h>

#include "host/net.h"
#include "host/tap.h"

enum kata_netjoin_way {
  KATA_NETJOIN_TCFILTER = 0, /* a new tap, and filters that send the frames of each to the other */
  KATA_NETJOIN_MACVTAP,      /* a macvtap on the interface, in passthru mode */
  KATA_NETJOIN_ATTACH        /* the interface is a tap that nobody holds: the guest is at its other end */
};

struct kata_netjoin {
  int netns_fd;
  const struct kata_net_interface *interface;
  int32_t way;                 /* enum kata_netjoin_way */
  unsigned queues;             /* at most KATA_TAP_QUEUES_MAX */
  uint64_t rx_bytes, tx_bytes; /* what the guest receives and sends a second, at most; 0 = no limit of the host's */
  /* out */
  char device[IFNAMSIZ]; /* the tap or macvtap */
  char mac[18];          /* the guest's */
  int fds[KATA_TAP_QUEUES_MAX];
  bool taken; /* somebody else joined it after @prepare looked: the undo functions would remove what is theirs */
};

/**
 * Chooses @way and the number of queues from what is wanted (@way, @queues as set) and what the interface is; names the device; looks whether
 * somebody else's traffic control is in the way. Changes nothing. KATA_E_UNSUPPORTED, KATA_E_BUSY, KATA_E_IO, KATA_E_PERMISSION.
 */
int kata_netjoin__prepare (struct kata_netjoin *join, kata_error **err);
/** Makes it. On failure no descriptor is open, and the undo functions below remove the rest; but where it says @taken, there is none. */
int kata_netjoin__make (struct kata_netjoin *join, kata_error **err);
/** Closes the descriptors. */
void kata_netjoin__close (struct kata_netjoin *join);

/**
 * Undo: in the namespace at @path, if it still is the one with @inode, remove the ingress qdisc of the interface with @index and its limit, or the link @name. Gone
 * already is no error. A tap needs no undo: it ends with its descriptors.
 */
int kata_netjoin__undo_qdisc (const char *path, uint64_t inode, uint32_t index, kata_error **err);
int kata_netjoin__undo_link (const char *path, uint64_t inode, const char *name, kata_error **err);

#endif
