/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sandbox: one virtual machine for the containers of one pod: create, start, pause, stop, re-attach, events. */
#ifndef KATA_SANDBOX_H
#define KATA_SANDBOX_H

#include <kata/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A sandbox: a handle, reference-counted; any number of them, in any process, may stand for the same sandbox. */
typedef struct kata_sandbox kata_sandbox;

/** States; the numbers are stable. */
enum kata_state {
  KATA_STATE_CREATED = 1, /* planned and recorded, nothing runs */
  KATA_STATE_RUNNING = 2,
  KATA_STATE_PAUSED = 3,
  KATA_STATE_STOPPED = 4 /* ended; only delete is left */
};

/** A disk that the VM has from its start, or gets while it runs (kata_sandbox_add_disk()). */
typedef struct kata_disk {
  size_t size;
  const char *id; /* [a-z0-9-]{1,20}; containers name it in kata_container_options.rootfs_disk */
  const char
      *path; /* absolute: a regular file or block device with a raw file system; with KATA_DISK_VHOST_USER a socket */
  uint32_t flags; /* enum kata_disk_flags */
} kata_disk;
/** Of a disk. */
enum kata_disk_flags {
  KATA_DISK_READONLY = 1, /* with the next: its server must say so too */
  KATA_DISK_VHOST_USER =
      2 /* @path is where a vhost-user-blk server listens, which can read and write all of the guest's memory */
};

/** A PCI device of the host that the guest gets as it is, through VFIO. The administrator has bound it to vfio-pci: libkata does not (docs/devices.md). */
typedef struct kata_host_device {
  size_t size;
  const char *id;      /* (nullable): [a-z0-9-]{1,20}; NULL = one made of the address */
  const char *address; /* as `lspci -D` has it: "0000:01:00.0"; or "/dev/vfio/N": all of that IOMMU group */
  uint64_t flags;      /* 0 */
} kata_host_device;

struct kata_container_options;

/** What a sandbox shall be. Fields are only ever added at the end; zero or NULL = the configuration's value. */
typedef struct kata_sandbox_options {
  size_t size;
  const char *id;         /* (nullable): NULL = a random one */
  const char *hypervisor; /* (nullable): a backend's name */
  uint32_t vcpus;
  uint32_t flags; /* 0 */
  uint64_t memory_mib;
  const char *hostname;           /* (nullable): NULL = the id */
  const char *const *annotations; /* (nullable): key, value, key, value, …, NULL */
  const kata_disk *const *disks;  /* (nullable): NULL-terminated */
  const char *const *dns;         /* (nullable): lines of resolv.conf, NULL-terminated */
  /* The limits of what is to run in it: they size the virtual machine where @vcpus or @memory_mib is 0 (docs/resources.md). */
  uint32_t limit_cpu_milli;    /* 1000 = one CPU; 0 = none */
  uint64_t limit_memory_bytes; /* 0 = none */
  const char *
      cgroup; /* (nullable): the host's, as linux.cgroupsPath: a path, or slice:prefix:name; NULL or "" = the caller's */
  /**
   * (nullable): the network, NULL = "none". An absolute path = the pod's network namespace (what config.json's linux.namespaces says): at its start
   * the guest takes the place of the interfaces in it. "none" = only lo. "new" = an empty namespace of the sandbox's own, at "netns" in its directory,
   * for an engine that fills it later (kata_sandbox_refresh_network). "user" = through passt, which needs no rights. "dan:" and the absolute path of
   * a file = devices whose other ends are vhost-user servers, as the file describes them (docs/network.md), read when the sandbox starts.
   */
  const char *network;
  const kata_host_device *const *host_devices; /* (nullable): NULL-terminated */
  /**
   * (nullable): what the first container is going to be, if that is known: the block devices of the host that it brings (docs/disks.md) are disks of the
   * machine from its start, also where the hypervisor cannot add any later. Only read; kata_container_create() makes it, from the same options.
   */
  const struct kata_container_options *first_container;
} kata_sandbox_options;
#define KATA_SANDBOX_OPTIONS_INIT                                                                                      \
  {                                                                                                                    \
    sizeof (kata_sandbox_options), NULL, NULL, 0, 0, 0, NULL, NULL, NULL, NULL, 0, 0, NULL, NULL, NULL, NULL           \
  }

/** How large a running sandbox's machine is, or shall be, and how large it can become: kata_sandbox_resize(). */
typedef struct kata_sandbox_size {
  size_t size;
  uint32_t vcpus;
  uint32_t max_vcpus;
  uint64_t memory_mib;
  uint64_t max_memory_mib;
} kata_sandbox_size;
#define KATA_SANDBOX_SIZE_INIT                                                                                         \
  {                                                                                                                    \
    sizeof (kata_sandbox_size), 0, 0, 0, 0                                                                             \
  }

