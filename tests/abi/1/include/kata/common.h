/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* common: what every public header shares: visibility, time-outs, memory given to the caller, the version. */
#ifndef KATA_COMMON_H
#define KATA_COMMON_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) && !defined(KATA_NO_VISIBILITY)
#define KATA_API __attribute__ ((visibility ("default")))
#else
#define KATA_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** A time-out argument, in milliseconds: 0 = do not block, this = the bound that the configuration sets for the call. */
#define KATA_TIMEOUT_DEFAULT INT64_C (-1)
/** A time-out argument: wait for ever. */
#define KATA_TIMEOUT_NONE INT64_MAX

/** Ids (sandbox, container, exec) match [A-Za-z0-9][A-Za-z0-9_.-]* and are at most this long. */
#define KATA_ID_MAX 128

/**
 * kata_free:
 * Release a string or buffer that a libkata function returned as `char **out`.
 * @ptr: (nullable) (transfer full): the memory
 * Returns: nothing
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API void kata_free (void *ptr);

/**
 * kata_strv_free:
 * Release a NULL-terminated array of strings that a libkata function returned as `char ***out`, with its strings.
 * @strv: (nullable) (transfer full): the array
 * Returns: nothing
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API void kata_strv_free (char **strv);

/**
 * kata_version:
 * The version of the library in use, for example "0.1.0".
 * Returns: (transfer none): a static string
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API const char *kata_version (void);

#ifdef __cplusplus
}
#endif
#endif
