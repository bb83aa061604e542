/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vsock-batch: bytes of one connection into several of the guest's buffers by one read; Linux gives buffers of one page each. */
#include <string.h>

#include "vmm/virtio/vsock-device.h"

#define BYTES_MAX VMM_VSOCK_PAYLOAD_MAX

struct item {
  uint8_t *header; /* in guest memory, whole */
  uint32_t room;
  uint16_t head;
};

struct batch {
  struct vmm_vsock *vsock;
  struct item items[VMM_VSOCK_BATCH_MAX];
  unsigned n;
  size_t n_iov;
  uint32_t left; /* bytes that it may still become larger by */
};

/** The buffer in vsock->rx joins. False: not this one, whose header would be in pieces, or which has no room. */
static bool
add (struct batch *batch)
{
  struct vmm_vsock *vsock = batch->vsock;
  const struct vmm_chain *chain = &vsock->rx;
  const struct iovec *first = &chain->iov[chain->n_read];
  uint32_t room;
  size_t n;

  if (chain->n_write == 0 || first->iov_len < VMM_VSOCK_HEADER || chain->write_len <= VMM_VSOCK_HEADER)
    return false;
  room = chain->write_len - VMM_VSOCK_HEADER;
  room = room < batch->left ? room : batch->left;
  n = vmm_chain__pieces (chain, true, VMM_VSOCK_HEADER, room, vsock->iov + batch->n_iov, VMM_CHAIN_MAX - batch->n_iov);
  if (n == 0)
    return false;
  batch->n_iov += n;
  batch->left -= room;
  batch->items[batch->n++] = (struct item){ first->iov_base, room, chain->head };
  return true;
}

/** More buffers, as many as the last reads made likely. */
static enum vmm_pop
gather (struct batch *batch, unsigned wanted, unsigned *budget)
{
  struct vmm_vsock *vsock = batch->vsock;
  enum vmm_pop got = VMM_POP_CHAIN;

  while (batch->n < wanted && batch->left > 0 && *budget > 0) {
    got = vmm_virtio__next (vsock->base, VMM_VSOCK_RX, budget, &vsock->rx);
    if (got != VMM_POP_CHAIN)
      break;
    if (!add (batch)) {
      vmm_queue__unpop (&vsock->base->queues[VMM_VSOCK_RX], &vsock->rx);
      break;
    }
  }
  return got;
}

/** The first buffers go to the guest with @len bytes in them, the others are as if never taken. Returns how many were used. */
static unsigned
give_back (struct batch *batch, struct vmm_vsock_conn *conn, uint32_t len)
{
  struct vmm_queue *queue = &batch->vsock->base->queues[VMM_VSOCK_RX];
  struct vmm_push used[VMM_VSOCK_BATCH_MAX];
  unsigned n = 0;

  for (; len > 0; n++) {
    const struct item *item = &batch->items[n];
    uint32_t here = item->room < len ? item->room : len;

    vmm_vsock_state__head (conn, VMM_VSOCK_OP_RW, here, item->header);
    used[n] = (struct vmm_push){ item->head, VMM_VSOCK_HEADER + here };
    len -= here;
  }
  for (unsigned i = batch->n; i > n; i--)
    vmm_queue__unpop_head (queue, batch->items[i - 1].head);
  vmm_queue__push_all (queue, batch->vsock->base->env->memory, used, n);
  return n;
}

bool
vmm_vsock_batch__suits (const struct vmm_vsock_conn *conn)
{
  /* A single buffer, and all packets without data, go the other way. */
  return conn->burst > 1 && vmm_vsock_state__has_data (conn) && vmm_vsock_credit__left (conn) > 0;
}

enum vmm_pop
vmm_vsock_batch__run (struct vmm_vsock_conn *conn, unsigned *budget, bool *done)
{
  struct batch batch = { .vsock = conn->vsock, .left = vmm_vsock_credit__left (conn) };
  unsigned used, before = *budget;
  enum vmm_pop got;
  uint32_t n;

  batch.left = batch.left < BYTES_MAX ? batch.left : BYTES_MAX;
  *done = add (&batch);
  if (!*done)
    return VMM_POP_CHAIN;
  got = gather (&batch, conn->burst, budget);
  if (got == VMM_POP_BROKEN)
    return got;
  n = vmm_vsock_conn__give (conn, batch.vsock->iov, batch.n_iov);
  conn->sent += n;
  used = give_back (&batch, conn, n);
  /* What was not used was not spent. */
  *budget = *budget + (batch.n - used) < before ? *budget + (batch.n - used) : before;
  vmm_vsock_conn__learn (conn, batch.n, used);
  return VMM_POP_CHAIN;
}
