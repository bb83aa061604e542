/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runtime: the library's context: configuration, logging, backends, the state directory; any number per process. */
#ifndef KATA_RUNTIME_H
#define KATA_RUNTIME_H

#include <kata/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A context: configuration, log, backends and state directory; reference-counted. */
typedef struct kata_runtime kata_runtime;
struct kata_backend;

/** How important a log line is; each level includes those before it. */
enum kata_log_level { KATA_LOG_ERROR = 0, KATA_LOG_WARNING, KATA_LOG_INFO, KATA_LOG_DEBUG };

/** Receives log lines; called from any thread, with no lock of the library's held; @message has no newline. */
typedef void (*kata_log_fn) (void *user_data, int level, const char *message);

/** How to make a runtime. Fields are only ever added at the end. */
typedef struct kata_runtime_options {
  size_t size;
  const char *config_path; /* (nullable): a configuration.toml; NULL = the search path, then built-in defaults */
  const char *state_dir;   /* (nullable): absolute; NULL = /run/libkata, or /run/user/UID/libkata when not root */
  kata_log_fn log;         /* (nullable): NULL = say nothing */
  void *log_data;
  void (*log_data_free) (void *log_data); /* (nullable): runs once, when the runtime goes */
  int32_t log_level;                      /* the most detailed enum kata_log_level wanted */
  uint32_t flags;                         /* 0 */
  const char *hypervisor; /* (nullable): backend to use unless a sandbox names one; NULL = the configuration's */
} kata_runtime_options;
#define KATA_RUNTIME_OPTIONS_INIT                                                                                      \
  {                                                                                                                    \
    sizeof (kata_runtime_options), NULL, NULL, NULL, NULL, NULL, KATA_LOG_WARNING, 0, NULL                             \
  }

/**
 * kata_runtime_new:
 * Read the configuration and make a context; creates the state directory (mode 0700), starts nothing.
 * @out: (out) (transfer full): new reference; untouched on failure
 * @options: (nullable): NULL = defaults
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_INVALID, KATA_E_CONFIG, KATA_E_IO, KATA_E_PERMISSION
 * Threads: any. Blocks: file reads only. Since: 0.1
 */
KATA_API int kata_runtime_new (kata_runtime **out, const kata_runtime_options *options, kata_error **err);

/**
 * kata_runtime_ref:
 * Take a reference.
 * @runtime: (nullable): the runtime
 * Returns: (transfer full): @runtime
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API kata_runtime *kata_runtime_ref (kata_runtime *runtime);

/**
 * kata_runtime_unref:
 * Drop a reference. Dropping the last one releases the handle only: sandboxes go on without it.
 * @runtime: (nullable) (transfer full): the runtime
 * Returns: NULL
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API kata_runtime *kata_runtime_unref (kata_runtime *runtime);

/**
 * kata_runtime_unrefp:
 * Drop the reference in a variable, for cleanup attributes.
 * @runtime: (inout): the variable; NULL afterwards
 * Returns: nothing
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API void kata_runtime_unrefp (kata_runtime **runtime);

/**
 * kata_runtime_get_state_dir:
 * The directory that holds the sandboxes' state.
 * @runtime: the runtime
 * Returns: (transfer none): an absolute path owned by @runtime
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API const char *kata_runtime_get_state_dir (kata_runtime *runtime);

/**
 * kata_runtime_get_hypervisor:
 * The hypervisor of a sandbox that names none: the options', else the configuration's, else the library's choice.
 * @runtime: the runtime
 * @why: (out) (optional) (transfer none): one line saying why the built-in microVMM cannot run here and what to do; owned by @runtime.
 *   NULL if the library chose the built-in microVMM, or did not have to choose
 * Returns: (transfer none): the backend's name, owned by @runtime
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API const char *kata_runtime_get_hypervisor (kata_runtime *runtime, const char **why);

/**
 * kata_runtime_add_backend:
 * Offer one more hypervisor to this runtime, before its first sandbox.
 * @runtime: the runtime
 * @backend: see <kata/sys/backend.h>; must outlive @runtime
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_INVALID (wrong size or ABI number, missing verb), KATA_E_EXISTS (the name is taken)
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API int kata_runtime_add_backend (kata_runtime *runtime, const struct kata_backend *backend, kata_error **err);

/**
 * kata_runtime_load_backend:
 * Load one more hypervisor from a .so that exports its table as `kata_backend_plugin` (see <kata/sys/backend.h>), and add it as kata_runtime_add_backend()
 * does. The code gets all rights of the process, so @path is the program's own word: never a bundle's, an annotation's or the environment's. The file must
 * belong to root or to the effective user and be writable by nobody else, and its path must hold no symbolic link. What was looked at is what is loaded.
 * It stays in the process for good; a library that is refused is taken out again, after its initializers have run.
 * @runtime: the runtime
 * @path: absolute
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_NOT_FOUND (no such file), KATA_E_PERMISSION (others can write to it, or it lies behind a symbolic link), KATA_E_INVALID (no library, no
 *   table in it, a table of the wrong size or without a verb that must be there), KATA_E_UNSUPPORTED (made for a newer interface), KATA_E_EXISTS (the name
 *   is taken), KATA_E_IO
 * Threads: any. Blocks: file reads, and what the library does when it is loaded. Since: 0.2
 */
