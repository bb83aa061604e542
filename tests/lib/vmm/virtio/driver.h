/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driver: a fake guest driver for tests of virtio devices: rings in RAM, chains of any shape, kicks, what comes back; neither KVM nor a transport is needed. */
#ifndef KATA_TEST_VMM_VIRTIO_DRIVER_H
#define KATA_TEST_VMM_VIRTIO_DRIVER_H

#include "fake.h"

#include "vmm/virtio/ring.h"
#include "vmm/virtio/virtio.h"

/** The driver's side of one queue. */
struct driver_queue {
  uint16_t size;
  bool event_idx;
  vmm_gpa desc, avail, used;
  uint16_t free;      /* next descriptor to take; they are taken in a circle */
  uint16_t avail_idx; /* as written to the ring */
  uint16_t last_used; /* entries collected */
  vmm_gpa indirect;   /* room for tables, one of 16 descriptors for each head */
};

/** One buffer of a chain. */
struct driver_buffer {
  vmm_gpa addr;
  uint32_t len;
  bool write; /* the device writes it */
};

struct driver {
  struct fake *fake;               /* buses, interrupts, wishes, logs */
  const struct vmm_env *env;       /* fake->env */
  const struct vmm_memory *memory; /* fake->memory */
  vmm_gpa brk;                     /* driver_alloc */
  struct vmm_virtio *device;
  struct driver_queue queues[VMM_VIRTIO_QUEUES_MAX];
  /* counted by the transport that driver_device() attaches: none but these */
  unsigned interrupts[VMM_VIRTIO_QUEUES_MAX], config_interrupts;
  int call_fds[VMM_VIRTIO_QUEUES_MAX]; /* given to hand_over, made when asked for; -1 before */
};

/* All of these abort the test when they cannot do their work. */
void driver_open (struct driver *driver, uint64_t memory_size); /* a fake, no device yet */
void driver_close (struct driver *driver);                      /* frees the device too */

/** New zeroed RAM of the guest's; never given back. */
vmm_gpa driver_alloc (struct driver *driver, uint64_t len, uint64_t align);
/** The same, with these bytes in it. */
vmm_gpa driver_put (struct driver *driver, const void *bytes, size_t len);
void driver_get (const struct driver *driver, vmm_gpa from, void *to, size_t len);
void driver_set (const struct driver *driver, vmm_gpa to, const void *from, size_t len);

/** vmm_virtio__new() with a transport that only counts. Returns its code. */
int driver_device (struct driver *driver, const struct vmm_virtio_ops *ops, const void *config, kata_error **err);
/** Up to FEATURES_OK with @wanted & offered, VERSION_1 added; returns the features. Add EVENT_IDX and INDIRECT to @wanted to have them. */
uint64_t driver_negotiate (struct driver *driver, uint64_t wanted);
/** Make rings of @size (0: the queue's max) for @queue in RAM; does not tell the device. */
void driver_make_queue (struct driver *driver, unsigned queue, uint16_t size);
/** The same and tell the device by setup_queue and enable_queue; the queue is ready then. */
void driver_queue (struct driver *driver, unsigned queue, uint16_t size);
void driver_ok (struct driver *driver); /* DRIVER_OK */
/** All of it: negotiate, every queue, DRIVER_OK, one driver_run(). */
void driver_start (struct driver *driver, uint64_t wanted);
/** Status 0, and the driver's side forgets too. */
void driver_reset (struct driver *driver);

/** A chain of @n direct descriptors, made available; returns its head. Descriptors in flight are the caller's to count. */
uint16_t driver_add (struct driver *driver, unsigned queue, const struct driver_buffer *buffers, unsigned n);
/** The same through an indirect table (at most 16 buffers). */
uint16_t driver_add_indirect (struct driver *driver, unsigned queue, const struct driver_buffer *buffers, unsigned n);
/** Raw: write one descriptor; put a head into the available ring and move the index; move the index by @by alone. */
void driver_desc (struct driver *driver, unsigned queue, uint16_t index, vmm_gpa addr, uint32_t len, unsigned flags,
                  uint16_t next);
void driver_offer (struct driver *driver, unsigned queue, uint16_t head);
void driver_jump (struct driver *driver, unsigned queue, uint16_t by);

/** Without a look at what the device asked for; true from driver_wants_kick() is what an honest driver obeys. */
void driver_kick (struct driver *driver, unsigned queue);
bool driver_wants_kick (struct driver *driver, unsigned queue);
/** Ask for interrupts or not: the flag, or used_event with EVENT_IDX (then: at the next entry). */
void driver_want_interrupt (struct driver *driver, unsigned queue, bool want);
/** Steps the loop until nothing happens for @ms milliseconds (0: until nothing is ready). */
void driver_run_for (struct driver *driver, int ms);
void driver_run (struct driver *driver);

/** The next entry of the used ring; false when there is none. */
bool driver_used (struct driver *driver, unsigned queue, uint16_t *head, uint32_t *len);
/** Kick, run, and take the one entry that must come back (waits up to 5 s for threads); returns its length. */
uint32_t driver_request (struct driver *driver, unsigned queue, const struct driver_buffer *buffers, unsigned n);

bool driver_needs_reset (const struct driver *driver);
/** How often eventfd @fd was raised since the last look. */
uint64_t driver_take (int fd);

#endif
