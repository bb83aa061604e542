/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* backend: what an author of a hypervisor adapter implements and is given; programs that run containers need none of it. */
#ifndef KATA_SYS_BACKEND_H
#define KATA_SYS_BACKEND_H

#include <kata/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The interface's number; the library refuses a backend with another one. Structs grow at the end, by their size field. */
#define KATA_BACKEND_ABI 1u

/**
 * The name under which a .so for kata_runtime_load_backend() exports its table: a variable of type kata_backend, const, visible, and as long as its size
 * field says.
 */
#define KATA_BACKEND_SYMBOL "kata_backend_plugin"

/* ---- capabilities ---- */

/** What a backend can do on this host. The names printed are those of kata_capability_name(). */
enum kata_capability {
  KATA_CAP_RUN = 0, /* can start a guest here at all */
  KATA_CAP_KVM,     /* with hardware virtualization */
  KATA_CAP_FS_SHARE_VIRTIOFS,
  KATA_CAP_FS_SHARE_9P,
  KATA_CAP_BLOCK, /* disks that are there from the start */
  KATA_CAP_BLOCK_HOTPLUG,
  KATA_CAP_NET,
  KATA_CAP_NET_HOTPLUG,
  KATA_CAP_VFIO,
  KATA_CAP_CPU_RESIZE,
  KATA_CAP_MEMORY_RESIZE,
  KATA_CAP_PAUSE,
  KATA_CAP_SNAPSHOT,
  KATA_CAP_VSOCK_VHOST,  /* AF_VSOCK through the host kernel */
  KATA_CAP_VSOCK_HYBRID, /* a unix socket with the CONNECT protocol */
  KATA_CAP_AGENT_SERIAL, /* the agent over virtio-serial ports */
  KATA_CAP_CONFIDENTIAL,
  KATA_CAP_NET_STREAM, /* a network device over a stream socket, for networks in user space */
  KATA_CAP_NET_VHOST,  /* the host kernel moves a tap's frames: /dev/vhost-net */
  KATA_CAP_NET_BY_NAME, /* a tap is opened by its name, by the VMM itself, which is started in the pod's network namespace */
  KATA_CAP_BLOCK_BY_ORDER, /* the guest can tell disks by their order only: /dev/vda is the first; with BLOCK_HOTPLUG the places are there from the start */
  KATA_CAP_BLOCK_PORT_MODES, /* a port takes later disks of one kind only: odd ones those that are written to, even ones read-only ones */
  KATA_CAP_VHOST_USER,   /* disks and network devices whose other end is a program behind a unix socket */
  KATA_CAP_VFIO_HOTPLUG, /* the VMM can; whether this host has devices to give is looked at when one is added */
  KATA_CAP_COUNT
};

/** Filled by probe. A capability is there, or `reason[cap]` (owned by the library, set through `lack`) says why it is not. */
typedef struct kata_capabilities {
  size_t size;
  uint64_t have; /* bit per enum kata_capability */
  uint32_t max_vcpus;
  uint64_t max_memory_mib;
  char version[64]; /* of the VMM, "" if it has none */
  char path[512];   /* the program that would be started, "" if in process */
  char reason[KATA_CAP_COUNT][200];
} kata_capabilities;

/* ---- the plan: what a VM must be, decided before anything exists; immutable while a backend sees it ---- */

/** Who runs the guest's instructions. */
enum kata_accel { KATA_ACCEL_AUTO = 0, KATA_ACCEL_KVM, KATA_ACCEL_TCG };
/** How guest and host share a directory. */
enum kata_share_kind { KATA_SHARE_NONE = 0, KATA_SHARE_VIRTIOFS, KATA_SHARE_9P };
/** Where the built-in microVMM runs: in a jailed helper process, or in threads of the calling one. */
enum kata_isolation { KATA_ISOLATION_PROCESS = 0, KATA_ISOLATION_THREAD };
/** How the library reaches the guest's agent. */
enum kata_agent_kind { KATA_AGENT_VSOCK = 0, KATA_AGENT_HYBRID, KATA_AGENT_SERIAL, KATA_AGENT_NULL };

/** A disk. */
typedef struct kata_vm_disk {
  size_t size;
  const char *id;   /* serial number in the guest, [a-z0-9-]{1,20} */
  const char *path; /* on the host: a regular file or block device, raw format; never probed */
  int32_t readonly;
  uint64_t port; /* 0 = there from the start; else in which of the plan's disk_ports it came later, from 1 */
  uint64_t
      vhost_user; /* 1 = @path is the socket of a vhost-user-blk server; the guest sees that one's serial number, not @id */
} kata_vm_disk;

