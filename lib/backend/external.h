/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* external: what adapters share that run a VMM as a program of its own: find it, ask its version, records, logs and sockets in the sandbox's directory. */
#ifndef KATA_BACKEND_EXTERNAL_H
#define KATA_BACKEND_EXTERNAL_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <kata/sys/backend.h>

#include "host/child.h"

/** How much of a log an error quotes. */
#define KATA_EXTERNAL_TAIL_MAX 4096

/** How long a program may take to tell its version: tens of them may be asked at once, on a slow machine. */
#define KATA_EXTERNAL_VERSION_MS 30000

/**
 * The program's absolute path, g_free(): @configured if not empty (then it must be executable), else the first of @names (NULL-terminated; plain
 * names are looked for in fixed directories, never in $PATH). KATA_E_HOST with @key and @remedy in the text.
 */
int kata_external__find (char **out, const char *configured, const char *key, const char *const *names,
                         const char *remedy, kata_error **err);

/** Runs `program arg`, returns its output (both streams, at most 16 KiB), g_free(). A program that prints nothing or fails is an error. */
int kata_external__output (char **out, const char *program, const char *arg, int64_t deadline_us, kata_error **err);

/** A VMM as it is looked for. */
typedef struct kata_external_program {
  const char *key, *const *names, *remedy; /* as for kata_external__find() */
  const char *arg;                         /* that makes it tell its version */
  const char *says;                        /* how that begins */
  const char *least;                       /* the oldest version that will do: "N.N" */
} kata_external_program;

/** Finds it, asks its version, compares. KATA_E_HOST with the key in the text. */
int kata_external__find_version (char **out, unsigned version[3], const char *configured,
                                 const kata_external_program *wanted, int64_t deadline_us, kata_error **err);

/** Runs it with arguments (at most 3, NULL-terminated): what it printed, which may be nothing, g_free(), and how it ended. KATA_E_TIMEOUT: it was killed. */
int kata_external__run (char **out, kata_exit_status *status, const char *program, const char *const *args,
                        int64_t deadline_us, kata_error **err);

/** As kata_external__output() with several arguments. */
int kata_external__output_of (char **out, const char *program, const char *const *args, int64_t deadline_us,
                              kata_error **err);

/** The first "N.N" or "N.N.N" in a text. */
bool kata_external__parse_version (const char *text, unsigned version[3]);

/** Opens a kernel, an initrd or a disk: a regular file that is not empty, or a block device. KATA_E_GUEST with @key. */
int kata_external__open_file (int *fd, const char *path, bool writable, const char *key, kata_error **err);

/** Opens the sandbox's directory to hold sockets and logs. */
int kata_external__open_dir (int *dir_fd, const char *dir, kata_error **err);

/** Records that @name in @dir is to be removed. */
int kata_external__record_file (const char *dir, const char *name, const kata_backend_env *env, kata_error **err);

/** For kata_child_options.record: writes a PROCESS record. @data: a struct kata_external_record. */
struct kata_external_record {
  const char *role;
  const kata_backend_env *env;
};
int kata_external__record_process (void *data, const kata_pid_identity *identity, kata_error **err);

/** For kata_child_options.rlimits: descriptors up to the hard limit. A caller's low soft limit is about the caller, not about a VMM and its files. */
kata_child_rlimit kata_external__descriptors (void);

/** Likewise locked memory, which the whole of a guest is that has a device of the host. */
kata_child_rlimit kata_external__locked_memory (void);

