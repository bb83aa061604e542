/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mounts: which mounts of a specification are the guest's own, and which bring files of the host. */
#include <string.h>

#include "plan/block.h"
#include "plan/build.h"
#include "plan/edit.h"

#define MOUNTS_MAX 512u

/* File systems that the guest's kernel makes by itself. */
static const char *const guest_types[] = { "proc",   "sysfs",   "tmpfs",      "ramfs",   "devpts", "mqueue",
                                           "cgroup", "cgroup2", "securityfs", "debugfs", NULL };

static bool
has_option (char **options, const char *wanted)
{
  return options != NULL && g_strv_contains ((const char *const *) options, wanted);
}

static bool
is_bind (const struct kata_oci_mount *mount)
{
  return g_strcmp0 (mount->type, "bind") == 0 || has_option (mount->options, "bind") ||
         has_option (mount->options, "rbind");
}

const char *
kata_plan__refuse_source (const char *source, const char *own_dir, bool rootfs)
{
  if (kata_plan__is_below ("/", source))
    return "is the whole host; share a directory of it";
  if (kata_plan__is_below (source, "/proc") || kata_plan__is_below (source, "/sys"))
    return "is the host kernel's; the guest has its own, mounted with type proc or sysfs";
  if (kata_plan__is_below (source, own_dir) || kata_plan__is_below (own_dir, source))
    return "holds the sandbox's own state, which no guest shall see";
  /* What is in /dev/shm are files, and the place where some have their containers. */
  if (rootfs ? kata_plan__is_below ("/dev", source)
             : kata_plan__is_below (source, "/dev") && !g_str_has_prefix (source, "/dev/shm/"))
    return "is a device of the host, or all of them; of these only block devices can be given to a guest";
  return NULL;
}

/* The host's word on propagation ends at the VM's edge. */
static char **
guest_options (struct kata_plan_edit *e, const struct kata_oci_mount *mount, const char *key)
{
  static const char *const outward[] = { "slave", "rslave", NULL };
  size_t n = mount->options != NULL ? g_strv_length (mount->options) : 0, kept = 0;
  char **options = kata_arena__new0 (e->arena, char *, n + 3);
  bool bind = false, changed = false;

  for (size_t i = 0; i < n; i++) {
    bool out = g_strv_contains (outward, mount->options[i]);
    bind |= strcmp (mount->options[i], "bind") == 0 || strcmp (mount->options[i], "rbind") == 0;
    changed |= out;
    if (!out)
      options[kept++] = mount->options[i];
  }
  if (!bind)
    options[kept++] = (char *) "rbind";
  if (changed) {
    options[kept++] = (char *) "rprivate";
    kata_plan__edit_warn (e, "%s: mounts made later on the host do not appear in the guest; taken as rprivate", key);
  }
  return options;
}

/* Outwards is what a virtual machine cannot do: the guest's kernel makes the mount, and the host's never hears of it. */
static int
check_propagation (const char *option, const char *key, kata_error **err)
{
  if (strcmp (option, "shared") != 0 && strcmp (option, "rshared") != 0)
    return 0;
  return kata_error__set (err, KATA_E_UNSUPPORTED, key,
                          "%s: \"%s\" asks that mounts made in the container appear on the host; what a guest mounts "
                          "stays in the guest; use rprivate or rslave",
                          key, option);
}

static int
check_options (const struct kata_oci_mount *mount, const char *key, kata_error **err)
{
  for (char **option = mount->options; option != NULL && *option != NULL; option++) {
    if (!kata_plan__is_printable (*option))
      return kata_error__set (err, KATA_E_SPEC, key, "%s: an option has a control character", key);
    int rc = check_propagation (*option, key, err);
    if (rc < 0)
      return rc;
    if (strcmp (*option, "idmap") == 0 || strcmp (*option, "ridmap") == 0)
      return kata_error__set (err, KATA_E_UNSUPPORTED, key, "%s: id-mapped mounts cannot be made in the guest", key);
  }
  if (mount->n_uid_mappings > 0 || mount->n_gid_mappings > 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, key, "%s: id-mapped mounts cannot be made in the guest", key);
  return 0;
}

/* Of a file system's options: where mounts of it appear, and what a bind mount has too. */
static const char *const propagation[] = {
  "private", "rprivate", "slave", "rslave", "unbindable", "runbindable", NULL
};
static const char *const outside[] = { "ro", "nosuid", "nodev", "noexec", NULL };

static const char *
storage_place (struct kata_plan_edit *e, size_t index)
{
  return kata_arena__printf (e->arena, KATA_GUEST_VOLUME_DIR "/%s-m%zu", e->out->id, index);
}

/* As for other runtimes, the container sees the device's node, which the agent lets it use. */
static int
bind_block (struct kata_plan_edit *e, struct kata_oci_mount *mount, const struct kata_block_fact *fact, size_t index,
            const char *key, kata_error **err)
{
  bool readonly = fact->readonly || has_option (mount->options, "ro");
  const char *const options[] = { "bind", readonly ? "ro" : NULL, NULL };
  const struct kata_storage node = { .fstype = "bind",
                                     .mount_point = storage_place (e, index),
                                     .options = kata_arena__strv (e->arena, options) };
  mount->source = node.mount_point;
  mount->options = guest_options (e, mount, key);
  return kata_plan__mount_block (e, fact, &node, key, err);
}