/** How the image of the guest's root is attached. */
enum kata_image_driver { KATA_IMAGE_BLK = 0, KATA_IMAGE_NVDIMM, KATA_IMAGE_PMEM };

/** How other disks are. */
enum kata_block_driver { KATA_BLOCK_BLK = 0, KATA_BLOCK_SCSI };

/** What keeps the guest's memory from the host. */
enum kata_confidential { KATA_CONFIDENTIAL_NONE = 0, KATA_CONFIDENTIAL_SNP, KATA_CONFIDENTIAL_TDX };

/** What a network device is connected to on the host. */
enum kata_nic_kind { KATA_NIC_TAP = 0, KATA_NIC_STREAM, KATA_NIC_VHOST_USER };

/** A network device. Its descriptors come with the surroundings of launch. */
typedef struct kata_vm_nic {
  size_t size;
  int32_t kind;       /* enum kata_nic_kind */
  const char *name;   /* in the guest and in the pod's namespace */
  const char *device; /* the tap on the host; "" = none */
  const char *mac;    /* "02:42:ac:11:00:02" */
  uint32_t mtu;
  uint32_t queues;     /* pairs; one descriptor each */
  int32_t vhost;       /* each queue also has a descriptor of /dev/vhost-net */
  uint32_t port;       /* 0 = there from the start; else in which of the plan's nic_ports it came later, from 1 */
  const char *socket;  /* VHOST_USER: of the vhost-user-net server, which has no descriptors here; else "" */
  uint64_t queue_size; /* VHOST_USER: 0 = the backend's default */
} kata_vm_nic;

/** Of what kind the places are that QEMU puts a host's devices into. */
enum kata_device_bus { KATA_DEVICE_BUS_ROOT = 0, KATA_DEVICE_BUS_SWITCH };

/** A device of the host that the guest gets as it is; KATA_CAP_VFIO. */
typedef struct kata_vm_host_device {
  size_t size;
  const char *id;      /* [a-z0-9-]{1,20}; the guest does not see it */
  const char *address; /* on the host's PCI bus: "0000:01:00.0" */
  int64_t group;       /* its IOMMU group when the sandbox was planned; -1 = it had none then */
  uint64_t port;       /* 0 = there from the start; else in which of the plan's host_ports it came later, from 1 */
} kata_vm_host_device;