/** What happened; read with kata_sandbox_next_event(). */
enum kata_event_type {
  KATA_EVENT_NONE = 0,
  KATA_EVENT_SANDBOX_STATE = 1,  /* @state is the new one; STOPPED when the VM ended, expected or not */
  KATA_EVENT_CONTAINER_EXIT = 2, /* @exit_status */
  KATA_EVENT_OOM = 3             /* a container ran out of memory */
};
/** One event. */
typedef struct kata_event {
  size_t size;
  int32_t type;                       /* enum kata_event_type */
  int32_t state;                      /* enum kata_state */
  int32_t exit_status;                /* 0–255; 128 + number for a signal */
  char container_id[KATA_ID_MAX + 1]; /* "" = about the sandbox */
} kata_event;
#define KATA_EVENT_INIT                                                                                                \
  {                                                                                                                    \
    sizeof (kata_event), 0, 0, 0, ""                                                                                   \
  }

/**
 * kata_sandbox_create:
 * Plan and record a sandbox in state CREATED; starts no guest.
 * @out: (out) (transfer full): new reference; untouched on failure
 * @runtime: the runtime
 * @options: (nullable): NULL = defaults
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_INVALID, KATA_E_EXISTS, KATA_E_UNSUPPORTED (the plan asks for what the backend lacks), KATA_E_CONFIG,
 *   KATA_E_PERMISSION (annotation), KATA_E_NOT_FOUND, KATA_E_IO
 * Threads: any. Blocks: probes the backend, at most 10 s. Since: 0.1
 */
KATA_API int
kata_sandbox_create (kata_sandbox **out, kata_runtime *runtime, const kata_sandbox_options *options, kata_error **err);

/**
 * kata_sandbox_open:
 * Attach to a sandbox that this or another process made; the process may have ended. One whose state cannot be read is opened too:
 * kata_sandbox_delete() with KATA_DELETE_FORCE removes it, every other call fails with KATA_E_CORRUPT.
 * @out: (out) (transfer full): new reference; untouched on failure
 * @runtime: the runtime
 * @id: the whole id
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_INVALID, KATA_E_NOT_FOUND, KATA_E_IO
 * Threads: any. Blocks: no; the connection to the agent is made by the first call that needs it. Since: 0.1
 */
KATA_API int kata_sandbox_open (kata_sandbox **out, kata_runtime *runtime, const char *id, kata_error **err);

/**
 * kata_sandbox_ref:
 * Take a reference.
 * @sandbox: (nullable): the sandbox
 * Returns: (transfer full): @sandbox
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API kata_sandbox *kata_sandbox_ref (kata_sandbox *sandbox);

/**
 * kata_sandbox_unref:
 * Drop a reference. Dropping the last one releases the handle only: the virtual machine goes on and can be opened again.
 * @sandbox: (nullable) (transfer full): the sandbox
 * Returns: NULL
 * Errors: none
 * Threads: any. Blocks: until the thread that watches for events, if they were asked for, has ended: a few seconds where the guest
 *   or its hypervisor does not answer. Since: 0.1
 */
KATA_API kata_sandbox *kata_sandbox_unref (kata_sandbox *sandbox);

/**
 * kata_sandbox_unrefp:
 * Drop the reference in a variable, for cleanup attributes.
 * @sandbox: (inout): the variable; NULL afterwards
 * Returns: nothing
 * Errors: none
 * Threads: any. Blocks: as kata_sandbox_unref(). Since: 0.1
 */
KATA_API void kata_sandbox_unrefp (kata_sandbox **sandbox);

/**
 * kata_sandbox_plan:
 * What kata_sandbox_create() would decide, without making anything.
 * @json: (out) (transfer full): the plan and its translation into the backend's words; release with kata_free()
 * @runtime: the runtime
 * @options: (nullable): NULL = defaults
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: as kata_sandbox_create()
 * Threads: any. Blocks: probes the backend, at most 10 s. Since: 0.1
 */
KATA_API int
kata_sandbox_plan (char **json, kata_runtime *runtime, const kata_sandbox_options *options, kata_error **err);

