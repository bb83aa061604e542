/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine: one virtual machine from its description to its end: acquire, build, confine, run. */
#ifndef KATA_VMM_MACHINE_H
#define KATA_VMM_MACHINE_H

#include "vmm/virtio/balloon.h"
#include "vmm/virtio/blk.h"
#include "vmm/virtio/console.h"
#include "vmm/virtio/fs.h"
#include "vmm/virtio/net.h"
#include "vmm/virtio/pmem.h"
#include "vmm/virtio/vsock.h"

#define VMM_VCPUS_MAX 32
#define VMM_DISKS_MAX 16
#define VMM_NETS_MAX  8
#define VMM_FS_MAX    4
#define VMM_PMEM_MAX  4

enum vmm_transport { VMM_TRANSPORT_MMIO = 0, VMM_TRANSPORT_PCI };

/** A thread says which it is when it confines itself. */
enum vmm_thread { VMM_THREAD_VCPU = 0, VMM_THREAD_LOOP, VMM_THREAD_DISK };

/**
 * What a machine is made of. Plain data; every file, socket and device is an open descriptor (the caller's; the machine takes dups where it
 * says so and needs none to be reopened), so that a machine can be made where nothing can be opened.
 */
struct vmm_machine_config {
  size_t size;
  int kvm_fd; /* /dev/kvm */
  unsigned vcpus;
  uint64_t memory; /* bytes */
  unsigned memory_flags;
  int kernel_fd, initrd_fd; /* initrd -1 = none */
  const char *cmdline;
  enum vmm_transport transport;

  int serial_fd; /* -1 = the port is there, what it says is lost */
  uint64_t serial_limit;
  bool rng;
  bool has_balloon, has_vsock, has_console;
  struct vmm_balloon_config balloon;
  struct vmm_vsock_config vsock;
  struct vmm_console_config console;
  size_t n_disks, n_nets, n_fs, n_pmem;
  struct vmm_blk_config disks[VMM_DISKS_MAX]; /* vda, vdb, … in this order */
  struct vmm_net_config nets[VMM_NETS_MAX];
  struct vmm_fs_config fs[VMM_FS_MAX];
  struct vmm_pmem_config pmem[VMM_PMEM_MAX];

  /** Called on each thread when it has all it needs and before anything of the guest's is looked at: seccomp. May be NULL. */
  int (*confine) (void *ctx, enum vmm_thread thread, kata_error **err);
  void (*log) (void *ctx, const char *device, const char *message); /* nullable, any thread */
  void *ctx;
};

/** Why a machine ended. */
enum vmm_exit_reason {
  VMM_EXIT_RUNNING = 0,
  VMM_EXIT_POWEROFF,     /* the guest, S5 */
  VMM_EXIT_RESET,        /* the guest asked for a reset: reboot, or panic with panic=-1 */
  VMM_EXIT_TRIPLE_FAULT, /* KVM_EXIT_SHUTDOWN */
  VMM_EXIT_STOPPED,      /* vmm_machine__stop() */
  VMM_EXIT_KVM,          /* KVM_EXIT_INTERNAL_ERROR, FAIL_ENTRY, an ioctl that failed: see text */
  VMM_EXIT_CONFINE,      /* a thread could not confine itself */
  VMM_EXIT_SERVER,       /* a process that serves a device is gone: virtiofsd */
};

struct vmm_exit {
  enum vmm_exit_reason reason;
  int vcpu;       /* -1 = none */
  char text[200]; /* a sentence: "vCPU 0: KVM_EXIT_FAIL_ENTRY, hardware reason 0x80000021" */
};

struct vmm_machine;

/** Acquire and build: RAM, KVM's VM and vCPUs, devices, tables, kernel. Nothing runs yet. All wrong input is an error from here. */
int vmm_machine__new (struct vmm_machine **out, const struct vmm_machine_config *config, kata_error **err);
/** Confine and run: makes the vCPU threads, confines each and the calling thread, runs the loop on it until the machine ended. @exit is always filled. */
int vmm_machine__run (struct vmm_machine *machine, struct vmm_exit *exit, kata_error **err);
/** All threads have ended before. */
void vmm_machine__free (struct vmm_machine *machine);

/**
 * The device lock. Callbacks of the machine's loop have it already (so a control socket served there calls the verbs below directly); every other
 * thread takes it around them. Not recursive.
 */
void vmm_machine__lock (struct vmm_machine *machine);
void vmm_machine__unlock (struct vmm_machine *machine);

/* While it runs, device lock held. Pause lets go of the lock while it waits (a condition variable), so that vCPUs can finish what they are at. */
int vmm_machine__pause (struct vmm_machine *machine, kata_error **err); /* returns when no vCPU runs and devices rest */
int vmm_machine__resume (struct vmm_machine *machine, kata_error **err);
void vmm_machine__press_power (struct vmm_machine *machine);
/** KATA_E_UNSUPPORTED without a balloon. */
int vmm_machine__balloon (struct vmm_machine *machine, uint64_t pages, kata_error **err);

/* Any thread, with the lock or without. */
void vmm_machine__stop (struct vmm_machine *machine); /* at once, from any state; may be before vmm_machine__run() */

/** For a control socket that is served by the machine's loop. */
struct vmm_loop *vmm_machine__loop (struct vmm_machine *machine);

struct vmm_stats {
  uint64_t exits;                 /* of all vCPUs, from KVM_RUN to us */
  uint64_t exits_mmio, exits_pio; /* of these */
  int64_t first_run_ns;           /* CLOCK_MONOTONIC of the first KVM_RUN */
  uint64_t balloon_pages;
};
void vmm_machine__stats (struct vmm_machine *machine, struct vmm_stats *out); /* device lock held */

#endif
