/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spec: the OCI runtime specification's config.json (1.2) as a struct: read, made from nothing, changed by options. Opens no file. */
#ifndef KATA_OCI_SPEC_H
#define KATA_OCI_SPEC_H

#include <kata/container.h>

#include "base/arena.h"
#include "oci/linux.h"

struct kata_oci_mount {
  const char *destination;
  const char *type;   /* (nullable) */
  const char *source; /* (nullable) */
  char **options;     /* (nullable) */
  struct kata_oci_id_mapping *uid_mappings, *gid_mappings;
  size_t n_uid_mappings, n_gid_mappings;
};

struct kata_oci_hook {
  const char *path;
  char **args, **env;
  struct kata_oci_i64 timeout; /* seconds */
};
struct kata_oci_hook_list {
  struct kata_oci_hook *items;
  size_t n;
};
struct kata_oci_hooks {
  struct kata_oci_hook_list prestart, create_runtime, create_container, start_container, poststart, poststop;
};

/**
 * A container's specification. Reference-counted; it must not be changed once a second reference exists.
 * Strings and arrays belong to it. Lists of strings are NULL-terminated, or NULL when absent.
 */
typedef struct kata_oci_spec kata_oci_spec;
struct kata_oci_spec {
  int ref_count;       /* internal */
  kata_arena *arena;   /* internal: owns everything */
  kata_oci_spec *base; /* internal: the specification that strings were taken over from */
  const char *oci_version;
  bool have_process; /* absent is allowed until start; the library wants it at create */
  kata_oci_process process;
  bool have_root;
  const char *root_path; /* as written; relative = to the bundle */
  bool root_readonly;
  const char *hostname, *domainname;
  struct kata_oci_mount *mounts;
  size_t n_mounts;
  struct kata_oci_hooks hooks;
  struct kata_oci_pair *annotations;
  size_t n_annotations;
  struct kata_oci_linux linux_; /* `linux` is a macro of gcc's gnu modes */
  bool has_windows, has_solaris, has_vm, has_zos;
  char **warnings; /* members that the specification (1.2) does not know, and the like; NULL-terminated, may be NULL */
};

/** The text's limits. */
#define KATA_OCI_BYTES_MAX  ((size_t) 4 << 20)
#define KATA_OCI_DEPTH_MAX  32u
#define KATA_OCI_VALUES_MAX 200000u

/** Reads a config.json. KATA_E_SPEC with key = JSON path (`$.process.args[3]`), KATA_E_LIMIT. */
int kata_oci_spec__parse (kata_oci_spec **out, const char *text, size_t len, kata_error **err);

/** A specification that runs sh in @rootfs (nullable: to be set later): what `run --rootfs` starts from. Never fails. */
kata_oci_spec *kata_oci_spec__default (const char *rootfs);

/**
 * Changes @spec (with one reference) as the options say: rootfs, args, env, cwd, user, hostname, volumes, limits, flags.
 * Not id, bundle, config_json and rootfs_disk, which say where a specification comes from. KATA_E_INVALID with key = the option.
 */
int kata_oci_spec__apply_options (kata_oci_spec *spec, const kata_container_options *options, kata_error **err);

/**
 * A new specification that starts as a copy of @spec and may be changed (replace arrays, do not write into them); it keeps a reference to @spec.
 */
kata_oci_spec *kata_oci_spec__derive (kata_oci_spec *spec);

/**
 * The process that an exec runs: @options->process_json, or the container's process with the options applied. Belongs to
 * the returned specification's `process`. KATA_E_SPEC, KATA_E_INVALID.
 */
int
kata_oci_spec__exec (kata_oci_spec **out, kata_oci_spec *container, const kata_exec_options *options, kata_error **err);

kata_oci_spec *kata_oci_spec__ref (kata_oci_spec *spec);
void kata_oci_spec__unref (kata_oci_spec *spec); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_oci_spec, kata_oci_spec__unref)

/** The value of an annotation, or NULL. */
const char *kata_oci_spec__annotation (const kata_oci_spec *spec, const char *name);

#endif