/* The agent mounts it with all that concerns the file system; the container gets a bind mount of that. */
static int
mount_block (struct kata_plan_edit *e, struct kata_oci_mount *mount, const struct kata_block_fact *fact, size_t index,
             const char *key, kata_error **err)
{
  char **inner = NULL, **outer = NULL;
  int rc = kata_plan__check_fstype (key, mount->type, err);
  if (rc < 0)
    return rc;
  if (fact->readonly && !has_option (mount->options, "ro"))
    inner = kata_arena__strv_add (e->arena, inner, "ro");
  if (strcmp (mount->type, "xfs") == 0 && !has_option (mount->options, "nouuid"))
    inner = kata_arena__strv_add (e->arena, inner, "nouuid"); /* it may be a copy of another that this guest has */
  for (char **option = mount->options; option != NULL && *option != NULL; option++)
    if (!g_strv_contains (propagation, *option))
      inner = kata_arena__strv_add (e->arena, inner, *option);
  for (char **option = mount->options; option != NULL && *option != NULL; option++)
    if (g_strv_contains (propagation, *option) || g_strv_contains (outside, *option))
      outer = kata_arena__strv_add (e->arena, outer, *option);
  const struct kata_storage storage = { .fstype = mount->type,
                                        .mount_point = storage_place (e, index),
                                        .options = inner };
  mount->type = "bind";
  mount->source = storage.mount_point;
  mount->options = outer;
  mount->options = guest_options (e, mount, key);
  return kata_plan__mount_block (e, fact, &storage, key, err);
}

static int
edit_bind (struct kata_plan_edit *e, struct kata_oci_mount *mount, size_t index, const char *key, kata_error **err)
{
  if (mount->source == NULL || mount->source[0] == '\0')
    return kata_error__set (err, KATA_E_SPEC, key, "%s: a bind mount without a source", key);
  mount->type = "bind";
  /* The pod's shared memory is the guest's. */
  if (strcmp (mount->destination, "/dev/shm") == 0) {
    mount->source = KATA_GUEST_SHM_DIR;
    mount->options = guest_options (e, mount, key);
    return 0;
  }
  const char *source = kata_plan__host_path (e, mount->source, key, err);
  if (source == NULL)
    return KATA_E_SPEC;
  const struct kata_block_fact *fact = kata_plan__block_at (e, source);
  if (fact != NULL)
    return bind_block (e, mount, fact, index, key, err);
  const char *refused = kata_plan__refuse_source (source, e->plan->vm.dir, false);
  if (refused != NULL)
    return kata_error__set (err, KATA_E_UNSUPPORTED, key, "%s: \"%.200s\" %s", key, source, refused);
  /* Both here and in the guest: a guest that breaks out of the container still cannot write. */
  const struct kata_share share = { .source = source,
                                    .path = kata_arena__printf (e->arena, "%s/m%zu", e->out->id, index),
                                    .readonly = has_option (mount->options, "ro"),
                                    .recursive = !has_option (mount->options, "bind") };
  mount->source = kata_plan__add_share (e, &share, key, err);
  mount->options = guest_options (e, mount, key);
  return mount->source != NULL ? 0 : KATA_E_UNSUPPORTED;
}

static int
edit_destination (struct kata_plan_edit *e, struct kata_oci_mount *mount, const char *key, kata_error **err)
{
  /* 1.2 allows a relative one: it is below the root. */
  if (mount->destination[0] != '/')
    mount->destination = kata_arena__printf (e->arena, "/%s", mount->destination);
  if (!kata_plan__path_is_clean (mount->destination))
    return kata_error__set (err, KATA_E_SPEC, key,
                            "%s.destination: \"%.200s\" has \"..\" or a control character, or is too long", key,
                            mount->destination);
  return 0;
}

static int
edit_mount (struct kata_plan_edit *e, struct kata_oci_mount *mount, size_t index, kata_error **err)
{
  g_autofree char *key = g_strdup_printf ("$.mounts[%zu]", index);
  int rc = edit_destination (e, mount, key, err);
  if (rc == 0)
    rc = check_options (mount, key, err);
  if (rc < 0)
    return rc;
  if (is_bind (mount))
    return edit_bind (e, mount, index, key, err);
  const char *source = mount->source != NULL && mount->source[0] == '/' ? mount->source : NULL;
  const struct kata_block_fact *fact = source != NULL ? kata_plan__block_at (e, source) : NULL;
  if (mount->type != NULL && fact != NULL && !g_strv_contains (guest_types, mount->type))
    return mount_block (e, mount, fact, index, key, err);
  if (mount->type == NULL || !g_strv_contains (guest_types, mount->type))
    return kata_error__set (err, KATA_E_UNSUPPORTED, key,
                            "%s: the type \"%.40s\" would need something of the host; bind mounts, the kernel's own "
                            "file systems and those on block devices are supported",
                            key, mount->type != NULL ? mount->type : "");
  return 0;
}

int
kata_plan__edit_mounts (struct kata_plan_edit *e, kata_error **err)
{
  size_t n = e->spec->n_mounts;
  if (n > MOUNTS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "$.mounts", "$.mounts: more than %u", MOUNTS_MAX);
  struct kata_oci_mount *mounts = kata_arena__new0 (e->arena, struct kata_oci_mount, n);
  for (size_t i = 0; i < n; i++) {
    mounts[i] = e->spec->mounts[i];
    int rc = edit_mount (e, &mounts[i], i, err);
    if (rc < 0)
      return rc;
  }
  e->spec->mounts = mounts;
  return 0;
}
