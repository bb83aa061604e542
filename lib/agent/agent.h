/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* agent: the host's typed calls to the agent in a guest; trusts no reply. Not the connection's making (a backend's) nor the guest's end. */
#ifndef KATA_AGENT_AGENT_H
#define KATA_AGENT_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include <kata/error.h>

#include "proto/agent.pb-c.h"
#include "ttrpc/ttrpc.h"

/*
 * Every @timeout_ms is in milliseconds; KATA_TIMEOUT_NONE = none; KATA_TIMEOUT_DEFAULT = what Kata's runtime allows: 30 s for health,
 * none for waiting, reading and events, 60 s for the rest.
 *
 * Errors of all calls: KATA_E_TIMEOUT, KATA_E_CANCELLED, KATA_E_AGENT (the agent says no, or the connection is lost),
 * KATA_E_NOT_FOUND, KATA_E_EXISTS, KATA_E_STATE, KATA_E_PERMISSION, KATA_E_UNSUPPORTED (an agent without this method), KATA_E_LIMIT
 * (too large a request), KATA_E_PROTOCOL (a reply that makes no sense). The text names the method, the key is the container's id.
 */
typedef struct kata_agent kata_agent;

/** Takes @io, also on failure. Threads: every function here, from any thread, at the same time. */
int kata_agent__new (kata_agent **out, const struct ttrpc_io *io, kata_error **err);
kata_agent *kata_agent__ref (kata_agent *agent);
/** The last reference closes the connection and waits for callbacks that run, so it must not be dropped in one. Returns NULL. */
kata_agent *kata_agent__unref (kata_agent *agent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_agent, kata_agent__unref)
/** True once the connection is lost; @why (nullable) lives as long as @agent. */
bool kata_agent__is_lost (kata_agent *agent, const char **why);

/* ---- an asynchronous call ---- */
typedef struct kata_agent_pending kata_agent_pending;
/** The callback runs, with KATA_E_CANCELLED, or has run. Nothing is told to the agent: the protocol has no word for it. */
void kata_agent_pending__cancel (kata_agent_pending *pending);
/** Gives the handle back without cancelling. NULL-safe. Returns NULL. */
kata_agent_pending *kata_agent_pending__unref (kata_agent_pending *pending);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_agent_pending, kata_agent_pending__unref)

/* ---- health.c ---- */
int kata_agent__check (kata_agent *agent, int64_t timeout_ms, kata_error **err);
/** A sign of life, or why there is none; on a thread of the connection's. */
typedef void (*kata_agent_sign_fn) (void *user, const kata_error *error);
int
kata_agent__check_start (kata_agent *agent, int64_t timeout_ms, kata_agent_sign_fn done, void *user, kata_error **err);
/** @out (out) (transfer full): the agent's release, for example "3.2.0". */
int kata_agent__version (kata_agent *agent, char **out, int64_t timeout_ms, kata_error **err);

/* ---- guest.c ---- */
int kata_agent__create_sandbox (kata_agent *agent, const Grpc__CreateSandboxRequest *request, int64_t timeout_ms,
                                kata_error **err);
int kata_agent__destroy_sandbox (kata_agent *agent, int64_t timeout_ms, kata_error **err);

struct kata_agent_details {
  char *version;
  char **storage_handlers; /* NULL-terminated */
  char **extra_features;   /* NULL-terminated */
  bool init_daemon;
  bool supports_seccomp;
  bool mem_hotplug_probe;
  uint64_t mem_block_bytes;
};
/** @out: filled on success; release with kata_agent_details__clear(). */
int kata_agent__guest_details (kata_agent *agent, struct kata_agent_details *out, int64_t timeout_ms, kata_error **err);
void kata_agent_details__clear (struct kata_agent_details *details);

int kata_agent__set_datetime (kata_agent *agent, int64_t seconds, int64_t microseconds, int64_t timeout_ms,
                              kata_error **err);
int kata_agent__reseed (kata_agent *agent, const void *data, size_t len, int64_t timeout_ms, kata_error **err);
/** @cpus: how many shall be online in all, 0 = leave them. Memory is put online too unless @cpus_only. */
int kata_agent__online_cpu_mem (kata_agent *agent, uint32_t cpus, bool cpus_only, int64_t timeout_ms, kata_error **err);
/** @out (out) (transfer full): Prometheus text in UTF-8. */
int kata_agent__metrics (kata_agent *agent, char **out, int64_t timeout_ms, kata_error **err);

/** @container_id: of syntax an id may have, yet perhaps nobody's: compare it. On failure NULL, and @error says why. */
typedef void (*kata_agent_oom_fn) (void *user, const char *container_id, const kata_error *error);
/** Waits for the next container that runs out of memory. @out (nullable). */
int kata_agent__oom_start (kata_agent *agent, kata_agent_pending **out, kata_agent_oom_fn done, void *user,
                           kata_error **err);

/* ---- file.c ---- */
struct kata_agent_file {
  const char *path; /* in the guest, below /run/kata-containers/shared/containers/ */
  uint32_t mode;    /* as st_mode: type and permissions; a regular file, directory or symbolic link */
  uint32_t dir_mode;
  int32_t uid, gid;
  int fd;           /* a regular file's contents, read from offset 0; -1: @data */
  const void *data; /* a regular file's contents, or a link's target */
  size_t len;       /* of @data */
};
/** Sends it in pieces of 1 MiB; @timeout_ms is for all of them together. KATA_E_IO when @fd cannot be read. */
int kata_agent__copy_file (kata_agent *agent, const struct kata_agent_file *file, int64_t timeout_ms, kata_error **err);

