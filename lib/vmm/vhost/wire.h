/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wire: messages of vhost-user as they are on the socket (QEMU's docs/interop/vhost-user.rst); host byte order, as the protocol says. */
#ifndef KATA_VMM_VHOST_WIRE_H
#define KATA_VMM_VHOST_WIRE_H

#include <stdint.h>

enum vmm_vhost_request {
  VMM_VHOST_GET_FEATURES = 1,
  VMM_VHOST_SET_FEATURES = 2,
  VMM_VHOST_SET_OWNER = 3,
  VMM_VHOST_SET_MEM_TABLE = 5,
  VMM_VHOST_SET_VRING_NUM = 8,
  VMM_VHOST_SET_VRING_ADDR = 9,
  VMM_VHOST_SET_VRING_BASE = 10,
  VMM_VHOST_GET_VRING_BASE = 11,
  VMM_VHOST_SET_VRING_KICK = 12,
  VMM_VHOST_SET_VRING_CALL = 13,
  VMM_VHOST_GET_PROTOCOL_FEATURES = 15,
  VMM_VHOST_SET_PROTOCOL_FEATURES = 16,
  VMM_VHOST_SET_VRING_ENABLE = 18,
};

#define VMM_VHOST_VERSION             0x1u
#define VMM_VHOST_REPLY               0x4u
#define VMM_VHOST_F_PROTOCOL_FEATURES (UINT64_C (1) << 30)
#define VMM_VHOST_REGIONS_MAX         8

struct vmm_vhost_header {
  uint32_t request, flags, size;
};

struct vmm_vhost_state { /* SET_VRING_NUM, _BASE, _ENABLE, GET_VRING_BASE */
  uint32_t index, num;
};

struct vmm_vhost_addr { /* SET_VRING_ADDR */
  uint32_t index, flags;
  uint64_t descriptor, used, available, log;
};

struct vmm_vhost_region {
  uint64_t guest_address, size, user_address, offset;
};

struct vmm_vhost_memory { /* SET_MEM_TABLE, one descriptor per region */
  uint32_t n_regions, padding;
  struct vmm_vhost_region regions[VMM_VHOST_REGIONS_MAX];
};

struct vmm_vhost_message {
  struct vmm_vhost_header header;
  union {
    uint64_t u64;
    struct vmm_vhost_state state;
    struct vmm_vhost_addr addr;
    struct vmm_vhost_memory memory;
  } body;
} __attribute__ ((packed));

_Static_assert(sizeof (struct vmm_vhost_header) == 12, "header of vhost-user");
_Static_assert(sizeof (struct vmm_vhost_addr) == 40, "ring addresses of vhost-user");
_Static_assert(sizeof (struct vmm_vhost_memory) == 8 + 32 * VMM_VHOST_REGIONS_MAX, "memory table of vhost-user");

#endif
