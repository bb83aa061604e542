/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtio: one virtio device between its transport (mmio.c, pci.c) and its own file (blk.c, net.c, …): status, features, queues. */
#ifndef KATA_VMM_VIRTIO_VIRTIO_H
#define KATA_VMM_VIRTIO_VIRTIO_H

#include "vmm/device.h"
#include "vmm/virtio/queue.h"

/* virtio 1.2: 2.1 device status, 6 reserved feature bits. */
#define VMM_VIRTIO_S_ACKNOWLEDGE     1u
#define VMM_VIRTIO_S_DRIVER          2u
#define VMM_VIRTIO_S_DRIVER_OK       4u
#define VMM_VIRTIO_S_FEATURES_OK     8u
#define VMM_VIRTIO_S_NEEDS_RESET     64u
#define VMM_VIRTIO_S_FAILED          128u
#define VMM_VIRTIO_F_INDIRECT        (UINT64_C (1) << 28)
#define VMM_VIRTIO_F_EVENT_IDX       (UINT64_C (1) << 29)
#define VMM_VIRTIO_F_VERSION_1       (UINT64_C (1) << 32)
#define VMM_VIRTIO_F_ACCESS_PLATFORM (UINT64_C (1) << 33)

#define VMM_VIRTIO_QUEUES_MAX 34 /* net: 16 pairs and control */
#define VMM_VIRTIO_CONFIG_MAX 256

struct vmm_virtio;

/**
 * A kind of virtio device: one const object per file, its last lines. All verbs: device lock held, none blocks but @reset.
 * @realize sets base->offered, base->n_queues, each queue's max (vmm_queue__init) and base->config_len; on failure it has undone its own work.
 */
struct vmm_virtio_ops {
  size_t size;
  const char *name;   /* "virtio-blk" */
  uint32_t device_id; /* virtio 1.2, 5 */
  size_t instance_size;
  int (*realize) (void *self, struct vmm_virtio *base, const void *config, kata_error **err);
  void (*unrealize) (void *self);
  /** DRIVER_OK: base->features is final, queues are ready or stay unused. */
  void (*activate) (void *self);
  /** The driver kicked a ready queue of an active device, or the queue was left with work after VMM_DRAIN_MAX. */
  void (*kick) (void *self, unsigned queue);
  /** Forget all state of the driver's; returns once no request is in flight (nothing touches guest memory any more). Also before unrealize. */
  void (*reset) (void *self);
  /* Device configuration space; offset + len <= config_len. NULL: zeroes, ignored. */
  void (*config_read) (void *self, uint32_t offset, void *to, uint32_t len);
  void (*config_write) (void *self, uint32_t offset, const void *from, uint32_t len);
  /* Pause and go on; (nullable) for devices that only act on kicks: those do not come while paused. */
  void (*quiesce) (void *self);
  void (*resume) (void *self);
  /* A queue served by another process (vhost-user): (nullable) instead of kick. At DRIVER_OK, after @activate, for each ready queue. */
  int (*hand_over) (void *self, unsigned queue, int kick_fd, int call_fd, kata_error **err);
};

/** What a transport gives: called with the device lock held. */
struct vmm_transport_ops {
  void (*interrupt) (void *transport, int queue); /* -1: configuration changed, or NEEDS_RESET */
  /** The eventfd that reaches the guest as the interrupt of @queue, for hand_over; -1 = none. */
  int (*call_fd) (void *transport, unsigned queue);
};

struct vmm_virtio {
  const struct vmm_virtio_ops *ops;
  void *self; /* the instance */
  const struct vmm_env *env;
  const struct vmm_transport_ops *transport_ops;
  void *transport;
  uint64_t offered; /* the core adds VERSION_1, INDIRECT and EVENT_IDX */
  uint64_t features;
  bool features_beyond; /* the driver took bits of words 2 and up, which nobody offers */
  uint32_t status;
  uint32_t config_len, config_generation;
  bool active; /* DRIVER_OK, not NEEDS_RESET, not paused */
  bool paused;
  unsigned n_queues;
  struct vmm_queue queues[VMM_VIRTIO_QUEUES_MAX];
  int kick_fds[VMM_VIRTIO_QUEUES_MAX]; /* eventfds; the transport makes them doorbells */
  struct vmm_watch *kick_watches[VMM_VIRTIO_QUEUES_MAX];
};

/* ---- for machine.c ---- */
int vmm_virtio__new (struct vmm_virtio **out, const struct vmm_virtio_ops *ops, const struct vmm_env *env,
                     const void *config, kata_error **err);
void vmm_virtio__free (struct vmm_virtio *device); /* NULL-safe; resets first */
void vmm_virtio__pause (struct vmm_virtio *device);
void vmm_virtio__unpause (struct vmm_virtio *device);

/* ---- for devices ---- */
/** Interrupt for @queue if the driver wants one. After a batch of pushes. */
void vmm_virtio__used (struct vmm_virtio *device, unsigned queue);
/**
 * The next chain of a turn, which began with *@budget = VMM_DRAIN_MAX. EMPTY ends the turn: there is none, and the driver was asked to kick for the
 * next; or the budget is spent, and kick(queue) comes again soon. BROKEN: the caller says vmm_virtio__needs_reset().
 */
enum vmm_pop vmm_virtio__next (struct vmm_virtio *device, unsigned queue, unsigned *budget, struct vmm_chain *chain);
/** Call kick(queue) again soon: the budget is spent, other devices come first. */
void vmm_virtio__again (struct vmm_virtio *device, unsigned queue);
/** The driver broke a rule: status NEEDS_RESET, config interrupt, the device is inactive until reset. @why: static text for the debug log. */
void vmm_virtio__needs_reset (struct vmm_virtio *device, const char *why);
void vmm_virtio__config_changed (struct vmm_virtio *device);
static inline bool
vmm_virtio__has (const struct vmm_virtio *device, uint64_t feature)
{
  return (device->features & feature) != 0;
}

/* ---- for transports ---- */
void vmm_virtio__set_status (struct vmm_virtio *device, uint32_t status); /* state table of 3.1.1; 0 = reset */
/** @select 0 or 1: a word of the driver's features; ignored after FEATURES_OK. */
void vmm_virtio__set_features (struct vmm_virtio *device, uint32_t select, uint32_t word);
uint32_t vmm_virtio__get_features (const struct vmm_virtio *device, uint32_t select); /* offered */
/** Ignored unless the driver may set up queues now and @queue exists. */
void vmm_virtio__enable_queue (struct vmm_virtio *device, unsigned queue);
/** Back to not set up; ignored once DRIVER_OK: then only a reset of the device does it. */
void vmm_virtio__disable_queue (struct vmm_virtio *device, unsigned queue);
/** NULL when it does not exist, is ready, or the status does not allow: a register write must be ignored. */
struct vmm_queue *vmm_virtio__setup_queue (struct vmm_virtio *device, unsigned queue);
void vmm_virtio__config (struct vmm_virtio *device, uint64_t offset, unsigned len, uint64_t *value, bool write);

#endif
