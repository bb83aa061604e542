/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* queue: a split virtqueue as the device sees it (virtio 1.2, 2.7). Pure: guest memory in, chains out; knows no transport, thread or KVM. */
#ifndef KATA_VMM_VIRTIO_QUEUE_H
#define KATA_VMM_VIRTIO_QUEUE_H

#include "vmm/memory.h"

#define VMM_QUEUE_SIZE_MAX 1024
/** Descriptors of one chain, indirect ones included: at most the queue's size, and never more than this; pieces once split at regions. */
#define VMM_CHAIN_MAX 256

/** Set by the transport while not ready; frozen from then on until reset. */
struct vmm_queue {
  uint16_t max;  /* what the device offers; a power of two */
  uint16_t size; /* what the driver chose */
  bool ready;
  bool event_idx, indirect; /* negotiated */
  vmm_gpa desc, avail, used;
  uint16_t next_avail;                    /* next entry of the available ring to look at */
  uint16_t next_used;                     /* next entry of the used ring to fill */
  uint16_t signalled;                     /* next_used when wants_interrupt last looked */
  bool signalled_valid;                   /* false: tell it whatever it asked */
  bool broken;                            /* the driver broke a rule: nothing more is done until reset */
  const char *why;                        /* which rule, a static text */
  uint32_t busy[VMM_QUEUE_SIZE_MAX / 32]; /* heads popped and not yet pushed: the same head twice is a broken rule */
};

/** One request. @iov: first @n_read pieces that the device reads, then @n_write that it writes. Bytes in them can change at any time. */
struct vmm_chain {
  uint16_t head;
  uint16_t n_read, n_write;
  uint32_t read_len, write_len; /* sums, checked not to overflow */
  struct iovec iov[VMM_CHAIN_MAX];
};

void vmm_queue__init (struct vmm_queue *queue, uint16_t max);
/** Back to as after init; keeps max. */
void vmm_queue__reset (struct vmm_queue *queue);
/** The driver sets ready: size a power of two within max, rings aligned and wholly RAM. False: it stays not ready. */
bool vmm_queue__enable (struct vmm_queue *queue, const struct vmm_memory *memory, bool event_idx, bool indirect);

enum vmm_pop { VMM_POP_EMPTY = 0, VMM_POP_CHAIN = 1, VMM_POP_BROKEN = -1 };
/** The next chain. BROKEN also sets queue->broken and queue->why: the caller says vmm_virtio__needs_reset(). */
enum vmm_pop vmm_queue__pop (struct vmm_queue *queue, const struct vmm_memory *memory, struct vmm_chain *chain);
/** Put the last popped chain back (net: a frame that fills no buffer yet). Only right after its pop; several, by their heads, in the opposite order. */
void vmm_queue__unpop (struct vmm_queue *queue, const struct vmm_chain *chain);
void vmm_queue__unpop_head (struct vmm_queue *queue, uint16_t head);
/** Give a chain back; @written <= its write_len. Any order. */
void vmm_queue__push (struct vmm_queue *queue, const struct vmm_memory *memory, uint16_t head, uint32_t written);
struct vmm_push {
  uint16_t head;
  uint32_t written;
};
/** Several in this order; the driver sees all of them or none yet (net: the parts of one frame). */
void
vmm_queue__push_all (struct vmm_queue *queue, const struct vmm_memory *memory, const struct vmm_push *list, size_t n);
/** After pushes: does the driver want an interrupt for those since the last look? Remembers that it looked. */
bool vmm_queue__wants_interrupt (struct vmm_queue *queue, const struct vmm_memory *memory);
/** Ask for (or, false, ask not to have) a kick for new chains. After asking, look once more: returns true when chains are there already. */
bool vmm_queue__want_kick (struct vmm_queue *queue, const struct vmm_memory *memory, bool want);
/** Entries between next_avail and the driver's index, 0 when broken. */
uint16_t vmm_queue__pending (struct vmm_queue *queue, const struct vmm_memory *memory);

/* Copy from the readable part, or into the writable part, at an offset within it. Returns bytes copied (less at the end). */
size_t vmm_chain__read (const struct vmm_chain *chain, size_t offset, void *to, size_t len);
size_t vmm_chain__write (const struct vmm_chain *chain, size_t offset, const void *from, size_t len);
/** The pieces of [offset, offset + len) of the readable (or writable) part, for readv and writev; returns how many, 0 when it does not fit. */
size_t vmm_chain__pieces (const struct vmm_chain *chain, bool writable, size_t offset, size_t len, struct iovec *out,
                          size_t max);

#endif
