/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* container: the order of the edits of one specification, its root file system, and the life of the result. */
#include "plan/container.h"

#include <string.h>

#include "base/id.h"
#include "plan/block.h"
#include "plan/build.h"
#include "plan/edit.h"
#include "plan/pack.h"

#define TERMINAL_ROWS    24u
#define TERMINAL_COLUMNS 80u
#define ROOT_OPTIONS_MAX 64u

kata_container_plan *
kata_container_plan__ref (kata_container_plan *plan)
{
  g_atomic_int_inc (&plan->ref_count);
  return plan;
}

void
kata_container_plan__unref (kata_container_plan *plan)
{
  if (plan == NULL || !g_atomic_int_dec_and_test (&plan->ref_count))
    return;
  kata_oci_spec__unref (plan->spec);
  kata_arena__free (plan->arena); /* the struct itself is in it */
}

void
kata_plan__edit_warn (struct kata_plan_edit *e, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_ptr_array_add (e->warnings, g_strdup_vprintf (format, args));
  va_end (args);
}

bool
kata_plan__is_below (const char *path, const char *dir)
{
  size_t len = strlen (dir);
  while (len > 0 && dir[len - 1] == '/')
    len--;
  return strncmp (path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

const char *
kata_plan__host_path (struct kata_plan_edit *e, const char *path, const char *key, kata_error **err)
{
  const char *bundle = e->options != NULL ? e->options->bundle : NULL;
  if (path[0] != '/' && bundle == NULL) {
    kata_error__set (err, KATA_E_SPEC, key, "%s: \"%.200s\" is relative, but there is no bundle that it is below", key,
                     path);
    return NULL;
  }
  const char *full = path[0] == '/' ? path : kata_arena__printf (e->arena, "%s/%s", bundle, path);
  if (!kata_plan__path_is_clean (full)) {
    kata_error__set (err, KATA_E_SPEC, key,
                     "%s: \"%.200s\" is no absolute path of at most %u UTF-8 bytes without \"..\" and control "
                     "characters",
                     key, full, KATA_PATH_MAX - 1);
    return NULL;
  }
  return full;
}

const char *
kata_plan__add_share (struct kata_plan_edit *e, const struct kata_share *share, const char *key, kata_error **err)
{
  const char *reason = e->plan->share_reason != NULL && *e->plan->share_reason ? e->plan->share_reason : NULL;
  if (e->plan->vm.share_kind == KATA_SHARE_NONE && e->plan->pack_dir[0] != '\0')
    e->out->packed = true;
  else if (e->plan->vm.share_kind == KATA_SHARE_NONE) {
    kata_error__set (err, KATA_E_UNSUPPORTED, key,
                     "%s: \"%.200s\" cannot reach the guest, nothing is shared with it%s%s", key, share->source,
                     reason != NULL && *reason != '\0' ? ": " : "", reason != NULL ? reason : "");
    return NULL;
  }
  e->out->shares[e->out->n_shares++] = *share;
  return kata_arena__printf (e->arena, "%s/%s", KATA_GUEST_SHARE_DIR, share->path);
}

int
kata_plan__check_fstype (const char *key, const char *fstype, kata_error **err)
{
  static const char *const known[] = { "ext4", "xfs", "erofs", "squashfs", "btrfs", NULL };
  if (!g_strv_contains (known, fstype))
    return kata_error__set (err, KATA_E_INVALID, key,
                            "%s: the type of the file system, \"%.40s\", is none of ext4, xfs, erofs, squashfs, btrfs",
                            key, fstype);
  return 0;
}

static bool
has (char **list, const char *word)
{
  return list != NULL && g_strv_contains ((const char *const *) list, word);
}

/* The caller's, and "ro" if nothing can be written. xfs refuses a second file system of one id in a kernel, and copies of an image have the same. */
static int
root_options (char ***out, struct kata_plan_edit *e, const char *fstype, bool readonly, kata_error **err)
{
  const char *const *said = e->options != NULL ? e->options->rootfs_options : NULL;
  char **list = NULL;
  for (size_t i = 0; said != NULL && said[i] != NULL; i++) {
    if (said[i][0] == '\0' || strchr (said[i], ',') != NULL || !kata_plan__is_printable (said[i]) ||
        !g_utf8_validate (said[i], -1, NULL))
      return kata_error__set (err, KATA_E_INVALID, "rootfs_options",
                              "rootfs_options[%zu]: is empty, or has a comma, a control character or no UTF-8", i);
    if (i >= ROOT_OPTIONS_MAX)
      return kata_error__set (err, KATA_E_LIMIT, "rootfs_options", "rootfs_options: more than %u", ROOT_OPTIONS_MAX);
    list = kata_arena__strv_add (e->arena, list, kata_arena__strdup (e->arena, said[i]));
  }
  if (readonly && !has (list, "ro"))
    list = kata_arena__strv_add (e->arena, list, "ro");
  if (strcmp (fstype, "xfs") == 0 && !has (list, "nouuid"))
    list = kata_arena__strv_add (e->arena, list, "nouuid");
  *out = list;
  return 0;
}

static int
root_from_disk (struct kata_plan_edit *e, kata_error **err)
{
  const char *id = e->options->rootfs_disk;
  const char *fstype = e->options->rootfs_fstype != NULL ? e->options->rootfs_fstype : "ext4";
  const kata_vm_disk *disk = kata_plan__disk_named (e->plan->vm.disks, id);
  if (disk == NULL)
    return kata_error__set (err, KATA_E_INVALID, "rootfs_disk", "rootfs_disk: the sandbox has no disk \"%.40s\"", id);
  if (!e->plan->disks_by_order && disk->vhost_user == 0 && (e->plan->guest_features & KATA_GUEST_BY_KATA) == 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "rootfs_disk",
                            "rootfs_disk: this guest's agent does not find disks by their id");
  char **how = NULL;
  int rc = kata_plan__check_fstype ("rootfs_fstype", fstype, err);
  if (rc == 0)
    rc = root_options (&how, e, fstype, disk->readonly, err);
  if (rc < 0)
    return rc;
  struct kata_storage *storage = &e->out->storages[e->out->n_storages++];
  const char *where = kata_arena__printf (e->arena, "%s/%s", KATA_GUEST_STORAGE_DIR, e->out->id);
  *storage =
      (struct kata_storage){ .fstype = kata_arena__strdup (e->arena, fstype), .mount_point = where, .options = how };
  kata_plan__find_disk (storage, e->arena, e->plan, disk);
  e->out->disk = kata_arena__strdup (e->arena, disk->id);
  e->out->disk_by_place = disk->vhost_user != 0;
  if (has (how, "ro"))
    e->spec->root_readonly = true;
  e->spec->root_path = where;
  e->spec->have_root = true;
  return 0;
}

/* Who says how it is mounted says whether it takes writes: then only the container may see a read-only root so. */
static int
root_from_block (struct kata_plan_edit *e, const struct kata_block_fact *fact, kata_error **err)
{
  const char *fstype = e->options != NULL && e->options->rootfs_fstype != NULL ? e->options->rootfs_fstype : "ext4";
  bool said = e->options != NULL && e->options->rootfs_options != NULL;
  char **how = NULL;
  int rc = kata_plan__check_fstype ("rootfs_fstype", fstype, err);
  if (rc == 0)
    rc = root_options (&how, e, fstype, fact->readonly || (!said && e->spec->root_readonly), err);
  if (rc < 0)
    return rc;
  const struct kata_storage storage = { .fstype = kata_arena__strdup (e->arena, fstype),
                                        .mount_point =
                                            kata_arena__printf (e->arena, KATA_GUEST_STORAGE_DIR "/%s", e->out->id),
                                        .options = how };
  e->spec->root_path = storage.mount_point;
  e->spec->root_readonly = e->spec->root_readonly || has (how, "ro");
  return kata_plan__mount_block (e, fact, &storage, "$.root.path", err);
}

int
kata_plan__edit_root (struct kata_plan_edit *e, kata_error **err)
{
  if (e->options != NULL && e->options->rootfs_disk != NULL)
    return root_from_disk (e, err);
  if (!e->spec->have_root || e->spec->root_path == NULL)
    return kata_error__set (err, KATA_E_SPEC, "$.root", "$.root: is missing; name the container's root directory");
  const char *source = kata_plan__host_path (e, e->spec->root_path, "$.root.path", err);
  if (source == NULL)
    return KATA_E_SPEC;
  const struct kata_block_fact *fact = kata_plan__block_at (e, source);
  if (fact != NULL)
    return root_from_block (e, fact, err);
  const char *refused = kata_plan__refuse_source (source, e->plan->vm.dir, true);
  if (refused != NULL)
    return kata_error__set (err, KATA_E_SPEC, "$.root.path", "$.root.path: \"%.200s\" %s", source, refused);
  /* Not read-only on the host even if the root is: crun may have to make the directories that it mounts on. */
  const struct kata_share share = { .source = source,
                                    .bundle = e->spec->root_path[0] != '/' ? e->options->bundle : NULL,
                                    .path = kata_arena__printf (e->arena, "%s/rootfs", e->out->id),
                                    .recursive = true,
                                    .rootfs = true };
  e->spec->root_path = kata_plan__add_share (e, &share, "$.root.path", err);
  return e->spec->root_path != NULL ? 0 : KATA_E_UNSUPPORTED;
}

/* Names that have a meaning among Kata's directories in the guest. */
static int
check_id (const char *cid, kata_error **err)
{
  static const char *const reserved[] = { "shared", "sandbox", "virtual-volumes", "image", NULL };
  int rc = kata_id__check ("id", cid, err);
  if (rc == 0 && g_strv_contains (reserved, cid))
    rc = kata_error__set (err, KATA_E_INVALID, "id", "id: \"%s\" is reserved in the guest; choose another", cid);
  return rc;
}

static void
decide_terminal (struct kata_plan_edit *e)
{
  const kata_oci_process *process = &e->spec->process;
  uint32_t rows = e->options != NULL && e->options->rows > 0 ? e->options->rows : process->console_height;
  uint32_t columns = e->options != NULL && e->options->columns > 0 ? e->options->columns : process->console_width;
  e->out->terminal = process->terminal;
  e->out->rows = rows > 0 ? rows : TERMINAL_ROWS;
  e->out->columns = columns > 0 ? columns : TERMINAL_COLUMNS;
}

static kata_container_plan *
container_plan_new (kata_oci_spec *spec, const char *cid)
{
  kata_arena *arena = kata_arena__new ();
  kata_container_plan *plan = kata_arena__new0 (arena, kata_container_plan, 1);
  plan->arena = arena;
  plan->ref_count = 1;
  plan->id = kata_arena__strdup (arena, cid);
  plan->disk = "";
  plan->spec = kata_oci_spec__derive (spec);
  plan->shares = kata_arena__new0 (arena, struct kata_share, spec->n_mounts + 1);
  plan->storages = kata_arena__new0 (arena, struct kata_storage, 4 + spec->n_mounts);
  plan->blocks = kata_arena__new0 (arena, struct kata_block, KATA_DISKS_MAX);
  plan->devices = kata_arena__new0 (arena, struct kata_guest_device, spec->linux_.n_devices);
  return plan;
}

int
kata_container_plan__make (kata_container_plan **out, const kata_plan *plan, kata_oci_spec *spec,
                           const kata_container_options *options, const struct kata_container_facts *facts,
                           const char *cid, kata_error **err)
{
  static int (*const steps[]) (struct kata_plan_edit *,
                               kata_error **) = { kata_plan__edit_process, kata_plan__edit_root, kata_plan__edit_mounts,
                                                  kata_plan__edit_devices, kata_plan__edit_linux };
  int rc = check_id (cid, err);
  if (rc < 0)
    return rc;
  g_autoptr (kata_container_plan) made = container_plan_new (spec, cid);
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
  struct kata_plan_edit e = { .out = made,
                              .arena = made->spec->arena,
                              .spec = made->spec,
                              .plan = plan,
                              .options = options,
                              .facts = facts,
                              .warnings = warnings };
  for (char **warning = spec->warnings; warning != NULL && *warning != NULL; warning++)
    kata_plan__edit_warn (&e, "%s", *warning);
  for (size_t i = 0; i < G_N_ELEMENTS (steps); i++) {
    rc = steps[i](&e, err);
    if (rc < 0)
      return rc;
  }
  decide_terminal (&e);
  made->warnings = kata_plan__take_warnings (made->arena, warnings);
  *out = g_steal_pointer (&made);
  return 0;
}
