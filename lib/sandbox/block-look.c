/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* block-look: opens what a specification names, to see which of it are block devices; reads and writes none of them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "host/block.h"
#include "sandbox/block.h"

struct look {
  kata_arena *arena;
  struct kata_block_fact *facts;
  size_t n;
};

/* What cannot be opened is no device; who needs it says why. */
static bool
find_number (const char *path, bool follow, dev_t *number)
{
  struct open_how how = { .flags = O_PATH | O_CLOEXEC | (follow ? 0u : O_NOFOLLOW), .resolve = RESOLVE_NO_MAGICLINKS };
  struct stat st;
  kata_auto_fd int fd = (int) syscall (SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  if (fd < 0 || fstat (fd, &st) != 0 || !S_ISBLK (st.st_mode))
    return false;
  *number = st.st_rdev;
  return true;
}

/* The node is the kernel's own for the number, not the caller's path: who may change that path cannot lead the hypervisor elsewhere. */
static void
add (struct look *look, const char *source, uint32_t major, uint32_t minor)
{
  g_autofree char *node = NULL;
  int r = kata_block__node (&node, major, minor);
  if (r == -ENODEV && source == NULL)
    return;
  look->facts[look->n++] = (struct kata_block_fact){ .source = source,
                                                     .node = kata_arena__strdup (look->arena, node),
                                                     .major = major,
                                                     .minor = minor,
                                                     .readonly = kata_block__is_readonly (major, minor) };
}

static void
look_at_path (struct look *look, const char *bundle, const char *path, bool follow)
{
  dev_t number;
  if (path == NULL || (path[0] != '/' && bundle == NULL))
    return;
  const char *full = path[0] == '/' ? path : kata_arena__printf (look->arena, "%s/%s", bundle, path);
  if (find_number (full, follow, &number))
    add (look, kata_arena__strdup (look->arena, full), major (number), minor (number));
}

void
kata_sandbox_block__look (struct kata_container_facts *out, kata_arena *arena, const kata_oci_spec *spec,
                          const kata_container_options *options)
{
  struct look look = { .arena = arena };
  size_t most = 1 + spec->n_mounts + spec->linux_.n_devices;
  look.facts = kata_arena__new0 (arena, struct kata_block_fact, most);
  /* The caller's own word may be a link (/dev/mapper has nothing else), the specification's not; and nothing in a bundle is a device to us. */
  if (spec->have_root && options->rootfs_disk == NULL && spec->root_path != NULL && spec->root_path[0] == '/')
    look_at_path (&look, NULL, spec->root_path, options->rootfs != NULL);
  for (size_t i = 0; i < spec->n_mounts; i++)
    look_at_path (&look, options->bundle, spec->mounts[i].source, true);
  for (size_t i = 0; i < spec->linux_.n_devices; i++) {
    const struct kata_oci_device *device = &spec->linux_.devices[i];
    if (strcmp (device->type, "b") == 0 && device->major >= 0 && device->major <= UINT16_MAX && device->minor >= 0 &&
        device->minor <= UINT32_MAX)
      add (&look, NULL, (uint32_t) device->major, (uint32_t) device->minor);
  }
  *out = (struct kata_container_facts){ look.facts, look.n };
}
