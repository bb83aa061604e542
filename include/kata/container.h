/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* container: one OCI container in a sandbox's virtual machine. */
#ifndef KATA_CONTAINER_H
#define KATA_CONTAINER_H

#include <kata/process.h>
#include <kata/sandbox.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A directory or file of the host inside the container. */
typedef struct kata_volume {
  size_t size;
  const char *source;      /* absolute path on the host */
  const char *destination; /* absolute path in the container */
  uint32_t flags;          /* enum kata_volume_flags */
} kata_volume;
/** Of a volume. */
enum kata_volume_flags { KATA_VOLUME_READONLY = 1 };

/** Of a container. */
enum kata_container_flags {
  KATA_CONTAINER_TERMINAL = 1, /* the process gets a terminal */
  KATA_CONTAINER_READONLY = 2  /* the root file system is read-only */
};

/**
 * What a container shall be: a bundle, a config.json text, or neither (then a default specification runs @args in @rootfs).
 * The fields after @config_json change what the specification says. Fields are only ever added at the end.
 */
typedef struct kata_container_options {
  size_t size;
  const char *id;                    /* (nullable): NULL = a random one */
  const char *bundle;                /* (nullable): directory with config.json; relative root.path is relative to it */
  const char *config_json;           /* (nullable): instead of the bundle's config.json */
  const char *rootfs;                /* (nullable): directory or block device on the host, instead of root.path */
  const char *rootfs_disk;           /* (nullable): id of a kata_disk that holds the root file system */
  const char *rootfs_fstype;         /* (nullable): of @rootfs_disk, or of a root that is a block device; NULL = ext4 */
  const char *const *args;           /* (nullable): NULL-terminated */
  const char *const *env;            /* (nullable): NULL-terminated "NAME=value", added to the specification's */
  const char *cwd;                   /* (nullable) */
  const char *user;                  /* (nullable): "uid" or "uid:gid", numbers */
  const char *hostname;              /* (nullable) */
  const kata_volume *const *volumes; /* (nullable): NULL-terminated */
  uint64_t memory_bytes;             /* limit in the guest; 0 = the specification's */
  uint32_t cpu_milli;                /* limit in the guest, 1000 = one CPU; 0 = the specification's */
  uint32_t pids;                     /* limit in the guest; 0 = the specification's */
  uint32_t flags;                    /* enum kata_container_flags */
  uint32_t rows, columns;            /* of the terminal; 0 = 24, 80 */
  /**
   * (nullable): NULL-terminated mount options of a root on @rootfs_disk or on a block device. With "ro" it takes no writes at all; without, a read-only
   * root (KATA_CONTAINER_READONLY, root.readonly) is so to the container only: directories that it mounts on can be made. NULL = none, and "ro" for a
   * read-only root on a block device.
   */
  const char *const *rootfs_options;
} kata_container_options;
#define KATA_CONTAINER_OPTIONS_INIT                                                                                    \
  {                                                                                                                    \
    sizeof (kata_container_options), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0,  \
        0, 0, 0, NULL                                                                                                  \
  }

