/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process: the OCI runtime specification's `process` object as a struct; read by oci/process.c, never executed here. */
#ifndef KATA_OCI_PROCESS_H
#define KATA_OCI_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Values that may be absent. */
struct kata_oci_bool {
  bool have, value;
};
struct kata_oci_i64 {
  bool have;
  int64_t value;
};
struct kata_oci_u64 {
  bool have;
  uint64_t value;
};

/** A "name": "value" pair; arrays of them keep the order of the text. */
struct kata_oci_pair {
  const char *name, *value;
};

struct kata_oci_rlimit {
  const char *type; /* "RLIMIT_NOFILE" */
  uint64_t hard, soft;
};

struct kata_oci_user {
  uint32_t uid, gid;
  struct kata_oci_u64 umask;
  uint32_t *additional_gids;
  size_t n_additional_gids;
  const char *username; /* (nullable) */
};

/** Names such as "CAP_KILL"; each list may be NULL. `have` false = the object was absent. */
struct kata_oci_capabilities {
  bool have;
  char **bounding, **effective, **inheritable, **permitted, **ambient;
};

/** Lists of strings are NULL-terminated, or NULL when absent; strings are NULL when absent. */
typedef struct kata_oci_process kata_oci_process;
struct kata_oci_process {
  bool terminal;
  uint32_t console_height, console_width; /* 0 = not given */
  struct kata_oci_user user;
  char **args;
  char **env;
  const char *cwd;
  struct kata_oci_capabilities capabilities;
  struct kata_oci_rlimit *rlimits;
  size_t n_rlimits;
  bool no_new_privileges;
  const char *apparmor_profile;
  struct kata_oci_i64 oom_score_adj;
  const char *selinux_label;
};

/** Limits of what is read; more is KATA_E_LIMIT. */
#define KATA_OCI_ARGS_MAX   4096u
#define KATA_OCI_ENV_MAX    4096u
#define KATA_OCI_STRING_MAX (128u * 1024u) /* one argument or variable: what the kernel allows too */
#define KATA_OCI_ITEMS_MAX  8192u          /* entries of any other list */

/** A process object on its own (exec --process). KATA_E_SPEC with key = JSON path, KATA_E_LIMIT. Release with kata_oci_process__free(). */
int kata_oci_process__parse (kata_oci_process **out, const char *text, size_t len, kata_error **err);
void
kata_oci_process__free (kata_oci_process *process); /* only for what kata_oci_process__parse() made; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_oci_process, kata_oci_process__free)

#endif