/** What the machine shall be. A backend reads it during a call and keeps no pointer into it. */
typedef struct kata_vm_plan {
  size_t size;
  const char *id;  /* of the sandbox */
  const char *dir; /* the sandbox's directory; sockets, logs and pid files go into it */
  /* program */
  const char *hypervisor_path; /* "" = the backend's own choice from PATH */
  const char *machine_type;    /* "" = the backend's default */
  const char *machine_accelerators;
  const char *cpu_features;
  const char *seccomp_sandbox; /* QEMU: value of -sandbox, "" = the backend's strict default, "off" = none */
  int32_t accel;               /* enum kata_accel, never AUTO here */
  int32_t debug;               /* keep more of the console */
  /* size */
  uint32_t vcpus, max_vcpus;
  uint64_t memory_mib, max_memory_mib;
  int32_t hugepages, prealloc;
  /* boot */
  const char *kernel, *initrd, *image, *firmware; /* "" = not given; initrd or image */
  const char *image_fstype;
  const char *cmdline; /* complete, the backend adds only what its own devices need (console=, root=) */
  /* the directory that guest and host share, and how */
  int32_t share_kind; /* enum kata_share_kind */
  const char *share_dir, *share_tag;
  const char *virtiofsd_path, *virtiofs_cache;
  uint32_t virtiofs_queue_size, virtiofs_cache_mib;
  const char *const *virtiofsd_args; /* NULL-terminated, from the configuration only */
  uint32_t msize_9p;
  /* disks */
  const kata_vm_disk *const *disks; /* NULL-terminated */
  int32_t block_aio;                /* 0 threads, 1 native, 2 io_uring */
  int32_t block_cache_direct;
  /* the agent's channel */
  int32_t agent_kind;          /* enum kata_agent_kind */
  uint32_t agent_cid;          /* vsock: guest CID, 0 = the backend takes a free one */
  uint32_t agent_port;         /* vsock: 1024 */
  uint32_t agent_serial_ports; /* serial: how many host processes can talk at once */
  /* the rest */
  const char *entropy_source; /* "" = none */
  int32_t memory_reporting;   /* balloon with free page reporting */
  uint32_t null_fail_at;      /* null backend: which call fails, 0 = none */
  /* the built-in microVMM */
  int32_t isolation;                /* enum kata_isolation */
  const char *const *confine_waive; /* NULL-terminated: layers of the jail that may be missing */
  /* each disk */
  uint32_t block_queues, block_queue_size; /* 0 = the backend's default */
  uint64_t disk_bytes, disk_bytes_once;    /* a second, 0 = no limit; and what it may have besides, once */
  uint64_t disk_ops, disk_ops_once;
  /* the network; known when the machine is launched, not before */
  const kata_vm_nic *const *nics; /* NULL-terminated */
  uint32_t nic_ports;             /* how many more can come while the guest runs */
  const char *netns; /* the pod's network namespace, for a VMM that asks after taps by their names; "" = none */
  uint64_t nic_rx_bytes, nic_tx_bytes; /* of each device, a second; what the guest receives and sends; 0 = no limit */
  /* a jail that a program of the VMM's makes; "" = none */
  const char *jailer_path;
  uint32_t jailer_uid, jailer_gid;
  /* of each network device and direction, as for disks above */
  uint64_t nic_bytes, nic_bytes_once, nic_ops, nic_ops_once;
  /* QEMU's */
  const char *firmware_volume; /* "" = none */
  const char *const *flashes;  /* NULL-terminated, may be NULL */
  int32_t iommu, iommu_platform, io_threads, no_nesting, block_no_flush;
  uint32_t block_logical_size, block_physical_size; /* 0 = the backend's default */
  const char *arch;                                 /* the guest's, as uname has it: "aarch64"; "" = the host's */
  uint32_t disk_ports;                              /* how many more disks can come while the guest runs */
  uint32_t image_partition;                         /* of the image: which one is the root; 0 = all of it */
  uint64_t image_size;                              /* bytes of the image; 0 = not known */
  int32_t image_driver, block_driver;               /* enum kata_image_driver, enum kata_block_driver; QEMU's */
  /* memory that comes while the guest runs */
  uint64_t memory_slots;   /* how many times; QEMU's DIMMs */
  int32_t virtio_mem;      /* by a virtio-mem device, not by ACPI */
  const char *const *numa; /* NULL-terminated, may be NULL: of each node of the guest those of the host, "0-1,3" */
  int32_t confidential;    /* enum kata_confidential */
  uint32_t tdx_quote_port; /* vsock, 0 = the service's unix socket */
  uint64_t snp_policy;
  const char *snp_id_block, *snp_id_auth; /* base64; "" = none */
  const char *control_path;               /* ACRN's acrnctl; "" = the backend's own choice */
  /* devices of the host; while there are any the guest's memory is locked, and memory_reporting is off */
  const kata_vm_host_device *const *host_devices; /* NULL-terminated, may be NULL */
  uint32_t host_bus;                              /* enum kata_device_bus; QEMU's */
  uint32_t host_switch_ports;                     /* of a switch; 0 = one for each device */
  /* vhost-user */
  uint64_t memory_shared;        /* other processes map the guest's memory, or may later */
  uint64_t vhost_user_reconnect; /* seconds between attempts at a server that went; 0 = none is made */
  /* devices of the host that come later */
  uint64_t host_ports; /* how many; where it is not 0 the guest's memory can be locked, and memory_reporting is off */
  uint64_t host_late_bus; /* enum kata_device_bus; QEMU's */
} kata_vm_plan;

/* ---- what the library gives to a backend's calls ---- */

/** What kind of thing a kata_undo names. */
enum kata_undo_kind {
  KATA_UNDO_PROCESS = 0,
  KATA_UNDO_FILE,
  KATA_UNDO_DIR,
  KATA_UNDO_MOUNT,
  KATA_UNDO_QDISC, /* the library's own: an ingress qdisc in a network namespace */
  KATA_UNDO_LINK   /* the library's own: a link in a network namespace */
};

/** One thing on the host that must go away again; written to the journal before the thing is made. */
typedef struct kata_undo {
  size_t size;
  int32_t kind;     /* enum kata_undo_kind */
  const char *role; /* "qemu", "virtiofsd", … */
  const char *path; /* FILE, DIR, MOUNT; QDISC, LINK: the namespace */
  int64_t pid;      /* PROCESS; QDISC: the interface's index */
  uint64_t
      start_time; /* PROCESS: field 22 of /proc/PID/stat, so that a reused pid is never signalled; QDISC, LINK: the namespace's inode */
} kata_undo;

