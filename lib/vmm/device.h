/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device: what a device sees of its machine, and what the machine sees of a platform device. virtio devices: virtio/virtio.h. */
#ifndef KATA_VMM_DEVICE_H
#define KATA_VMM_DEVICE_H

#include <stddef.h>

#include "vmm/bus.h"
#include "vmm/irq.h"
#include "vmm/loop.h"
#include "vmm/memory.h"

/** What the guest, or a device for it, asks of the machine. */
enum vmm_wish {
  VMM_WISH_POWEROFF = 1, /* orderly: S5 */
  VMM_WISH_RESET,        /* reset register, triple fault; the VM ends with that reason: a sandbox does not reboot */
  VMM_WISH_SERVER, /* a process that serves a device is gone for good: what waits for it in the guest would wait for ever */
};

/** Everything a device may touch. Lives as long as the machine; const for devices. */
struct vmm_env {
  struct vmm_memory *memory;
  struct vmm_bus *mmio, *pio;
  struct vmm_irqs irqs;
  struct vmm_loop *loop;
  void (*wish) (void *ctx, enum vmm_wish wish);
  /** Debug messages, at most 10 a second and device pass; no newline. May be NULL. */
  void (*log) (void *ctx, const char *device, const char *message);
  /** (nullable) The first call on a thread that a device makes in @realize, for VMM_THREAD_DISK (machine.h): it confines itself at once. */
  int (*confine) (void *ctx, kata_error **err);
  void *ctx;
};

/**
 * A platform device (serial, RTC, power). One const object per file, its last lines. All verbs: device lock held.
 * @realize maps its ranges and takes its interrupts; on failure it has undone its own work. @config is the device's own struct.
 */
struct vmm_device_ops {
  size_t size;
  const char *name;
  size_t instance_size; /* the machine allocates it, zeroed */
  int (*realize) (void *self, const struct vmm_env *env, const void *config, kata_error **err);
  void (*unrealize) (void *self);
  void (*quiesce) (void *self); /* (nullable) pause: no callback does anything until resume */
  void (*resume) (void *self);
};

/** printf to env->log, cut at 200 bytes. */
void vmm_env__log (const struct vmm_env *env, const char *device, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

#endif
