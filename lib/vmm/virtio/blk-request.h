/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blk-request: one request of the guest's to its disk, from the chain to the operations that it takes. Pure: it does no input or output. */
#ifndef KATA_VMM_VIRTIO_BLK_REQUEST_H
#define KATA_VMM_VIRTIO_BLK_REQUEST_H

#include "vmm/virtio/blk-engine.h"
#include "vmm/virtio/queue.h"

/* virtio 1.2, 5.2.6 */
#define VMM_BLK_T_IN           0u
#define VMM_BLK_T_OUT          1u
#define VMM_BLK_T_FLUSH        4u
#define VMM_BLK_T_GET_ID       8u
#define VMM_BLK_T_DISCARD      11u
#define VMM_BLK_T_WRITE_ZEROES 13u
#define VMM_BLK_S_OK           0u
#define VMM_BLK_S_IOERR        1u
#define VMM_BLK_S_UNSUPP       2u

#define VMM_BLK_SECTOR       512u
#define VMM_BLK_HEADER       16u
#define VMM_BLK_ID           20u
#define VMM_BLK_SEGMENTS_MAX 126u                 /* data pieces of one request: seg_max */
#define VMM_BLK_DISCARD_MAX  (UINT32_C (1) << 22) /* sectors: 2 GiB */
#define VMM_BLK_ZEROES_PIECE 65536u               /* bytes of zeroes that the disk keeps ready */
#define VMM_BLK_ZEROES_MAX                                                                                             \
  (VMM_BLK_SEGMENTS_MAX * VMM_BLK_ZEROES_PIECE / VMM_BLK_SECTOR) /* sectors: one write at worst */

/** What holds for all requests to a disk. */
struct vmm_blk_rules {
  uint64_t sectors;
  bool readonly, device;
  bool flush, discard, write_zeroes; /* negotiated */
  char id[VMM_BLK_ID];
  const uint8_t *zeroes; /* VMM_BLK_ZEROES_PIECE bytes */
};

struct vmm_blk_request {
  struct vmm_disk_io io; /* first: what the engine returns is the request */
  struct vmm_blk_request *next_free;
  unsigned queue;
  uint16_t head;
  uint32_t type;
  uint32_t length;    /* of data for the guest */
  uint64_t cost;      /* bytes for the limiter */
  uint64_t zero_from; /* WRITE_ZEROES: its range */
  uint64_t zero_len;
  unsigned tries;
  uint8_t *status; /* one byte of the guest's */
  struct iovec iov[VMM_BLK_SEGMENTS_MAX];
};

enum vmm_blk_verdict {
  VMM_BLK_MALFORMED = -1, /* no place for a header or a status: nothing can be answered */
  VMM_BLK_SUBMIT = 0,     /* request->io is to be done */
  VMM_BLK_OK,             /* answer at once, or at last */
  VMM_BLK_IOERR,
  VMM_BLK_UNSUPP,
};

/** The header is copied once; everything is judged on the copy. */
enum vmm_blk_verdict vmm_blk_request__parse (struct vmm_blk_request *request, const struct vmm_chain *chain,
                                             const struct vmm_blk_rules *rules);
/** request->io has ended: go on with another operation (SUBMIT: request->io is new), or be done. */
enum vmm_blk_verdict vmm_blk_request__ended (struct vmm_blk_request *request, const struct vmm_blk_rules *rules);
/** Writes the status byte. Returns what the used ring is told. */
uint32_t vmm_blk_request__answer (struct vmm_blk_request *request, enum vmm_blk_verdict verdict);

#endif
