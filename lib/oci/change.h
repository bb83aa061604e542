/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* change: the changes that run and exec options make to a process; not for other layers. */
#ifndef KATA_OCI_CHANGE_H
#define KATA_OCI_CHANGE_H

#include "base/arena.h"
#include "oci/process.h"

/** What both kinds of options have. */
struct kata_oci_change {
  const char *const *args, *const *env;
  const char *cwd, *user;
  bool terminal;
  uint32_t rows, columns;
};

/** New strings come from @arena. KATA_E_INVALID, KATA_E_LIMIT with key = the option. */
int kata_oci_process__change (kata_oci_process *process, kata_arena *arena, const struct kata_oci_change *change,
                              kata_error **err);

#endif
