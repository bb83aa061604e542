/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtiofsd: starts the server of a directory shared by virtio-fs; both the C one (QEMU < 8) and the Rust one. It knows no VMM. */
#ifndef KATA_BACKEND_VIRTIOFSD_H
#define KATA_BACKEND_VIRTIOFSD_H

#include <stdbool.h>

#include "backend/external.h"

/** The socket in the sandbox's directory that the VMM connects to, and the server's standard error. */
#define KATA_VIRTIOFSD_SOCKET "virtiofsd.sock"
#define KATA_VIRTIOFSD_LOG    "virtiofsd.log"

/** Which one it is; their options differ. */
enum kata_virtiofsd_kind { KATA_VIRTIOFSD_C = 0, KATA_VIRTIOFSD_RUST };

/** One of them, and in whose table of the configuration it is: "qemu". */
struct kata_virtiofsd {
  const char *hypervisor;
  const char *program;
  enum kata_virtiofsd_kind kind;
};

/** Grants or lacks KATA_CAP_FS_SHARE_VIRTIOFS. @plan: virtiofsd_path. */
void kata_virtiofsd__probe (const char *hypervisor, const kata_vm_plan *plan, kata_capabilities *caps);

/**
 * Pure: the command line; the listening socket is descriptor 3. Its sandbox and seccomp filter are always on. Configured arguments that would
 * name another directory, another socket or a weaker sandbox are KATA_E_CONFIG. @nofile: the hard limit of descriptors. g_strfreev().
 */
int kata_virtiofsd__argv (char ***out, const struct kata_virtiofsd *server, const kata_vm_plan *plan, uint64_t nofile,
                          kata_error **err);

/** Starts it, recorded in the journal. It ends by itself when the VMM closes the connection. */
int kata_virtiofsd__start (kata_child *out, const char *hypervisor, const kata_vm_plan *plan, int dir_fd,
                           const kata_backend_env *env, kata_error **err);

#endif