/* ---- container.c ---- */
int kata_agent__create_container (kata_agent *agent, const Grpc__CreateContainerRequest *request, int64_t timeout_ms,
                                  kata_error **err);
int kata_agent__start_container (kata_agent *agent, const char *container_id, int64_t timeout_ms, kata_error **err);
/** @grace_s: how long the agent may wait for the container's end; 0 = for ever. */
int kata_agent__remove_container (kata_agent *agent, const char *container_id, uint32_t grace_s, int64_t timeout_ms,
                                  kata_error **err);
int kata_agent__pause_container (kata_agent *agent, const char *container_id, int64_t timeout_ms, kata_error **err);
int kata_agent__resume_container (kata_agent *agent, const char *container_id, int64_t timeout_ms, kata_error **err);
int kata_agent__update_container (kata_agent *agent, const char *container_id, const Grpc__LinuxResources *resources,
                                  int64_t timeout_ms, kata_error **err);

/* What kata_container_stats shows; a limit of UINT64_MAX means none. Sums saturate. */
struct kata_agent_stats {
  uint64_t cpu_total_ns, cpu_user_ns, cpu_system_ns, cpu_throttled_ns;
  uint64_t memory_bytes, memory_peak_bytes, memory_limit_bytes, memory_cache_bytes, swap_bytes;
  uint64_t pids, pids_limit;
  uint64_t read_bytes, write_bytes;
  uint64_t rx_bytes, rx_packets, tx_bytes, tx_packets; /* of all interfaces but lo */
};
int kata_agent__stats (kata_agent *agent, const char *container_id, struct kata_agent_stats *out, int64_t timeout_ms,
                       kata_error **err);

/* ---- process.c: @exec_id "" or NULL = the container's first process ---- */
int kata_agent__exec (kata_agent *agent, const char *container_id, const char *exec_id, const Grpc__Process *process,
                      int64_t timeout_ms, kata_error **err);
int kata_agent__signal (kata_agent *agent, const char *container_id, const char *exec_id, int signum,
                        int64_t timeout_ms, kata_error **err);
/** @status (out): 0 to 255; 128 + n when a signal ended it. */
int kata_agent__wait (kata_agent *agent, const char *container_id, const char *exec_id, int *status, int64_t timeout_ms,
                      kata_error **err);
/** Runs on a thread of the connection's; must not block nor call back blockingly. @error NULL = @status is valid. */
typedef void (*kata_agent_wait_fn) (void *user, int status, const kata_error *error);
int kata_agent__wait_start (kata_agent *agent, kata_agent_pending **out, const char *container_id, const char *exec_id,
                            kata_agent_wait_fn done, void *user, kata_error **err);

/* ---- stream.c ---- */
/** @out (out) (transfer full): 1 to @len bytes, or none at the end. @len: 1 to 1 MiB, more is taken as 1 MiB. */
int kata_agent__read_stdout (kata_agent *agent, const char *container_id, const char *exec_id, uint32_t len,
                             int64_t timeout_ms, GBytes **out, kata_error **err);
int kata_agent__read_stderr (kata_agent *agent, const char *container_id, const char *exec_id, uint32_t len,
                             int64_t timeout_ms, GBytes **out, kata_error **err);
/** As kata_agent_wait_fn; @data is borrowed, empty at the end of the stream, NULL on failure. */
typedef void (*kata_agent_read_fn) (void *user, GBytes *data, const kata_error *error);
int kata_agent__read_start (kata_agent *agent, kata_agent_pending **out, const char *container_id, const char *exec_id,
                            bool from_stderr, uint32_t len, kata_agent_read_fn done, void *user, kata_error **err);
/** Sends at most 1 MiB of @data; @written (out): how many bytes were taken, 1 or more unless @len is 0. Does not close. */
int kata_agent__write_stdin (kata_agent *agent, const char *container_id, const char *exec_id, const void *data,
                             size_t len, size_t *written, int64_t timeout_ms, kata_error **err);
/** As kata_agent_wait_fn; @written as above. */
typedef void (*kata_agent_write_fn) (void *user, size_t written, const kata_error *error);
/** The same for at most 1 MiB of @data, @len 1 or more; @data is copied before it returns. */
int kata_agent__write_start (kata_agent *agent, kata_agent_pending **out, const char *container_id, const char *exec_id,
                             const void *data, size_t len, int64_t timeout_ms, kata_agent_write_fn done, void *user,
                             kata_error **err);
int kata_agent__close_stdin (kata_agent *agent, const char *container_id, const char *exec_id, int64_t timeout_ms,
                             kata_error **err);
int kata_agent__winsize (kata_agent *agent, const char *container_id, const char *exec_id, uint32_t rows,
                         uint32_t columns, int64_t timeout_ms, kata_error **err);

/* ---- network.c: the messages that come back are checked (counts, lengths, text) and freed with the function below ---- */
int kata_agent__update_interface (kata_agent *agent, const Types__Interface *interface, int64_t timeout_ms,
                                  kata_error **err);
int kata_agent__update_routes (kata_agent *agent, const Grpc__Routes *routes, int64_t timeout_ms, kata_error **err);
int kata_agent__list_interfaces (kata_agent *agent, Grpc__Interfaces **out, int64_t timeout_ms, kata_error **err);
int kata_agent__list_routes (kata_agent *agent, Grpc__Routes **out, int64_t timeout_ms, kata_error **err);
int kata_agent__add_arp_neighbors (kata_agent *agent, const Grpc__ARPNeighbors *neighbors, int64_t timeout_ms,
                                   kata_error **err);
/** For what the two list functions gave; NULL-safe. */
void kata_agent__message_free (void *message);

#endif
