/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* storage-driver: one function per driver of the protocol that a guest without confidential parts needs. */
#include "storage-driver.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"
#include "mem.h"
#include "mounts.h"
#include "path.h"

static const char *
fstype_or (const Grpc__Storage *storage, const char *fallback)
{
  return text_of (storage->fstype)[0] ? storage->fstype : fallback;
}

static int
parse (const Grpc__Storage *storage, struct mount_options *options, struct fault *fault)
{
  static const char *const ours[] = { "fsgid=", "io.katacontainers.", "X-kata.", NULL };
  return mount_options_parse (options, storage->options, storage->n_options, ours, fault);
}

static int
mount_virtiofs (struct agent *agent, const Grpc__Storage *storage, int target_fd, const char *where,
                struct fault *fault)
{
  auto_free struct mount_options *options = mem_zero (sizeof *options);
  if (parse (storage, options, fault) < 0)
    return -1;
  return mount_on (target_fd, where, text_of (storage->source), fstype_or (storage, "virtiofs"), options, fault);
}

static int
mount_9p (struct agent *agent, const Grpc__Storage *storage, int target_fd, const char *where, struct fault *fault)
{
  auto_free struct mount_options *options = mem_zero (sizeof *options);
  if (parse (storage, options, fault) < 0)
    return -1;
  if (!mount_options_has (options, "trans") && mount_options_add (options, "trans=virtio", fault) < 0)
    return -1;
  if (!mount_options_has (options, "version") && mount_options_add (options, "version=9p2000.L", fault) < 0)
    return -1;
  return mount_on (target_fd, where, text_of (storage->source), fstype_or (storage, "9p"), options, fault);
}

static int
is_bind (const Grpc__Storage *storage)
{
  return text_is (storage->fstype, "bind");
}

static int
mount_block (struct agent *agent, const Grpc__Storage *storage, int target_fd, const char *where, struct fault *fault)
{
  char node[128];
  auto_free struct mount_options *options = mem_zero (sizeof *options);
  if (storage->n_driver_options > 0)
    return fault_set (fault, TTRPC_UNIMPLEMENTED, "storage %s: driver option \"%.100s\" is not supported by this agent",
                      where, storage->driver_options[0]);
  if (parse (storage, options, fault) < 0 ||
      device_find_block (&agent->log, text_of (storage->source), agent->options.hotplug_timeout, node, sizeof node,
                         fault) < 0)
    return -1;
  if (!is_bind (storage))
    return mount_on (target_fd, where, node, fstype_or (storage, "ext4"), options, fault);
  auto_fd int source = path_open (AT_FDCWD, node, O_PATH, 0);
  if (source < 0)
    return fault_errno (fault, "storage %s: %s", where, node);
  return mount_bind (source, target_fd, where, options, fault);
}

/* The group that owns the root of a volume, from the option or the message; -1 = nobody in particular. */
static int64_t
wanted_group (const Grpc__Storage *storage)
{
  for (size_t i = 0; i < storage->n_options; i++)
    if (text_starts (storage->options[i], "fsgid="))
      return (int64_t) strtoul (storage->options[i] + 6, NULL, 10);
  return storage->fs_group ? (int64_t) storage->fs_group->group_id : -1;
}

static int
apply_group (const Grpc__Storage *storage, const char *where, struct fault *fault)
{
  struct stat st;
  int64_t group = wanted_group (storage);
  if (group < 0)
    return 0;
  auto_fd int fd = path_open (AT_FDCWD, where, O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0 || fstat (fd, &st) < 0 || fchown (fd, (uid_t) -1, (gid_t) group) < 0 ||
      fchmod (fd, (st.st_mode & 07777) | S_ISGID | 070) < 0)
    return fault_errno (fault, "storage %s: cannot give it to group %lld", where, (long long) group);
  return 0;
}

