/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* error: why a call failed, as an object: a code to switch on, a sentence to show, the key or path it is about, its cause. */
#ifndef KATA_ERROR_H
#define KATA_ERROR_H

#include <kata/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Result codes. Functions return 0 or one of these; new ones are only added at the end. */
enum kata_error_code {
  KATA_OK = 0,
  KATA_E_INVALID = -1,     /* an argument is wrong: the caller's mistake */
  KATA_E_CONFIG = -2,      /* configuration file or annotation: wrong type, value or syntax */
  KATA_E_SPEC = -3,        /* OCI config.json: wrong or unsupported content */
  KATA_E_UNSUPPORTED = -4, /* the chosen hypervisor, guest or host cannot do this */
  KATA_E_NOT_FOUND = -5,   /* no such sandbox, container, process, file */
  KATA_E_EXISTS = -6,      /* the id is taken */
  KATA_E_STATE = -7,       /* not allowed in the object's present state */
  KATA_E_BUSY = -8,        /* somebody else holds it; try again */
  KATA_E_TIMEOUT = -9,     /* the deadline passed */
  KATA_E_CANCELLED = -10,  /* the caller or a concurrent stop ended it */
  KATA_E_NO_MEMORY = -11,  /* the host has no memory left */
  KATA_E_LIMIT = -12,      /* a named limit was exceeded */
  KATA_E_PERMISSION = -13, /* not allowed: by the host's permissions or by policy (annotations) */
  KATA_E_IO = -14,         /* a system call on the host failed */
  KATA_E_HOST = -15,       /* the host lacks something: a program, a kernel feature, a device */
  KATA_E_VMM = -16,        /* the virtual machine monitor failed or ended */
  KATA_E_GUEST = -17,      /* kernel, initrd or image is missing or broken, or the guest died */
  KATA_E_AGENT = -18,      /* the agent refused or failed a request */
  KATA_E_PROTOCOL = -19,   /* a peer broke the protocol: agent, QMP, virtiofsd */
  KATA_E_CORRUPT = -20,    /* a state file or journal cannot be trusted */
  KATA_E_INTERNAL = -21,   /* a mistake in libkata */
};

/** An error; immutable, reference-counted. */
typedef struct kata_error kata_error;

/**
 * kata_error_ref:
 * Take a reference.
 * @error: (nullable): the error
 * Returns: (transfer full): @error
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API kata_error *kata_error_ref (kata_error *error);

/**
 * kata_error_unref:
 * Drop a reference.
 * @error: (nullable) (transfer full): the error
 * Returns: NULL
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API kata_error *kata_error_unref (kata_error *error);

/**
 * kata_error_unrefp:
 * Drop the reference in a variable, for cleanup attributes.
 * @error: (inout): the variable; NULL afterwards
 * Returns: nothing
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API void kata_error_unrefp (kata_error **error);

/**
 * kata_error_get_code:
 * The code of an error.
 * @error: (nullable): the error
 * Returns: an enum kata_error_code, KATA_OK for NULL
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API int kata_error_get_code (const kata_error *error);

/**
 * kata_error_get_message:
 * The whole message in one line: what failed, on what, why, what to do, causes included.
 * @error: (nullable): the error
 * Returns: (transfer none): UTF-8 without control characters, owned by @error
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API const char *kata_error_get_message (const kata_error *error);

/**
 * kata_error_get_key:
 * The configuration key, JSON path, file or id that the error is about.
 * @error: (nullable): the error
 * Returns: (transfer none) (nullable): owned by @error
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API const char *kata_error_get_key (const kata_error *error);

/**
 * kata_error_get_cause:
 * The error below this one.
 * @error: (nullable): the error
 * Returns: (transfer none) (nullable): owned by @error
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API const kata_error *kata_error_get_cause (const kata_error *error);

/**
 * kata_error_code_name:
 * A code's stable name, for example "timeout" for KATA_E_TIMEOUT.
 * @code: an enum kata_error_code
 * Returns: (transfer none): a static string; "unknown" for other numbers
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API const char *kata_error_code_name (int code);

#ifdef __cplusplus
}
#endif
#endif