/**
 * kata_sandbox_start:
 * Boot the guest and wait until its agent answers. On failure everything made on the host is undone.
 * @sandbox: in state CREATED
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_STATE, KATA_E_HOST, KATA_E_VMM, KATA_E_GUEST, KATA_E_TIMEOUT, KATA_E_IO, KATA_E_AGENT
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int kata_sandbox_start (kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err);

/**
 * kata_sandbox_refresh_network:
 * Look at the pod's network namespace again, for engines that fill it or change it after the start: interfaces that came get a device in the guest,
 * those that went lose it, and the guest is told of addresses, routes and permanent neighbours. Before the start there is nothing to do: the start itself
 * looks. Of several that came, one that cannot be added does not keep the guest from the changes of the others that it has.
 * @sandbox: in state CREATED or RUNNING
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_UNSUPPORTED (an interface came, and the hypervisor cannot add network devices later: the text says why), KATA_E_STATE,
 *   KATA_E_NOT_FOUND (the namespace is gone), KATA_E_LIMIT (no port is free), KATA_E_BUSY, KATA_E_AGENT, KATA_E_TIMEOUT, KATA_E_IO
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int kata_sandbox_refresh_network (kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err);

/**
 * kata_sandbox_add_disk:
 * Give a running guest one more disk, which containers created from then on can name as one that is there from the start. Before the start it becomes
 * one of those. It has its place until kata_sandbox_remove_disk() or the end of the sandbox.
 * @sandbox: in state CREATED or RUNNING
 * @disk: its id is none that the sandbox has
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_INVALID (id, path, flags; neither file nor block device), KATA_E_UNSUPPORTED (the hypervisor cannot: the text says why),
 *   KATA_E_EXISTS, KATA_E_LIMIT (no place is free), KATA_E_NOT_FOUND (the path), KATA_E_STATE, KATA_E_BUSY (the guest still has an earlier one of
 *   this id), KATA_E_VMM, KATA_E_TIMEOUT, KATA_E_IO
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.2
 */
KATA_API int kata_sandbox_add_disk (kata_sandbox *sandbox, const kata_disk *disk, int64_t timeout_ms, kata_error **err);

/**
 * kata_sandbox_remove_disk:
 * Take a disk from a running guest that came while it ran, and close its file. Before the start, any disk. After a failure no container can name it, and
 * the call can be repeated; so it is too with one whose adding was cut short.
 * @sandbox: in state CREATED or RUNNING
 * @id: of the disk
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_NOT_FOUND, KATA_E_BUSY (a container uses it: the text names it), KATA_E_UNSUPPORTED (it is there from the start), KATA_E_STATE,
 *   KATA_E_TIMEOUT (the guest does not let go of it), KATA_E_VMM, KATA_E_IO
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.2
 */
KATA_API int kata_sandbox_remove_disk (kata_sandbox *sandbox, const char *id, int64_t timeout_ms, kata_error **err);

/**
 * kata_sandbox_add_host_device:
 * Give a running guest a PCI device of the host, as those of kata_sandbox_options.host_devices are. The configuration has made room for it at the start
 * (hot_plug_vfio). It stays until kata_sandbox_remove_host_device() or the end of the sandbox. Of an IOMMU group that is named by its file all functions
 * come, or none.
 * @sandbox: in state RUNNING
 * @device: neither its id nor its address is one that the sandbox has
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE; all of the guest's memory is locked within it
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_INVALID (id, address, flags; a bridge), KATA_E_UNSUPPORTED (the hypervisor cannot, or the sandbox was planned without places: the text
 *   says what to set; a mediated device), KATA_E_EXISTS, KATA_E_LIMIT (no place is free), KATA_E_NOT_FOUND (no such function), KATA_E_HOST (another
 *   driver has it, no IOMMU, too little memory may be locked: the text says what to do), KATA_E_PERMISSION, KATA_E_BUSY (another process has its group,
 *   or the guest still has an earlier one of this name), KATA_E_STATE, KATA_E_VMM, KATA_E_TIMEOUT, KATA_E_IO
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.2
 */
KATA_API int kata_sandbox_add_host_device (kata_sandbox *sandbox, const kata_host_device *device, int64_t timeout_ms,
                                           kata_error **err);

/**
 * kata_sandbox_remove_host_device:
 * Take a device of the host from a running guest that came while it ran. Afterwards the virtual machine's process has closed it, and another can have
 * it. After a failure the call can be repeated; so it is too with one whose adding was cut short.
 * @sandbox: in state RUNNING
 * @id: of the device; or its address; or the file of its IOMMU group, for all that are in it
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_NOT_FOUND, KATA_E_BUSY (a container uses it: the text names it), KATA_E_UNSUPPORTED (it is there from the start), KATA_E_STATE,
 *   KATA_E_TIMEOUT (the guest does not let go of it), KATA_E_VMM, KATA_E_IO
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.2
 */