/** Reports through env->log at KATA_LOG_DEBUG; nothing if there is no log. */
void
kata_external__debug (const kata_backend_env *env, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

/* ---- external-log.c ---- */

/** Makes a log file in the directory (fresh, mode 0600, for appending), after recording it. */
int kata_external__log_file (int *fd, int dir_fd, const char *dir, const char *name, const kata_backend_env *env,
                             kata_error **err);

/** The end of a file as text, at most @max bytes, without blanks at its ends; "" if there is nothing; never NULL; g_free(). */
char *kata_external__tail (int dir_fd, const char *name, size_t max);

/** KATA_E_TIMEOUT: the agent did not answer; with the end of the console. */
int kata_external__no_answer (int dir_fd, const char *console, kata_error **err);

/** The files of one kind of VMM that say how things went. */
struct kata_external_logs {
  const char *vmm; /* its standard error */
  size_t vmm_max;  /* how much of that an error quotes: lines that are not of the levels INFO, DEBUG and TRACE first */
  const char *console;
};
/** How things stand with a VM: @program @how ("qemu is running"), then what the logs say, and @virtiofsd if that failed; g_free(). */
char *kata_external__why (const char *program, const char *how, int dir_fd, const struct kata_external_logs *logs,
                          const kata_exit_status *virtiofsd);
/** An error about a VM that has ended: KATA_E_GUEST when its kernel panicked, else KATA_E_VMM. */
int kata_external__ended_error (const char *doing, const char *why, int dir_fd, const char *console, kata_error **err);

/**
 * A guest can print for ever. A limit on the size of the VMM's files keeps its console log small; what comes after it is dropped (EFBIG, with
 * SIGXFSZ ignored). Call it once the machine exists, because it would hold for the memory's memfd too; it is at least the largest writable disk.
 * With 9p the VMM writes the container's files itself, so there it is not set.
 */
void kata_external__bound_logs (int64_t pid, const kata_vm_plan *plan);
/** Raises that limit to the size of a writable disk that comes later: past it the guest's writes would fail. KATA_E_PERMISSION. */
int kata_external__admit_disk (int64_t pid, const kata_vm_disk *disk, kata_error **err);
/** That @path, by which the VMM's process finds a disk that comes later, is the file @source: it may have been started in other mounts. KATA_E_HOST. */
int kata_external__check_seen (const kata_vm_disk *disk, const char *path, int source, kata_error **err);
/** How long a file may become that a VMM writes: the console with room to spare, and the largest regular file of a writable disk. */
uint64_t kata_external__file_max (const kata_vm_plan *plan);
/** Takes that limit away while the VMM of a paused guest writes its memory into a file; *before is for the second, which sets it again. KATA_E_PERMISSION. */
int kata_external__lift_bound (int64_t pid, struct rlimit *before, kata_error **err);
void kata_external__set_bound (int64_t pid, const struct rlimit *limit);

/* ---- external-socket.c ---- */

/** A listening unix socket @name (SOCK_STREAM or SOCK_SEQPACKET, also with SOCK_NONBLOCK) in the directory; the address goes through the descriptor, so the directory's path may be long. */
int kata_external__listen (int *fd, int dir_fd, const char *name, int type, kata_error **err);

/**
 * Connects to the unix socket @name in the directory, once. It must be a socket, not a link to one, and its other end must belong to us or to
 * root. KATA_E_NOT_FOUND while nobody listens there.
 */
int kata_external__connect (int *fd, int dir_fd, const char *name, int type, kata_error **err);

/** As above for SOCK_STREAM, tried again until @deadline_us or until the process behind @pidfd ends (KATA_E_VMM; -1 = none). */
int
kata_external__connect_wait (int *fd, int dir_fd, const char *name, int pidfd, int64_t deadline_us, kata_error **err);

/** How many descriptors go along with one message. */
#define KATA_EXTERNAL_FDS_MAX 64u
/** One sendmsg() that does not block: what it returns, with errno. The descriptors (at most KATA_EXTERNAL_FDS_MAX) go with the first byte. */
ssize_t kata_external__send (int fd, const char *data, size_t len, const int *fds, size_t n_fds);

/** A whole stream over a connected socket, which it owns. @lock_fd (or -1) stays open as long as the stream. */
void kata_external__stream (kata_stream *out, int fd, int lock_fd);

/** Sleeps up to @ms, less if @pidfd (or -1) ends; false when @deadline_us has passed. */
bool kata_external__pause (int pidfd, int ms, int64_t deadline_us);

#endif
