/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine-parts: the machine from inside, for machine*.c alone. */
#ifndef KATA_VMM_MACHINE_PARTS_H
#define KATA_VMM_MACHINE_PARTS_H

#include "vmm/boot.h"
#include "vmm/crew.h"
#include "vmm/machine.h"
#include "vmm/pci/pci.h"
#include "vmm/virtio/transport.h"

/* A board device and its instance, or nothing. */
struct vmm_board_device {
  const struct vmm_device_ops *ops;
  void *self;
};
enum { VMM_BOARD_POWER = 0, VMM_BOARD_RTC, VMM_BOARD_SERIAL, VMM_BOARD_MAX };

/* A virtio device behind one of the two transports. */
struct vmm_slot {
  struct vmm_virtio *device;
  struct vmm_virtio_mmio *mmio;
  struct vmm_virtio_pci *pci;
  vmm_gpa mmio_base;
};
/* rng, balloon, vsock, console and the lists */
#define VMM_SLOTS_MAX (4 + VMM_DISKS_MAX + VMM_NETS_MAX + VMM_FS_MAX + VMM_PMEM_MAX)

/* A file that is guest memory. */
struct vmm_mapping {
  void *host;
  uint64_t size;
};

/* Messages of devices that were let through in this second, for each device that says any. */
#define VMM_LOG_DEVICES 16
struct vmm_log_budget {
  const char *device;
  int64_t second;
  unsigned said, dropped;
};

struct vmm_machine {
  struct vmm_machine_config config;
  pthread_mutex_t lock; /* the device lock: all below but what says otherwise */

  struct vmm_memory memory;
  struct vmm_kvm kvm;
  struct vmm_irqchip *irqchip;
  struct vmm_bus *mmio, *pio;
  struct vmm_loop *loop;
  struct vmm_env env;
  struct vmm_crew *crew;
  vmm_gpa high_base;

  struct vmm_board_device board[VMM_BOARD_MAX];
  struct vmm_pci_root *pci;
  size_t n_slots;
  struct vmm_slot slots[VMM_SLOTS_MAX];
  struct vmm_virtio *balloon; /* one of slots */
  size_t n_mappings;
  struct vmm_mapping mappings[VMM_PMEM_MAX];

  bool paused;
  struct vmm_exit exit; /* the first reason stays */
  struct vmm_log_budget log[VMM_LOG_DEVICES];
};

/* machine-check.c: what a description must fulfil before anything is made. */
int vmm_machine__check (const struct vmm_machine_config *config, kata_error **err);
/* machine-devices.c */
int vmm_machine__add_board (struct vmm_machine *machine, kata_error **err);
int vmm_machine__add_devices (struct vmm_machine *machine, kata_error **err);
void vmm_machine__remove_devices (struct vmm_machine *machine); /* and the board */
/* machine-pmem.c */
int vmm_machine__map_pmem (struct vmm_machine *machine, kata_error **err); /* fills base and size of config.pmem */
void vmm_machine__unmap_pmem (struct vmm_machine *machine);
/* machine-log.c: env.log; lock held or before the machine runs. */
void vmm_machine__log (void *ctx, const char *device, const char *message);
/* machine.c: the machine ends; the first reason counts. Lock held. */
void vmm_machine__end (struct vmm_machine *machine, const struct vmm_exit *exit);

#endif
