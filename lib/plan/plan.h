/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan: decides everything about a sandbox before anything exists; pure: opens no file, asks no host. */
#ifndef KATA_PLAN_PLAN_H
#define KATA_PLAN_PLAN_H

#include <kata/sandbox.h>
#include <kata/sys/backend.h>

#include "base/arena.h"
#include "base/error.h"
#include "plan/storage.h"

struct kata_block;
struct kata_config;

/** What the host is like; found out by the caller. */
struct kata_host_facts {
  uint32_t n_cpus;
  uint64_t memory_mib;
  const char *arch;       /* as uname: "x86_64" */
  const char *numa_nodes; /* (nullable): as the kernel lists them, "0-1" */
};

/** What the guest image can do; from its manifest. */
enum kata_guest_feature {
  KATA_GUEST_VIRTIOFS = 1u << 0,
  KATA_GUEST_9P = 1u << 1,
  KATA_GUEST_VSOCK = 1u << 2,
  KATA_GUEST_SERIAL_AGENT = 1u << 3,
  KATA_GUEST_BLOCK = 1u << 4,
  KATA_GUEST_SECCOMP = 1u << 5,
  KATA_GUEST_NET = 1u << 6,
  KATA_GUEST_CGROUP2 = 1u << 7,
  KATA_GUEST_BY_KATA = 1u << 8,    /* the agent finds disks by serial number (KATA_GUEST_DISK_DIR) */
  KATA_GUEST_SCSI = 1u << 9,       /* virtio-scsi, and the agent finds disks on it */
  KATA_GUEST_MMIO_WORDS = 1u << 10 /* the kernel takes virtio-mmio devices from its command line */
};
#define KATA_GUEST_ALL 0x7ffu
struct kata_guest_facts {
  uint64_t features;   /* enum kata_guest_feature; a guest without a manifest: KATA_GUEST_ALL */
  const char *kernel;  /* (nullable): used when the configuration names no kernel */
  const char *initrd;  /* (nullable) */
  const char *image;   /* (nullable) */
  const char *arch;    /* (nullable): as uname has it */
  const char *cmdline; /* (nullable): what this guest wants on its kernel's command line */
};

/** Reads a guest manifest: {"features":["virtio-fs",…],"kernel":…,"initrd":…,"image":…,"cmdline":…}; relative paths are below @dir. Strings live in @arena. */
int kata_guest_facts__parse (struct kata_guest_facts *out, kata_arena *arena, const char *dir, const char *text,
                             size_t len, kata_error **err);

/** The image that the guest's root is on; found out by the caller. */
struct kata_image_facts {
  uint64_t size;    /* bytes, 0 = there is none or it cannot be read */
  bool partitioned; /* its root is the first partition, as in Kata's images */
};

struct kata_plan_input {
  const struct kata_config *config;    /* annotations are already merged */
  const char *hypervisor;              /* the backend's name */
  const kata_capabilities *caps;       /* what its probe said */
  const kata_sandbox_options *options; /* id set */
  const char *state_dir;               /* absolute */
  struct kata_host_facts host;
  struct kata_guest_facts guest;
  struct kata_image_facts image;
  const int64_t *groups; /* (nullable): IOMMU groups of the options' host_devices, in their order; -1 = none */
  const struct kata_block *blocks; /* block devices of the host that the first container brings: disks from the start */
  size_t n_blocks;
};

enum kata_network_mode {
  KATA_NETWORK_NONE = 0,
  KATA_NETWORK_NETNS,
  KATA_NETWORK_NEW,
  KATA_NETWORK_USER,
  KATA_NETWORK_DAN
};
enum kata_network_model { KATA_NETWORK_MODEL_TCFILTER = 0, KATA_NETWORK_MODEL_MACVTAP, KATA_NETWORK_MODEL_NONE };
/** In the sandbox's directory: the namespace of mode NEW. */
#define KATA_NETWORK_NEW_NAME "netns"
/** What passt gives the guest. */
#define KATA_NETWORK_USER_ADDRESS "10.0.2.15"
#define KATA_NETWORK_USER_PREFIX  24
#define KATA_NETWORK_USER_GATEWAY "10.0.2.2"
#define KATA_NETWORK_USER_DNS     "10.0.2.3"