/** Counters of one container, read in the guest. */
typedef struct kata_container_stats {
  size_t size;
  uint64_t cpu_total_ns, cpu_user_ns, cpu_system_ns, cpu_throttled_ns;
  uint64_t memory_bytes, memory_peak_bytes, memory_limit_bytes, memory_cache_bytes,
      swap_bytes;            /* limit: UINT64_MAX = none */
  uint64_t pids, pids_limit; /* limit: UINT64_MAX = none */
  uint64_t read_bytes, write_bytes;
  uint64_t rx_bytes, rx_packets, tx_bytes, tx_packets; /* of the guest's interfaces but lo */
} kata_container_stats;
#define KATA_CONTAINER_STATS_INIT                                                                                      \
  {                                                                                                                    \
    sizeof (kata_container_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0                                   \
  }

/**
 * kata_container_create:
 * Check the specification, share its directories with the guest, give it the block devices and create the container there; its program waits for start.
 * On failure everything made is undone.
 * @out: (out) (transfer full): new reference; untouched on failure
 * @sandbox: in state RUNNING
 * @options: what to run
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT (create_container_timeout) or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_INVALID, KATA_E_SPEC (key = JSON path), KATA_E_EXISTS, KATA_E_STATE, KATA_E_UNSUPPORTED, KATA_E_NOT_FOUND,
 *   KATA_E_AGENT, KATA_E_TIMEOUT, KATA_E_IO, KATA_E_BUSY (a block device that another container has read-only), KATA_E_LIMIT (no place
 *   for one is left), KATA_E_HOST, KATA_E_VMM
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int kata_container_create (kata_container **out, kata_sandbox *sandbox, const kata_container_options *options,
                                    int64_t timeout_ms, kata_error **err);

/**
 * kata_container_open:
 * A handle to a container that exists.
 * @out: (out) (transfer full): new reference; untouched on failure
 * @sandbox: the sandbox
 * @id: the whole id; NULL = the only or first one
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_NOT_FOUND, KATA_E_CORRUPT
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API int kata_container_open (kata_container **out, kata_sandbox *sandbox, const char *id, kata_error **err);

/**
 * kata_container_ref:
 * Take a reference.
 * @container: (nullable): the container
 * Returns: (transfer full): @container
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API kata_container *kata_container_ref (kata_container *container);

/**
 * kata_container_unref:
 * Drop a reference. Dropping the last one releases the handle only: the container goes on.
 * @container: (nullable) (transfer full): the container
 * Returns: NULL
 * Errors: none
 * Threads: any. Blocks: no; as kata_sandbox_unref() where nothing else refers to the sandbox. Since: 0.1
 */
KATA_API kata_container *kata_container_unref (kata_container *container);

/**
 * kata_container_unrefp:
 * Drop the reference in a variable, for cleanup attributes.
 * @container: (inout): the variable; NULL afterwards
 * Returns: nothing
 * Errors: none
 * Threads: any. Blocks: as kata_container_unref(). Since: 0.1
 */
KATA_API void kata_container_unrefp (kata_container **container);

/**
 * kata_container_start:
 * Let the container's program run.
 * @container: in state CREATED
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_STATE, KATA_E_AGENT, KATA_E_NOT_FOUND (the program is not in the image), KATA_E_TIMEOUT
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int kata_container_start (kata_container *container, int64_t timeout_ms, kata_error **err);

/**
 * kata_container_get_id:
 * The container's id.
 * @container: the container
 * Returns: (transfer none): owned by @container
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API const char *kata_container_get_id (kata_container *container);

/**
 * kata_container_get_state:
 * The present state.
 * @container: the container
 * Returns: an enum kata_state, or a negative kata_error_code
 * Errors: KATA_E_NOT_FOUND (deleted), KATA_E_CORRUPT
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API int kata_container_get_state (kata_container *container);

/**
 * kata_container_get_process:
 * The container's first process.
 * @out: (out) (transfer full): new reference; untouched on failure
 * @container: the container
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_NOT_FOUND (deleted)
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API int kata_container_get_process (kata_process **out, kata_container *container, kata_error **err);

/**
 * kata_container_exec:
 * Start one more process in a running container.
 * @out: (out) (transfer full): new reference; untouched on failure
 * @container: in state RUNNING
 * @options: what to run
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_INVALID, KATA_E_STATE, KATA_E_AGENT, KATA_E_NOT_FOUND (the program is not in the image), KATA_E_TIMEOUT
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int kata_container_exec (kata_process **out, kata_container *container, const kata_exec_options *options,
                                  int64_t timeout_ms, kata_error **err);

/** Whom kata_container_kill() signals. */
enum kata_kill_flags { KATA_KILL_ALL = 1 /* every process of the container */ };

/**
 * kata_container_kill:
 * Send a signal to the container's first process, or to all.
 * @container: RUNNING, CREATED or PAUSED
 * @signum: 1–64, Linux numbers
 * @flags: enum kata_kill_flags
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_INVALID, KATA_E_STATE, KATA_E_AGENT, KATA_E_TIMEOUT
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int
kata_container_kill (kata_container *container, int signum, uint32_t flags, int64_t timeout_ms, kata_error **err);

/**
 * kata_container_pause:
 * Freeze the container's processes; the virtual machine goes on.
 * @container: in state RUNNING
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_STATE, KATA_E_AGENT, KATA_E_TIMEOUT
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int kata_container_pause (kata_container *container, int64_t timeout_ms, kata_error **err);

/**
 * kata_container_resume:
 * Thaw a paused container.
 * @container: in state PAUSED
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_STATE, KATA_E_AGENT, KATA_E_TIMEOUT
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int kata_container_resume (kata_container *container, int64_t timeout_ms, kata_error **err);

/**
 * kata_container_update:
 * Change limits while it runs.
 * @container: CREATED, RUNNING or PAUSED
 * @resources_json: OCI linux.resources as JSON (runtime-spec config-linux.md#control-groups)
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_SPEC, KATA_E_STATE, KATA_E_AGENT, KATA_E_TIMEOUT
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int
kata_container_update (kata_container *container, const char *resources_json, int64_t timeout_ms, kata_error **err);

/**
 * kata_container_stats_get:
 * Read the container's counters.
 * @container: CREATED, RUNNING or PAUSED
 * @stats: (inout): its size field is set by the caller (KATA_CONTAINER_STATS_INIT)
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_INVALID, KATA_E_STATE, KATA_E_AGENT, KATA_E_TIMEOUT
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int
kata_container_stats_get (kata_container *container, kata_container_stats *stats, int64_t timeout_ms, kata_error **err);

/**
 * kata_container_delete:
 * Remove the container from the guest and what it had on the host. The handle's further calls fail with KATA_E_NOT_FOUND.
 * @container: CREATED or STOPPED, or any state with KATA_DELETE_FORCE
 * @flags: enum kata_delete_flags
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_STATE, KATA_E_AGENT, KATA_E_TIMEOUT, KATA_E_IO
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int kata_container_delete (kata_container *container, uint32_t flags, int64_t timeout_ms, kata_error **err);

#ifdef __cplusplus
}
#endif
#endif
