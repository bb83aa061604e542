/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process-file: a container's process object kept beside the state, so that an exec from another process starts from it. */
#ifndef KATA_SANDBOX_PROCESS_FILE_H
#define KATA_SANDBOX_PROCESS_FILE_H

#include "oci/spec.h"

/** The file's name in the sandbox's directory; g_free(). */
char *kata_process_file__name (const char *container_id);
/** The file's text: a config.json with the process alone. g_free(). */
char *kata_process_file__format (const kata_oci_process *process);
int kata_process_file__read (kata_oci_spec **out, int dirfd, const char *container_id, kata_error **err);

#endif
