/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net-header: checks the header of a frame that the guest sends, so that the host's stack gets no offset outside the frame. */
#include "vmm/virtio/net-header.h"

#include <stddef.h>
#include <string.h>

static unsigned
get16 (const uint8_t *at)
{
  return at[0] | (unsigned) at[1] << 8;
}

static const char *
segmentation_fault (const uint8_t *wire, unsigned type, uint64_t features, uint64_t frame)
{
  uint64_t wanted = 0;

  switch (type & ~VMM_NET_GSO_ECN) {
  case VMM_NET_GSO_TCPV4:
    wanted = VMM_NET_F_HOST_TSO4;
    break;
  case VMM_NET_GSO_TCPV6:
    wanted = VMM_NET_F_HOST_TSO6;
    break;
  default:
    return "a frame of an unknown kind of segmentation";
  }
  if (type & VMM_NET_GSO_ECN)
    wanted |= VMM_NET_F_HOST_ECN;
  if ((features & wanted) != wanted)
    return "a frame of a segmentation that was not negotiated";
  if (!(wire[0] & VMM_NET_FLAG_NEEDS_CSUM))
    return "a frame to be segmented without a checksum to be filled in";
  if (get16 (wire + 4) == 0)
    return "a frame to be segmented into nothing";
  if (get16 (wire + 2) > frame)
    return "a frame whose headers are longer than itself";
  return NULL;
}

const char *
vmm_net_header__clean (uint8_t wire[VMM_NET_HEADER], uint64_t features, uint64_t frame)
{
  unsigned type = wire[1];

  if (frame < VMM_NET_FRAME_MIN)
    return "a frame is shorter than an Ethernet header";
  if (frame > VMM_NET_FRAME_MAX)
    return "a frame is longer than 64 KiB";
  wire[0] &= VMM_NET_FLAG_NEEDS_CSUM;
  if (wire[0]) {
    if (!(features & VMM_NET_F_CSUM))
      return "a frame wants a checksum, which was not negotiated";
    if (get16 (wire + 6) + get16 (wire + 8) + 2 > frame)
      return "a frame's checksum is outside it";
  } else {
    memset (wire + 6, 0, 4);
  }
  if (type != VMM_NET_GSO_NONE) {
    const char *fault = segmentation_fault (wire, type, features, frame);
    if (fault)
      return fault;
  } else {
    memset (wire + 2, 0, 4);
  }
  memset (wire + 10, 0, 2);
  return NULL;
}