KATA_API int
kata_sandbox_remove_host_device (kata_sandbox *sandbox, const char *id, int64_t timeout_ms, kata_error **err);

/**
 * kata_sandbox_resize:
 * Change how many processors and how much memory a running guest has, within what its start made room for: the configuration's default_maxvcpus and
 * default_maxmemory, where they are set. The guest uses what came when the call returns. Of a call that failed, a part may have been done: another one
 * goes on from there, and kata_sandbox_inspect() tells how it is. A guest may let go of something later than the call waits for: the next call, also one
 * that wants nothing, says so. What is running notices by itself; no container's own limits change.
 * @sandbox: in state RUNNING
 * @size: (inout): its size field is set by the caller (KATA_SANDBOX_SIZE_INIT); vcpus and memory_mib say what is wanted, 0 = as it is. Afterwards all
 *   fields say what there is, which can be more than was asked for: memory comes in steps of 128 MiB, and most hypervisors cannot take it away again.
 *   Untouched on failure
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_UNSUPPORTED (the hypervisor cannot do it: the text says why), KATA_E_LIMIT (more than there is room for; the key is the configuration's),
 *   KATA_E_INVALID (less memory than at the start), KATA_E_STATE, KATA_E_BUSY, KATA_E_VMM, KATA_E_PROTOCOL, KATA_E_AGENT, KATA_E_TIMEOUT (also: the guest
 *   does not take what came, or does not let go of what shall go: the text says how far it came), KATA_E_IO
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.2
 */
KATA_API int kata_sandbox_resize (kata_sandbox *sandbox, kata_sandbox_size *size, int64_t timeout_ms, kata_error **err);

/**
 * kata_sandbox_pause:
 * Stop the virtual machine's CPUs.
 * @sandbox: in state RUNNING
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_STATE, KATA_E_UNSUPPORTED, KATA_E_VMM, KATA_E_TIMEOUT
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int kata_sandbox_pause (kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err);

/**
 * kata_sandbox_resume:
 * Let a paused virtual machine go on.
 * @sandbox: in state PAUSED
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_STATE, KATA_E_VMM, KATA_E_TIMEOUT
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int kata_sandbox_resume (kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err);

/**
 * kata_sandbox_snapshot:
 * Write a paused sandbox into a directory: the guest's memory and devices, what its containers are, and a manifest. The sandbox stays PAUSED. Kept is one
 * without shared directories and without a network; the contents of its disks are not kept, but for the images of packed directories.
 * @sandbox: in state PAUSED
 * @dir: absolute path of an empty directory that belongs to the caller's user and that nobody else can write; on failure it is emptied
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT (that of a start) or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_STATE, KATA_E_UNSUPPORTED (the hypervisor cannot, or something could not be kept), KATA_E_EXISTS (@dir is not empty),
 *   KATA_E_NOT_FOUND, KATA_E_PERMISSION, KATA_E_IO, KATA_E_VMM, KATA_E_TIMEOUT
 * Threads: any. Blocks: at most @timeout_ms and what writing takes. Since: 0.2
 */
KATA_API int kata_sandbox_snapshot (kata_sandbox *sandbox, const char *dir, int64_t timeout_ms, kata_error **err);

/**
 * kata_sandbox_restore:
 * Make a sandbox whose virtual machine is that of a snapshot. It has the snapshot's id, which must be free, is PAUSED, and its containers are known;
 * kata_sandbox_resume() lets it go on, and gives the guest the present time and new random numbers. Configuration and options must be
 * those that the sandbox was created with: nothing is started or opened because the snapshot says so.
 * @out: (out) (transfer full): new reference; untouched on failure
 * @runtime: library context
 * @dir: absolute path of what kata_sandbox_snapshot() wrote; it must belong to the caller's user, and nobody else may be able to write it
 * @options: (nullable): as for kata_sandbox_create(); id and hypervisor may be NULL, and are the snapshot's then
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT (that of a start) or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_EXISTS (there is a sandbox of this id), KATA_E_NOT_FOUND, KATA_E_CORRUPT, KATA_E_UNSUPPORTED (another version, hypervisor or machine),
 *   KATA_E_PERMISSION, KATA_E_IO, KATA_E_VMM, KATA_E_TIMEOUT
 * Threads: any. Blocks: at most @timeout_ms and what reading takes. Since: 0.2
 */
KATA_API int kata_sandbox_restore (kata_sandbox **out, kata_runtime *runtime, const char *dir,
                                   const kata_sandbox_options *options, int64_t timeout_ms, kata_error **err);

