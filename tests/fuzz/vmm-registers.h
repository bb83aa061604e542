/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vmm-registers: a fuzz input as a guest's accesses to one transport, with rings in RAM behind them; what must hold after each is checked. */
#ifndef KATA_FUZZ_VMM_REGISTERS_H
#define KATA_FUZZ_VMM_REGISTERS_H

#include "vmm-steps.h"

#include "registers.h"
#include "toy.h"

struct plays {
  struct steps steps;
  struct registers guest;
  struct vmm_queue before[TOY_QUEUES];
  unsigned resets_before;
  bool running_before;
};

static inline void
plays_remember (struct plays *plays)
{
  struct vmm_virtio *device = plays->steps.driver.device;
  memcpy (plays->before, device->queues, sizeof plays->before);
  plays->resets_before = toy_of (device)->resets;
  plays->running_before = (device->status & VMM_VIRTIO_S_DRIVER_OK) != 0;
}

/* Queues freeze, features stay within the offer, nothing runs without DRIVER_OK. */
static inline void
plays_check (const struct plays *plays)
{
  const struct vmm_virtio *device = plays->steps.driver.device;
  uint32_t status = device->status;
  for (unsigned i = 0; i < TOY_QUEUES; i++) {
    const struct vmm_queue *now = &device->queues[i], *before = &plays->before[i];
    bool same = now->size == before->size && now->desc == before->desc && now->avail == before->avail &&
                now->used == before->used && now->ready == before->ready;
    steps_check (same || !plays->running_before || toy_of (plays->steps.driver.device)->resets != plays->resets_before,
                 "a queue changed while the device ran");
    steps_check (!now->ready || (now->size != 0 && now->size <= TOY_QUEUE_SIZE && (now->size & (now->size - 1)) == 0),
                 "a queue of a wrong size is ready");
  }
  if ((status & VMM_VIRTIO_S_FEATURES_OK) != 0)
    steps_check ((device->features & ~device->offered) == 0 && vmm_virtio__has (device, VMM_VIRTIO_F_VERSION_1),
                 "features outside the offer");
  steps_check (!device->active || (status & 0xcf) == 15, "active in a wrong state");
}

/* The honest way to DRIVER_OK, on rings whose places never change. */
static inline void
plays_begin (struct plays *plays)
{
  const struct registers *guest = &plays->guest;
  struct driver *driver = &plays->steps.driver;
  registers_set_status (guest, 0);
  registers_set_status (guest, 1);
  registers_set_status (guest, 3);
  registers_features (guest, 0, (uint32_t) plays->steps.features);
  registers_features (guest, 1, 1);
  registers_set_status (guest, 11);
  for (unsigned i = 0; i < TOY_QUEUES; i++) {
    struct driver_queue *own = &driver->queues[i];
    registers_select (guest, i);
    registers_set_size (guest, own->size);
    registers_set_ring (guest, REGISTERS_DESC, own->desc);
    registers_set_ring (guest, REGISTERS_AVAIL, own->avail);
    registers_set_ring (guest, REGISTERS_USED, own->used);
    registers_set_ready (guest, 1);
  }
  registers_set_status (guest, 15);
}

static inline void
plays_one (struct plays *plays, uint64_t base, uint64_t size)
{
  struct steps *steps = &plays->steps;
  uint8_t what = (uint8_t) steps_take (steps, 1);
  unsigned len = 1u << (what >> 4 & 3);
  uint64_t at;
  switch (what & 15) {
  case 0:
  case 1:
  case 2:
  case 3:
    at = base + steps_take (steps, 2) % (size - 7);
    fake_write (steps->driver.env->mmio, at, len, steps_take (steps, (what & 0x40) != 0 ? 8 : 1));
    break;
  case 4:
    (void) fake_read (steps->driver.env->mmio, base + steps_take (steps, 2) % (size - 7), len);
    break;
  case 5:
    plays_begin (plays);
    break;
  case 6:
    registers_notify (&plays->guest, (uint32_t) steps_take (steps, 1));
    break;
  case 7:
    registers_set_status (&plays->guest, (uint32_t) steps_take (steps, 1));
    break;
  case 8:
    vmm_virtio__config_changed (steps->driver.device);
    break;
  default:
    /* Descriptors, memory, offers, rounds of the loop; no resets behind the transport's back. */
    if (steps->left > 0 && (steps->data[0] & 15) < 12)
      steps_one (steps);
    break;
  }
}

static inline void
plays_open (struct plays *plays, const uint8_t *data, size_t size, bool pci)
{
  struct steps *steps = &plays->steps;
  *steps = (struct steps){ .data = data, .left = size, .n_queues = TOY_QUEUES };
  driver_open (&steps->driver, VMM_RAM_MIN);
  steps_check (driver_device (&steps->driver, &toy_ops, NULL, NULL) == 0, "realize");
  steps->area = driver_alloc (&steps->driver, STEPS_AREA, 4096);
  for (unsigned i = 0; i < TOY_QUEUES; i++)
    driver_make_queue (&steps->driver, i, (uint16_t) (8u << i));
  steps->features = VMM_VIRTIO_F_INDIRECT | (steps_take (steps, 1) & 1 ? VMM_VIRTIO_F_EVENT_IDX : 0);
  registers_open (&plays->guest, &steps->driver, pci);
}

static inline void
plays_close (struct plays *plays)
{
  for (unsigned i = 0; i < 16; i++)
    vmm_loop__step (plays->steps.driver.env->loop, 0);
  registers_close (&plays->guest);
  driver_close (&plays->steps.driver);
}

#endif
