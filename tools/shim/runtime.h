/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runtime: the library's context for the shim: which configuration, which state directory; for the server and for `delete`. */
#ifndef SHIM_RUNTIME_H
#define SHIM_RUNTIME_H

#include <kata/kata.h>

#include "group.h"
#include "options.h"

/** The configuration is the one that the pod was given (ConfigPath), else LIBKATA_CONFIG, else where the library looks. */
int runtime_new (kata_runtime **out, const options *options, group *group, kata_error **err);
/** One that can remove things, whatever has become of the configuration. */
int runtime_new_anyhow (kata_runtime **out, const options *options, group *group, kata_error **err);
/** Writes down in the group's directory which configuration the pod is given, if any. */
gboolean runtime_keep_config (const options *options, group *group, char **error);
/** The first of "pids" in kata_sandbox_inspect()'s answer; 0 = there is none. */
uint32_t runtime_first_pid (const char *json);

#endif