KATA_API int kata_runtime_load_backend (kata_runtime *runtime, const char *path, kata_error **err);

/**
 * kata_runtime_list:
 * The ids of all sandboxes in the state directory, those of other processes too.
 * @out: (out) (transfer full): NULL-terminated, sorted; release with kata_strv_free()
 * @runtime: the runtime
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_IO
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API int kata_runtime_list (char ***out, kata_runtime *runtime, kata_error **err);

/** What kata_runtime_recover() touches. */
enum kata_recover_flags {
  KATA_RECOVER_DEAD =
      0,               /* sandboxes that were being made or removed by a process that is gone, or whose VM has ended */
  KATA_RECOVER_ALL = 1 /* also running ones: everything in the state directory is stopped and removed */
};

/**
 * kata_runtime_recover:
 * Undo what processes that were killed have left: replays the journals backwards. Sandboxes that run, or that a living process
 * works on, are left alone.
 * @runtime: the runtime
 * @flags: enum kata_recover_flags
 * @n_recovered: (out) (optional): how many sandboxes were removed
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): the first failure; the others were tried all the same
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_IO, KATA_E_TIMEOUT, KATA_E_CORRUPT
 * Threads: any. Blocks: until processes have ended, at most @timeout_ms. Since: 0.1
 */
KATA_API int kata_runtime_recover (kata_runtime *runtime, uint32_t flags, uint32_t *n_recovered, int64_t timeout_ms,
                                   kata_error **err);

/**
 * kata_runtime_recover_sandbox:
 * The same for one sandbox by its id, also one whose making was cut short so early that kata_sandbox_open() does not find it. One that runs,
 * and an id that nothing is left of, are no error.
 * @runtime: the runtime
 * @id: the sandbox
 * @timeout_ms: milliseconds, also for who works on it; KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_INVALID (the id), KATA_E_BUSY (a living process works on it), KATA_E_IO, KATA_E_TIMEOUT, KATA_E_CORRUPT
 * Threads: any. Blocks: until processes have ended, at most @timeout_ms. Since: 0.1
 */
KATA_API int kata_runtime_recover_sandbox (kata_runtime *runtime, const char *id, int64_t timeout_ms, kata_error **err);

/**
 * kata_runtime_check:
 * Can this host run containers in virtual machines? One row per requirement.
 * @json: (out) (transfer full): an array of {"name","ok","required","detail","remedy"}; release with kata_free()
 * @runtime: the runtime
 * @err: (out) (optional): why it failed
 * Returns: 0 (also when rows say no) or a negative kata_error_code
 * Errors: KATA_E_IO
 * Threads: any. Blocks: runs each hypervisor's --version, at most 10 s. Since: 0.1
 */
KATA_API int kata_runtime_check (char **json, kata_runtime *runtime, kata_error **err);

/**
 * kata_runtime_describe:
 * The settings in force, where they came from, versions, host, hypervisor, kernel and image (as Kata's kata-env).
 * @json: (out) (transfer full): an object; release with kata_free()
 * @runtime: the runtime
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_IO
 * Threads: any. Blocks: as kata_runtime_check(). Since: 0.1
 */
KATA_API int kata_runtime_describe (char **json, kata_runtime *runtime, kata_error **err);

#ifdef __cplusplus
}
#endif
#endif