/** The surroundings of one call: its deadline, the journal, the log. Valid until the call returns. */
typedef struct kata_backend_env {
  size_t size;
  int64_t deadline_us; /* CLOCK_MONOTONIC; every blocking call ends by then with KATA_E_TIMEOUT; INT64_MAX = none */
  void *journal;
  int (*record) (void *journal, const kata_undo *undo, kata_error **err);
  void *log_data;
  void (*log) (void *log_data, int level, const char *message); /* levels: enum kata_log_level */
  void *runtime_data;                                           /* what the backend's open() returned */
  /* launch: borrowed descriptors for the plan's nics, one for each queue, in their order; and as many of /dev/vhost-net for those that have it */
  const int *nic_fds;
  size_t n_nic_fds;
  const int *vhost_fds;
  size_t n_vhost_fds;
} kata_backend_env;

/** A byte stream to the agent; the same shape as ttrpc's. Whoever gets it calls @close once. */
typedef struct kata_stream {
  void *ctx;
  int64_t (*read) (void *ctx, void *buf, size_t len);
  int64_t (*write) (void *ctx, const void *buf, size_t len);
  void (*shutdown) (void *ctx);
  void (*close) (void *ctx);
} kata_stream;

/**
 * struct kata_backend:
 * One hypervisor. Const, registered explicitly. A NULL verb means "unsupported". The library checks state, arguments and deadline around each
 * call, serialises the calls on one VM (except @connect, @exit_fd and @why), and calls none of them under a lock of a public handle's user.
 * Every int returns 0 or a negative kata_error_code with *err set.
 */
typedef struct kata_backend {
  size_t size;
  uint32_t abi;
  const char *name;

  /** Once per runtime: state shared by its VMs; NULL result is fine. */
  int (*open) (void **runtime_data, kata_error **err);
  void (*close) (void *runtime_data);

  /** What is possible here? Starts nothing that outlives the call. @plan carries only the program, boot and share fields. */
  int (*probe) (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err);
  /** Pure: the plan in the VMM's words, as a JSON text to be released with kata_free(). Opens nothing. */
  int (*translate) (const kata_vm_plan *plan, char **json, kata_error **err);

  /** Make and start the VM; on failure everything made is recorded in the journal, and the library undoes it. */
  int (*launch) (void **vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err);
  /** JSON text from which @attach can find the VM again from another process. */
  int (*save) (void *vm, char **json, kata_error **err);
  int (*attach) (void **vm, const kata_vm_plan *plan, const char *saved, const kata_backend_env *env, kata_error **err);
  /** A new connection to the agent; retries until the guest listens, the VM ends or the deadline passes. */
  int (*connect) (void *vm, kata_stream *out, const kata_backend_env *env, kata_error **err);

  int (*pause) (void *vm, const kata_backend_env *env, kata_error **err);
  int (*resume) (void *vm, const kata_backend_env *env, kata_error **err);
  /** Orderly within @grace_ms, then by force; returns when the VM and its helpers are gone. */
  int (*stop) (void *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err);

  /** A descriptor that polls readable once the VM has ended (a pidfd); owned by the VM. -1 = none. */
  int (*exit_fd) (void *vm);
  /** Why it ended, as far as known: exit status, last lines of its standard error; kata_free(). */
  char *(*why) (void *vm);
  /** Host process ids, the VMM's first; 0-terminated, at most @max. Returns how many. */
  size_t (*pids) (void *vm, int64_t *pids, size_t max);

  /** Release the handle; the VM goes on. */
  void (*detach) (void *vm);
  /** An optional table by name, or NULL. */
  const void *(*query) (const char *interface_name);
} kata_backend;

/** The name by which @query is asked for a kata_backend_network. */
#define KATA_BACKEND_NETWORK "network/1"

/**
 * struct kata_backend_network:
 * Network devices of a running guest; KATA_CAP_NET_HOTPLUG. The guest is told of addresses by its agent afterwards. Both calls are serialised with the
 * others on one VM.
 */
typedef struct kata_backend_network {
  size_t size;
  /** Puts @nic into its port, which is free. Descriptors are borrowed: env's nic_fds, one for each queue, and vhost_fds. On failure nothing is left. */
  int (*add) (void *vm, const kata_vm_nic *nic, const kata_backend_env *env, kata_error **err);
  /** Takes it out and closes its descriptors. One that is not there is no failure. KATA_E_TIMEOUT when the guest does not let go of it. */
  int (*remove) (void *vm, const kata_vm_nic *nic, const kata_backend_env *env, kata_error **err);
} kata_backend_network;

/** The name by which @query is asked for a kata_backend_disk. */
#define KATA_BACKEND_DISK "disk/1"

/**
 * struct kata_backend_disk:
 * Disks of a running guest; KATA_CAP_BLOCK_HOTPLUG. Both calls are serialised with the others on one VM.
 */
