/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* helper: starts kata-vmm with a machine and waits until it is ready to run; what the machine is made of is its caller's affair. */
#ifndef KATA_BACKEND_BUILTIN_HELPER_H
#define KATA_BACKEND_BUILTIN_HELPER_H

#include "host/child.h"
#include "vmm/describe.h"

typedef struct kata_builtin_helper {
  const char *program; /* kata-vmm, absolute */
  /* Descriptors are ours, of any number; they may be closed afterwards. host_userns, control_uid, uid and gid are filled in. */
  const struct vmm_description *description;
  /* Who kata-vmm is on the host when we are root; 0 = root is kept (which layer "identity" must be waived for). Without privileges: ourselves. */
  uint32_t uid, gid;
  int stderr_fd; /* -1 = /dev/null */
  int64_t deadline_us;
  int (*record) (void *record_data, const kata_pid_identity *identity, kata_error **err); /* as in kata_child_options */
  void *record_data;
} kata_builtin_helper;

/**
 * Returns when the machine is built and jailed, about to run. Its own error on failure: KATA_E_HOST with key VMM_LAYER_KEY names a layer of the
 * jail; KATA_E_VMM when it died without a word, KATA_E_TIMEOUT; no process is left then. *out is untouched on failure.
 */
int kata_builtin_helper__start (kata_child *out, const kata_builtin_helper *helper, kata_error **err);

#endif