struct kata_network_plan {
  int32_t mode;     /* enum kata_network_mode */
  const char *path; /* NETNS, NEW: of the namespace; DAN: of the file that describes the devices; else "" */
  int32_t model;    /* enum kata_network_model */
  uint32_t queues;  /* of each device */
  bool vhost;       /* by /dev/vhost-net, if it can be opened */
  bool by_name;     /* taps stay when we let go of them: the VMM opens them itself */
};

/** Everything about a sandbox; immutable, reference-counted; all strings belong to it. */
typedef struct kata_plan kata_plan;
struct kata_plan {
  int ref_count;     /* internal */
  kata_arena *arena; /* internal */
  const char *id;
  const char *hypervisor;
  kata_vm_plan vm; /* what the backend sees */
  struct kata_network_plan network;
  const char
      *share_dir; /* host: what the guest sees of it appears below KATA_GUEST_SHARE_DIR; "" when nothing is shared */
  /* CreateSandbox */
  const char *hostname;
  char **dns; /* NULL-terminated, may be NULL */
  const char *guest_hook_path;
  char **kernel_modules; /* "name param=value …", may be NULL */
  struct kata_storage *storages;
  size_t n_storages;
  bool guest_seccomp; /* seccomp profiles go to the guest */
  uint64_t guest_features;
  /* milliseconds; what KATA_TIMEOUT_DEFAULT means */
  int64_t start_timeout_ms, request_timeout_ms, create_container_timeout_ms, stop_timeout_ms;
  /* The host's cgroup for the VMM and its helpers: below the root of each hierarchy; "" = where the caller is. */
  const char *cgroup;
  bool cgroup_caller;             /* the process that starts the sandbox enters it too */
  uint32_t cgroup_cpu_milli;      /* 1000 = one CPU; 0 = no limit */
  uint32_t cgroup_overhead_milli; /* what of it is the machine's own */
  const char *share_reason;       /* (nullable): why nothing is shared */
  const char *pack_dir; /* host: where trees are gathered that go into an image, below vm.dir; "" = there are none */
  bool disks_by_order;  /* the guest knows disks by their order only */
  char **warnings;      /* NULL-terminated, may be NULL */
  uint32_t
      grow_cpu_milli; /* what the machine has beside its containers' limits, which it follows: 1000 = one CPU; 0 = it follows none */
  uint64_t grow_memory_mib;
  bool no_block_devices; /* containers get none of the host's as root or volume */
  bool ports_by_mode;    /* for later disks: odd ones of disk_ports take those that are written to, even ones others */
  const char *vhost_store; /* Kata's store of vhost-user servers, for disks that come later; "" = none is used */
};

/** KATA_E_INVALID, KATA_E_CONFIG, KATA_E_UNSUPPORTED, KATA_E_LIMIT, KATA_E_GUEST; the key names the option or configuration key. */
int kata_plan__make (kata_plan **out, const struct kata_plan_input *in, kata_error **err);
kata_plan *kata_plan__ref (kata_plan *plan);
void kata_plan__unref (kata_plan *plan); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_plan, kata_plan__unref)

/** A disk that comes later, as the plan's own: what its caller says, checked, in @arena. KATA_E_INVALID. */
int kata_plan__disk (kata_vm_disk **out, kata_arena *arena, const kata_disk *disk, kata_error **err);
/** A device of the host that comes later, likewise. @container: for one, and with an id that no caller's device can have. KATA_E_UNSUPPORTED. */
int kata_plan__late_host_device (kata_vm_host_device **out, kata_arena *arena, const kata_host_device *device,
                                 int64_t group, bool container, kata_error **err);
/** Does it have such an id? */
bool kata_plan__is_container_host (const kata_vm_host_device *device);
/** The disk of this id in a NULL-terminated list (nullable), or NULL. */
const kata_vm_disk *kata_plan__disk_named (const kata_vm_disk *const *disks, const char *id);

/** The plan as JSON, for people and golden tests; kata_free(). */
char *kata_plan__to_json (const kata_plan *plan);

/**
 * The few fields that a backend's probe looks at (program, machine, boot, share), before there are capabilities. Strings live in @arena.
 */
int kata_plan__probe (kata_vm_plan *out, kata_arena *arena, const struct kata_config *config, const char *hypervisor,
                      const struct kata_guest_facts *guest, kata_error **err);

#endif