typedef struct kata_backend_disk {
  size_t size;
  /** Puts @disk into its port, which is free. On failure nothing is left. */
  int (*add) (void *vm, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err);
  /** Takes it out and closes its file. One that is not there is no failure. KATA_E_TIMEOUT when the guest does not let go of it. */
  int (*remove) (void *vm, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err);
  /**
   * Where the guest has a disk of the plan's, or one that came later: the slots of the bridges on the way and of the device, "03/00"; kata_free(). Asked
   * for those whose serial number is not their id (vhost_user); a backend without KATA_CAP_VHOST_USER may leave it out.
   */
  int (*place) (void *vm, const kata_vm_disk *disk, char **path, const kata_backend_env *env, kata_error **err);
} kata_backend_disk;

/** The name by which @query is asked for a kata_backend_host_device. */
#define KATA_BACKEND_HOST_DEVICE "host-device/1"

/**
 * struct kata_backend_host_device:
 * Devices of the host that come to a running guest; KATA_CAP_VFIO_HOTPLUG. Both calls are serialised with the others on one VM. That the host can give
 * the device was looked at before; the backend opens it.
 */
typedef struct kata_backend_host_device {
  size_t size;
  /** Puts @device into its port, which is free. On failure nothing is left. */
  int (*add) (void *vm, const kata_vm_host_device *device, const kata_backend_env *env, kata_error **err);
  /** Takes it out. One that is not there is no failure. KATA_E_TIMEOUT when the guest does not let go of it. */
  int (*remove) (void *vm, const kata_vm_host_device *device, const kata_backend_env *env, kata_error **err);
} kata_backend_host_device;

/** The name by which @query is asked for a kata_backend_resize. */
#define KATA_BACKEND_RESIZE "resize/1"

/**
 * struct kata_backend_resize:
 * The size of a running guest, within the plan's max_vcpus and max_memory_mib; KATA_CAP_CPU_RESIZE, KATA_CAP_MEMORY_RESIZE. A verb that is NULL is one
 * that the VMM lacks. The guest is told to use what came by its agent afterwards. Serialised with the other calls on one VM.
 */
typedef struct kata_backend_resize {
  size_t size;
  /**
   * @now: what the guest has afterwards, which may be more than asked for where a VMM cannot take away. After a failure too where that is known; else it
   * is left alone.
   */
  int (*vcpus) (void *vm, uint32_t vcpus, uint32_t *now, const kata_backend_env *env, kata_error **err);
  int (*memory) (void *vm, uint64_t mib, uint64_t *now, const kata_backend_env *env, kata_error **err);
  /** What there is, after a call that asked for less and failed: the guest may have followed later. *vcpus is 0 where some are still to go. NULL = not known. */
  int (*tell) (void *vm, uint32_t *vcpus, uint64_t *mib, const kata_backend_env *env, kata_error **err);
} kata_backend_resize;

/** The name by which @query is asked for a kata_backend_snapshot. */
#define KATA_BACKEND_SNAPSHOT "snapshot/1"

/**
 * struct kata_backend_snapshot:
 * A guest in files; KATA_CAP_SNAPSHOT. Serialised with the other calls on one VM.
 */
typedef struct kata_backend_snapshot {
  size_t size;
  /** Writes the guest, which is paused and stays so, into the empty directory @dir. On failure the caller empties it. */
  int (*save) (void *vm, const char *dir, const kata_backend_env *env, kata_error **err);
  /** As launch, but the guest is that of @dir, and paused; @plan is the one it was launched with, but for its id and directory. */
  int (*restore) (void **vm, const kata_vm_plan *plan, const char *dir, const kata_backend_env *env, kata_error **err);
} kata_backend_snapshot;

/** The name by which @query is asked for a kata_backend_counters. */
#define KATA_BACKEND_COUNTERS "counters/1"

/**
 * struct kata_backend_counters:
 * What the VMM counts of itself and its devices. Serialised with the other calls on one VM.
 */
typedef struct kata_backend_counters {
  size_t size;
  /**
   * A JSON object of objects of whole numbers, device → counter → value, at most 1 MiB; kata_free(). An object in a counter's place is read as several
   * counters; what is something else is passed over. Within a short deadline.
   */
  int (*read) (void *vm, char **json, const kata_backend_env *env, kata_error **err);
} kata_backend_counters;

/**
 * kata_capability_name:
 * The name of a capability, for example "fs-sharing" or "block-hotplug".
 * @capability: an enum kata_capability
 * Returns: (transfer none): a static string; "unknown" for other numbers
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API const char *kata_capability_name (int capability);

#ifdef __cplusplus
}
#endif
#endif
