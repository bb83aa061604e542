/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bundle: /run/kata-containers/<id>/{config.json,rootfs}; what is in config.json is spec-json.c's. */
#include "bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "file.h"
#include "mem.h"
#include "mounts.h"
#include "path.h"
#include "spec-json.h"

void
bundle_path (char *out, size_t size, const char *container_id, const char *name)
{
  snprintf (out, size, AGENT_RUN_DIR "/%s%s%s", container_id, *name ? "/" : "", name);
}

static int
write_config (struct agent *agent, const char *container_id, const Grpc__Spec *spec, const char *pidns_path,
              struct fault *fault)
{
  char path[300], cgroup[200];
  struct kata_json_writer json = JSON_FILE_INIT;
  struct spec_place place = { .cgroups_path = agent->options.no_cgroups ? NULL : cgroup, .pidns_path = pidns_path };
  snprintf (cgroup, sizeof cgroup, CGROUP_PARENT "/%s", container_id);
  bundle_path (path, sizeof path, container_id, "config.json");
  int result = spec_json_config (&json, spec, &place, fault);
  if (result == 0)
    result = json_file_create (&json, path, "the container's configuration", fault);
  kata_json_write__clear (&json);
  return result;
}

static int
bind_rootfs (const char *container_id, const Grpc__Spec *spec, struct fault *fault)
{
  static const struct mount_options none;
  char target_path[300];
  const char *source_path = spec->root ? text_of (spec->root->path) : "";
  if (!path_is_clean (source_path) || !source_path[1])
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "root.path \"%.200s\" is not an absolute, normalised path",
                      source_path);
  bundle_path (target_path, sizeof target_path, container_id, "rootfs");
  auto_fd int target = path_make_directory (target_path, 0755, fault);
  if (target < 0)
    return -1;
  auto_fd int source = path_open (AT_FDCWD, source_path, O_PATH | O_DIRECTORY, 0);
  if (source < 0)
    return fault_errno (fault, "root.path \"%.200s\"", source_path);
  /* A storage may have been mounted right there. */
  struct stat a, b;
  if (fstat (source, &a) == 0 && fstat (target, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
    return 0;
  return mount_bind (source, target, target_path, &none, fault);
}

int
bundle_create (struct agent *agent, const char *container_id, const Grpc__Spec *spec, const char *pidns_path,
               struct fault *fault)
{
  char path[300];
  bundle_path (path, sizeof path, container_id, "");
  int fd = path_make_directory (path, 0755, fault);
  if (fd < 0)
    return -1;
  close (fd);
  if (write_config (agent, container_id, spec, pidns_path, fault) < 0 || bind_rootfs (container_id, spec, fault) < 0) {
    bundle_remove (container_id);
    return -1;
  }
  return 0;
}

void
bundle_remove (const char *container_id)
{
  char path[300];
  bundle_path (path, sizeof path, container_id, "rootfs");
  mount_detach (path);
  rmdir (path);
  bundle_path (path, sizeof path, container_id, "config.json");
  unlink (path);
  bundle_path (path, sizeof path, container_id, "");
  path_remove_tree (path);
}