/**
 * kata_sandbox_stop:
 * End the containers and the virtual machine, orderly first, by force when @timeout_ms is over, and undo what start made on the host.
 * The sandbox is STOPPED afterwards, whatever the guest does. No-op when it is STOPPED.
 * @sandbox: the sandbox
 * @timeout_ms: milliseconds for the orderly part; 0 = by force at once; KATA_TIMEOUT_DEFAULT
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_IO (something on the host could not be undone; delete tries again)
 * Threads: any. Blocks: at most @timeout_ms and a few seconds. Since: 0.1
 */
KATA_API int kata_sandbox_stop (kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err);

/** How kata_sandbox_delete() and kata_container_delete() treat what still runs. */
enum kata_delete_flags { KATA_DELETE_FORCE = 1 /* stop it first */ };

/**
 * kata_sandbox_delete:
 * Remove every trace of a sandbox. The handle stays valid but every further call fails with KATA_E_NOT_FOUND.
 * @sandbox: CREATED or STOPPED, or any state with KATA_DELETE_FORCE
 * @flags: enum kata_delete_flags
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_STATE, KATA_E_IO
 * Threads: any. Blocks: as kata_sandbox_stop() with time-out 0. Since: 0.1
 */
KATA_API int kata_sandbox_delete (kata_sandbox *sandbox, uint32_t flags, kata_error **err);

/**
 * kata_sandbox_get_id:
 * The sandbox's id.
 * @sandbox: the sandbox
 * Returns: (transfer none): owned by @sandbox
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API const char *kata_sandbox_get_id (kata_sandbox *sandbox);

/**
 * kata_sandbox_get_state:
 * The present state, also when another process or the guest changed it.
 * @sandbox: the sandbox
 * Returns: an enum kata_state, or a negative kata_error_code
 * Errors: KATA_E_NOT_FOUND (deleted), KATA_E_CORRUPT
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API int kata_sandbox_get_state (kata_sandbox *sandbox);

/**
 * kata_sandbox_inspect:
 * State, containers, plan, host processes, and how long each part of the start took.
 * @json: (out) (transfer full): {"id","state","hypervisor","created","pids","containers":[…],"plan":{…},"timing":[{"name","us"}]};
 *   release with kata_free()
 * @sandbox: the sandbox
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_NOT_FOUND, KATA_E_CORRUPT
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API int kata_sandbox_inspect (char **json, kata_sandbox *sandbox, kata_error **err);

/**
 * kata_sandbox_metrics_get:
 * The guest's own metrics, as its agent writes them: load, memory, processors, interfaces, the agent itself. It is the guest's text: nothing of it is
 * checked but that it is UTF-8 without control characters other than line feeds and tabs, and speaks of no kata_hypervisor_*. Behind it is what the
 * hypervisor counts, where it does: kata_hypervisor_counter{device,item}, and kata_hypervisor_counters_answered, 0 when it did not tell in time.
 * @text: (out) (transfer full): Prometheus' text format; release with kata_free()
 * @sandbox: in state RUNNING
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_STATE, KATA_E_UNSUPPORTED (the agent has none), KATA_E_AGENT, KATA_E_TIMEOUT, KATA_E_VMM
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int kata_sandbox_metrics_get (char **text, kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err);

/**
 * kata_sandbox_list_containers:
 * The ids of the sandbox's containers.
 * @out: (out) (transfer full): NULL-terminated, in order of creation; release with kata_strv_free()
 * @sandbox: the sandbox
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_NOT_FOUND, KATA_E_CORRUPT
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API int kata_sandbox_list_containers (char ***out, kata_sandbox *sandbox, kata_error **err);

/**
 * kata_sandbox_get_event_fd:
 * A descriptor that polls readable while events wait. The first call starts the watching; earlier events are not kept.
 * @sandbox: the sandbox
 * Returns: a descriptor owned by @sandbox (only poll it), or a negative kata_error_code
 * Errors: KATA_E_NO_MEMORY, KATA_E_IO
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API int kata_sandbox_get_event_fd (kata_sandbox *sandbox);

/**
 * kata_sandbox_next_event:
 * Take the oldest event.
 * @sandbox: the sandbox
 * @event: (inout): its size field is set by the caller (KATA_EVENT_INIT)
 * @timeout_ms: 0 = only look; milliseconds or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 1 with an event, 0 without one in time, or a negative kata_error_code
 * Errors: KATA_E_INVALID, KATA_E_LIMIT (the queue of 1024 ran over and was emptied)
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int kata_sandbox_next_event (kata_sandbox *sandbox, kata_event *event, int64_t timeout_ms, kata_error **err);

#ifdef __cplusplus
}
#endif
#endif