static int
mount_ephemeral (struct agent *agent, const Grpc__Storage *storage, int target_fd, const char *where,
                 struct fault *fault)
{
  auto_free struct mount_options *options = mem_zero (sizeof *options);
  const char *fstype = fstype_or (storage, "tmpfs");
  if (!text_is (fstype, "tmpfs") && !text_is (fstype, "hugetlbfs"))
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "storage %s: ephemeral is tmpfs or hugetlbfs, not \"%.40s\"",
                      where, fstype);
  if (parse (storage, options, fault) < 0)
    return -1;
  if (mount_on (target_fd, where, text_of (storage->source)[0] ? storage->source : fstype, fstype, options, fault) < 0)
    return -1;
  return apply_group (storage, where, fault);
}

static int
make_local (struct agent *agent, const Grpc__Storage *storage, int target_fd, const char *where, struct fault *fault)
{
  unsigned long mode = 0777;
  char path[40];
  for (size_t i = 0; i < storage->n_options; i++)
    if (text_starts (storage->options[i], "mode="))
      mode = strtoul (storage->options[i] + 5, NULL, 8);
  if (mode > 07777)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "storage %s: mode is not an octal mode", where);
  snprintf (path, sizeof path, "/proc/self/fd/%d", target_fd);
  if (chmod (path, (mode_t) mode) < 0)
    return fault_errno (fault, "storage %s", where);
  return apply_group (storage, where, fault);
}

static int
mount_overlay (struct agent *agent, const Grpc__Storage *storage, int target_fd, const char *where, struct fault *fault)
{
  static const char create[] = "io.katacontainers.volume.overlayfs.create_directory=";
  auto_free struct mount_options *options = mem_zero (sizeof *options);
  for (size_t i = 0; i < storage->n_driver_options; i++) {
    const char *directory = storage->driver_options[i] + sizeof create - 1;
    if (!text_starts (storage->driver_options[i], create))
      continue;
    if (!text_starts (directory, AGENT_RUN_DIR "/"))
      return fault_set (fault, TTRPC_INVALID_ARGUMENT, "storage %s: \"%.200s\" is not below %s", where, directory,
                        AGENT_RUN_DIR);
    int fd = path_make_directory (directory, 0755, fault);
    if (fd < 0)
      return -1;
    close (fd);
  }
  if (parse (storage, options, fault) < 0)
    return -1;
  return mount_on (target_fd, where, "overlay", "overlay", options, fault);
}

static int
mount_bind_source (struct agent *agent, const Grpc__Storage *storage, int target_fd, const char *where,
                   struct fault *fault)
{
  auto_free struct mount_options *options = mem_zero (sizeof *options);
  if (parse (storage, options, fault) < 0)
    return -1;
  auto_fd int source = path_is_clean (storage->source) ? path_open (AT_FDCWD, storage->source, O_PATH, 0) : -1;
  if (source < 0)
    return fault_errno (fault, "storage %s: source \"%.200s\"", where, text_of (storage->source));
  return mount_bind (source, target_fd, where, options, fault);
}

static const struct storage_driver drivers[] = {
  { "virtio-fs", mount_virtiofs, 1 },
  { "9p", mount_9p, 1 },
  { "blk", mount_block, 1, 1 },
  { "mmioblk", mount_block, 1, 1 },
  { "ephemeral", mount_ephemeral, 1 },
  { "local", make_local, 0 },
  { "overlayfs", mount_overlay, 1 },
  { "bind", mount_bind_source, 1 },
  /* The share is live, so the changes that this driver would copy are seen anyway. */
  { "watchable-bind", mount_bind_source, 1 },
};
#define DRIVER_COUNT (sizeof drivers / sizeof drivers[0])

const struct storage_driver *
storage_driver_find (const char *name)
{
  for (size_t i = 0; i < DRIVER_COUNT; i++)
    if (text_is (name, drivers[i].name))
      return &drivers[i];
  return NULL;
}

int
storage_driver_binds_node (const struct storage_driver *driver, const Grpc__Storage *storage)
{
  return driver->mount == mount_block && is_bind (storage);
}

const char *const *
storage_drivers (void)
{
  static const char *const names[] = { "virtio-fs", "9p",        "blk",  "mmioblk",        "ephemeral",
                                       "local",     "overlayfs", "bind", "watchable-bind", NULL };
  return names;
}
