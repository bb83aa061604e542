/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pack: the files of the disks that take images, and the making of an image by mkfs.erofs. */
#include "plan/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backend/external.h"
#include "base/fd.h"
#include "host/beneath.h"
#include "host/child.h"
#include "sandbox/container.h"
#include "sandbox/stage.h"

#define TOOL       "mkfs.erofs"
#define LOG_MAX    1024
#define TOOL_BYTES (UINT64_C (4) << 30) /* of address space */
#define TOOL_FILES 1024

/* ---- the disks ---- */

/* As long as an image may become, with nothing in it. A limit on the size of files is the embedder's. */
static int
set_length (int fd, const char *path, kata_error **err)
{
  struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
  getrlimit (RLIMIT_FSIZE, &limit);
  rlim_t length = MIN (limit.rlim_cur, (rlim_t) KATA_PACK_BYTES) & ~(rlim_t) 4095;
  if (length == 0 || ftruncate (fd, (off_t) length) != 0)
    return kata_error__errno (err, KATA_E_IO, path, length == 0 ? EFBIG : errno, "make a disk of \"%s\"", path);
  return 0;
}

static int
open_disk (struct kata_operation *op, const kata_vm_disk *disk, int *fd, kata_error **err)
{
  *fd = kata_beneath__open (op->sandbox->dirfd, kata_stage__relative (op, disk->path), O_RDWR | O_NOFOLLOW, 0, false);
  return *fd >= 0 ? 0 : kata_error__errno (err, KATA_E_IO, disk->path, -*fd, "open \"%s\"", disk->path);
}

int
kata_stage__make_packs (struct kata_operation *op, kata_error **err)
{
  const kata_plan *plan = &op->state->plan;
  const kata_vm_disk *disk;
  if (plan->pack_dir[0] == '\0')
    return 0;
  int r = kata_stage__make (op, "packs", kata_stage__relative (op, plan->pack_dir), true, err);
  for (size_t i = 0; r == 0 && (disk = kata_plan__pack_disk (plan, i)) != NULL; i++) {
    kata_auto_fd int fd = -1;
    r = kata_stage__make (op, "pack", kata_stage__relative (op, disk->path), false, err);
    if (r == 0)
      r = open_disk (op, disk, &fd, err);
    if (r == 0)
      r = set_length (fd, disk->path, err);
  }
  return r;
}

/* ---- an image ---- */

static int
spawn (struct kata_operation *op, kata_child *child, const char *program, const char *const *argv, int log,
       kata_error **err)
{
  kata_backend_env env = kata_stage__env (op);
  struct kata_external_record record = { "mkfs.erofs", &env };
  const kata_child_rlimit limits[] = { { RLIMIT_AS, { TOOL_BYTES, TOOL_BYTES } },
                                       { RLIMIT_NOFILE, { TOOL_FILES, TOOL_FILES } },
                                       { RLIMIT_CORE, { 0, 0 } } };
  kata_child_options options = KATA_CHILD_OPTIONS_INIT;
  options.program = program;
  options.argv = argv;
  options.stdout_fd = options.stderr_fd = log;
  options.rlimits = limits;
  options.n_rlimits = G_N_ELEMENTS (limits);
  options.cwd = op->state->plan.pack_dir;
  options.record = kata_external__record_process;
  options.record_data = &record;
  return kata_child__spawn (child, &options, err);
}

/* Waits for it, and says what it said if it failed. */
static int
finish (struct kata_operation *op, kata_child *child, const char *log, const char *id, kata_error **err)
{
  kata_exit_status status = { 0 };
  kata_error *cause = NULL;
  int r = kata_pidfd__wait (child->pidfd, op->deadline_us, &cause);
  if (r == 0)
    kata_pidfd__reap (child->pidfd, &status);
  kata_child__discard (child);
  if (r != 0)
    return kata_error__wrap (err, cause, id, "container \"%s\": pack its directories with " TOOL, id);
  if (status.known && status.code == 0 && status.signal == 0)
    return 0;
  g_autofree char *how = kata_exit_status__text (&status);
  g_autofree char *said = kata_external__tail (op->sandbox->dirfd, log, LOG_MAX);
  return kata_error__set (err, KATA_E_IO, id, "container \"%s\": pack its directories: " TOOL ": %s: %s", id, how,
                          said);
}

static int
pack (struct kata_operation *op, const char *id, const kata_vm_disk *disk, kata_error **err)
{
  static const char *const names[] = { TOOL, NULL };
  g_autofree char *program = NULL;
  g_autofree char *tree = g_strdup_printf ("./%s", id);
  g_autofree char *log = g_strdup_printf ("%s.log", kata_stage__relative (op, disk->path));
  const char *const argv[] = { TOOL, "-d1", disk->path, tree, NULL };
  kata_backend_env env = kata_stage__env (op);
  kata_auto_fd int log_fd = -1;
  kata_child child;
  int r = kata_external__find (&program, NULL, "shared_fs", names, "install the package erofs-utils", err);
  if (r == 0)
    r = kata_external__log_file (&log_fd, op->sandbox->dirfd, op->sandbox->dir, log, &env, err);
  if (r == 0)
    r = spawn (op, &child, program, argv, log_fd, err);
  return r != 0 ? r : finish (op, &child, log, id, err);
}

int
kata_container__pack (struct kata_operation *op, const kata_container_plan *plan, kata_error **err)
{
  const kata_vm_disk *disk = plan->pack != 0 ? kata_plan__pack_disk (&op->state->plan, plan->pack - 1) : NULL;
  kata_auto_fd int fd = -1;
  if (disk == NULL)
    return 0;
  int r = kata_operation__fault (op, "pack", err);
  if (r == 0)
    r = pack (op, plan->id, disk, err);
  /* It cut the file to the image's length; the machine goes on taking it for a disk of the old one. */
  if (r == 0)
    r = open_disk (op, disk, &fd, err);
  return r != 0 ? r : set_length (fd, disk->path, err);
}

int
kata_container__choose_pack (struct kata_operation *op, kata_container_plan *plan, kata_error **err)
{
  const kata_plan *sandbox = &op->state->plan;
  const kata_vm_disk *disk;
  if (!plan->packed)
    return 0;
  for (uint32_t n = 0; (disk = kata_plan__pack_disk (sandbox, n)) != NULL; n++) {
    bool taken = false;
    for (size_t i = 0; i < op->state->n_containers; i++)
      taken |= op->state->containers[i].pack == n + 1;
    if (taken)
      continue;
    plan->pack = n + 1;
    kata_container_plan__unpack (plan, sandbox, disk);
    return 0;
  }
  return kata_error__set (err, KATA_E_LIMIT, "hypervisor.packed_containers",
                          "container \"%s\": every disk for packed directories is in use; delete a container, or raise "
                          "packed_containers in the hypervisor's table",
                          plan->id);
}
