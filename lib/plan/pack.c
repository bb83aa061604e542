/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pack: directories for a guest with which nothing can be shared: an image of them on one of the disks that are there for this from the start. */
#include "plan/pack.h"

#include <string.h>

#include "plan/build.h"
#include "plan/container.h"

#define PACK_ID "kata-pack-"

/* In the guest, each with the container's id behind it. */
#define IMAGE_DIR  "/run/kata-containers/sandbox/packs"
#define CHANGE_DIR "/run/kata-containers/sandbox/changes"

/* ---- the sandbox's ---- */

/* Who names a virtiofsd wants it, and is told when there is none. */
static const char *
why_not (struct kata_plan_build *b, bool asked)
{
  if (!asked && b->hv->virtio_fs_daemon[0] != '\0')
    return kata_arena__printf (b->arena, "%s is set", kata_plan__key (b, "virtio_fs_daemon"));
  if (b->hv->packed_containers == 0)
    return kata_arena__printf (b->arena, "%s is 0", kata_plan__key (b, "packed_containers"));
  if (!kata_plan__has (b, KATA_CAP_BLOCK))
    return kata_plan__reason (b, KATA_CAP_BLOCK);
  if ((b->plan->guest_features & KATA_GUEST_BLOCK) == 0)
    return "the guest's kernel has no virtio-blk";
  if (!b->plan->disks_by_order && (b->plan->guest_features & KATA_GUEST_BY_KATA) == 0)
    return "this guest's agent does not find disks by their id";
  return NULL;
}

static void
add_disks (struct kata_plan_build *b, size_t n)
{
  kata_vm_plan *vm = &b->plan->vm;
  size_t had = 0;
  while (vm->disks != NULL && vm->disks[had] != NULL)
    had++;
  const kata_vm_disk **list = kata_arena__new0 (b->arena, const kata_vm_disk *, had + n + 1);
  kata_vm_disk *disks = kata_arena__new0 (b->arena, kata_vm_disk, n);
  for (size_t i = 0; i < had; i++)
    list[i] = vm->disks[i];
  for (size_t i = 0; i < n; i++) {
    disks[i] = (kata_vm_disk){ .size = sizeof disks[i],
                               .id = kata_arena__printf (b->arena, PACK_ID "%zu", i),
                               .path = kata_arena__printf (b->arena, "%s/" PACK_ID "%zu", vm->dir, i),
                               .readonly = 1 };
    list[had + i] = &disks[i];
  }
  vm->disks = list;
}

int
kata_plan__packs (struct kata_plan_build *b, kata_error **err)
{
  kata_vm_plan *vm = &b->plan->vm;
  const char *key = kata_plan__key (b, "shared_fs");
  size_t had = 0;
  b->plan->pack_dir = "";
  b->plan->disks_by_order = kata_plan__has (b, KATA_CAP_BLOCK_BY_ORDER);
  while (vm->disks != NULL && vm->disks[had] != NULL)
    had++;
  if (vm->share_kind != KATA_SHARE_NONE)
    return 0;
  bool asked = strcmp (b->hv->shared_fs, "none") == 0;
  const char *not = why_not (b, asked);
  if (not != NULL && !asked)
    kata_plan__warn (b, "%s: no directory can be shared with the guest: %s; nor packed into a disk: %s", key,
                     b->plan->share_reason, not );
  if (not != NULL)
    return 0;
  if (!asked)
    kata_plan__warn (b,
                     "%s: the directories of a container are packed into a disk when it is created, since none can "
                     "be shared with the guest: %s",
                     key, b->plan->share_reason);
  b->plan->pack_dir = kata_arena__printf (b->arena, "%s/packs", vm->dir);
  add_disks (b, MIN ((size_t) b->hv->packed_containers, KATA_DISKS_MAX - MIN (had, KATA_DISKS_MAX)));
  return 0;
}

/* ---- a disk as the guest finds it ---- */

/* The places of later disks come after all that are there from the start. */
static size_t
position (const kata_plan *plan, const kata_vm_disk *disk)
{
  size_t n = plan->vm.initrd[0] == '\0' && plan->vm.image[0] != '\0' ? 1 : 0;
  for (size_t i = 0; plan->vm.disks[i] != NULL && (disk->port != 0 || plan->vm.disks[i] != disk); i++)
    n += plan->vm.disks[i]->port == 0;
  return n + (disk->port != 0 ? disk->port - 1 : 0);
}

void
kata_plan__find_disk (struct kata_storage *storage, kata_arena *arena, const kata_plan *plan, const kata_vm_disk *disk)
{
  if (plan->disks_by_order) {
    storage->driver = "mmioblk";
    storage->source = kata_arena__printf (arena, "/dev/vd%c", (char) ('a' + position (plan, disk)));
    return;
  }
  storage->driver = "blk";
  if (disk->vhost_user != 0) {
    storage->source = ""; /* the hypervisor knows where, once it runs */
    return;
  }
  storage->source = kata_arena__printf (arena, "%s/%s", KATA_GUEST_DISK_DIR, disk->id);
}

const kata_vm_disk *
kata_plan__pack_disk (const kata_plan *plan, size_t n)
{
  for (size_t i = 0; plan->vm.disks != NULL && plan->vm.disks[i] != NULL; i++)
    if (kata_plan__is_pack (plan->vm.disks[i]) && n-- == 0)
      return plan->vm.disks[i];
  return NULL;
}

bool
kata_plan__is_pack (const kata_vm_disk *disk)
{
  return g_str_has_prefix (disk->id, PACK_ID);
}

/* ---- a container's ---- */

static struct kata_storage *
next (kata_container_plan *container)
{
  return &container->storages[container->n_storages++];
}

void
kata_container_plan__unpack (kata_container_plan *container, const kata_plan *plan, const kata_vm_disk *disk)
{
  static const char create[] = "io.katacontainers.volume.overlayfs.create_directory=";
  kata_arena *arena = container->arena;
  const char *image = kata_arena__printf (arena, IMAGE_DIR "/%s", container->id);
  const char *change = kata_arena__printf (arena, CHANGE_DIR "/%s", container->id);
  const char *const readonly[] = { "ro", NULL }, *const mode[] = { "mode=0755", NULL };
  const char *const layers[] = { kata_arena__printf (arena, "lowerdir=%s", image),
                                 kata_arena__printf (arena, "upperdir=%s/upper", change),
                                 kata_arena__printf (arena, "workdir=%s/work", change), NULL };
  const char *const made[] = { kata_arena__printf (arena, "%s%s/upper", create, change),
                               kata_arena__printf (arena, "%s%s/work", create, change), NULL };
  struct kata_storage *storage = next (container);
  kata_plan__find_disk (storage, arena, plan, disk);
  storage->fstype = "erofs";
  storage->mount_point = image;
  storage->options = kata_arena__strv (arena, readonly);
  *next (container) = (struct kata_storage){ .driver = "ephemeral",
                                             .source = "tmpfs",
                                             .fstype = "tmpfs",
                                             .mount_point = change,
                                             .options = kata_arena__strv (arena, mode) };
  *next (container) =
      (struct kata_storage){ .driver = "overlayfs",
                             .source = "overlay",
                             .fstype = "overlay",
                             .mount_point = kata_arena__printf (arena, KATA_GUEST_SHARE_DIR "/%s", container->id),
                             .options = kata_arena__strv (arena, layers),
                             .driver_options = kata_arena__strv (arena, made) };
}
