/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* snapshot: writes a paused sandbox into a directory of the caller's; restore.c is the way back. */
#include "sandbox/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json-write.h"
#include "host/beneath.h"
#include "host/tree.h"
#include "oci/spec.h"
#include "plan/pack.h"
#include "sandbox/process-file.h"
#include "sandbox/stage.h"

struct target {
  struct kata_operation *op;
  int fd;
  char *vm_dir;
};

static int
write_file (const struct target *t, const char *name, const char *text, kata_error **err)
{
  int r = kata_beneath__replace (t->fd, name, text, strlen (text));
  return r == 0 ? 0 : kata_error__errno (err, KATA_E_IO, name, -r, "snapshot: write \"%s\"", name);
}

static int
save_machine (const struct target *t, kata_error **err)
{
  struct kata_operation *op = t->op;
  g_autoptr (kata_machine) machine = NULL;
  if (mkdirat (t->fd, KATA_SNAPSHOT_VM, 0700) != 0)
    return kata_error__errno (err, KATA_E_IO, t->vm_dir, errno, "snapshot: make \"%s\"", t->vm_dir);
  int r = kata_sandbox__machine (&machine, op->sandbox, op->state, err);
  if (r == 0)
    r = kata_operation__fault (op, "backend:snapshot", err);
  if (r != 0)
    return r;
  kata_backend_env env = kata_sandbox__env (op->sandbox, &op->journal, op->deadline_us);
  r = kata_vm__snapshot (kata_machine__vm (machine), t->vm_dir, &env, err);
  return r != 0 ? r : kata_snapshot_dir__check (t->fd, KATA_SNAPSHOT_VM, 0600, err);
}

/* What a container runs; an exec begins from it. */
static int
save_process (const struct target *t, const char *id, kata_error **err)
{
  g_autofree char *name = kata_process_file__name (id);
  g_autofree char *text = NULL;
  size_t length = 0;
  int r = kata_beneath__read (t->op->sandbox->dirfd, name, KATA_OCI_BYTES_MAX, &text, &length);
  if (r != 0)
    return kata_error__errno (err, KATA_E_IO, name, -r, "snapshot: read what container \"%s\" runs", id);
  return write_file (t, name, text, err);
}

static int
save_pack (const struct target *t, uint32_t number, kata_error **err)
{
  const kata_vm_disk *disk = kata_plan__pack_disk (&t->op->state->plan, number - 1);
  if (disk == NULL)
    return kata_error__set (err, KATA_E_CORRUPT, "pack", "snapshot: there is no disk %u for packed directories",
                            number);
  g_autofree char *name = g_strdup_printf (KATA_SNAPSHOT_PACK "%u", number);
  const char *path = kata_stage__relative (t->op, disk->path);
  kata_auto_fd int from = kata_beneath__open (t->op->sandbox->dirfd, path, O_RDONLY | O_NOFOLLOW, 0, false);
  if (from < 0)
    return kata_error__errno (err, KATA_E_IO, path, -from, "snapshot: open \"%s\"", path);
  kata_auto_fd int to = kata_beneath__open (t->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, true);
  if (to < 0)
    return kata_error__errno (err, KATA_E_IO, name, -to, "snapshot: make \"%s\"", name);
  int r = kata_snapshot_dir__copy (from, to, name, err);
  if (r == 0 && fsync (to) != 0)
    r = kata_error__errno (err, KATA_E_IO, name, errno, "snapshot: write \"%s\"", name);
  return r;
}

static int
save_containers (const struct target *t, kata_error **err)
{
  const kata_sandbox_state *state = t->op->state;
  int r = kata_operation__fault (t->op, "snapshot:containers", err);
  for (size_t i = 0; r == 0 && i < state->n_containers; i++) {
    r = save_process (t, state->containers[i].id, err);
    if (r == 0 && state->containers[i].pack != 0)
      r = save_pack (t, state->containers[i].pack, err);
  }
  return r;
}

static int
save_manifest (const struct target *t, const char *version, kata_error **err)
{
  const kata_sandbox_state *state = t->op->state;
  g_autofree char *record = kata_state__format (state);
  int r = write_file (t, KATA_SNAPSHOT_STATE, record, err);
  if (r == 0)
    r = kata_operation__fault (t->op, "snapshot:manifest", err);
  if (r != 0)
    return r;
  struct kata_json_writer w;
  kata_json_write__init (&w, true);
  kata_json_write__begin_object (&w, NULL);
  kata_json_write__uint (&w, "format", KATA_SNAPSHOT_FORMAT);
  kata_json_write__string (&w, "libkata", KATA_VERSION);
  kata_json_write__string (&w, "hypervisor", state->plan.hypervisor);
  kata_json_write__string (&w, "hypervisor_version", version);
  kata_json_write__string (&w, "id", state->id);
  kata_json_write__end_object (&w);
  g_autofree char *manifest = kata_json_write__finish (&w);
  r = write_file (t, KATA_SNAPSHOT_MANIFEST, manifest, err);
  return r != 0 ? r : kata_operation__fault (t->op, "snapshot:done", err);
}

static int
save (struct kata_operation *op, const char *dir, kata_error **err)
{
  struct target t = { op, -1, NULL };
  g_autofree char *real = NULL;
  g_autofree char *version = NULL;
  const kata_vm_disk *const *changing = op->state->changing;
  int r = kata_snapshot__check_plan (&op->state->plan, err);
  if (r == 0 && changing != NULL && changing[0] != NULL)
    r = kata_error__set (err, KATA_E_UNSUPPORTED, changing[0]->id,
                         "snapshot: disk \"%s\" is on its way in or out; remove it first", changing[0]->id);
  const kata_vm_host_device *const *host = op->state->host_changing;
  if (r == 0 && host != NULL && host[0] != NULL)
    r = kata_error__set (err, KATA_E_UNSUPPORTED, host[0]->id,
                         "snapshot: host device \"%s\" is on its way in or out; remove it first", host[0]->id);
  if (r == 0)
    r = kata_snapshot__version (&version, op->sandbox->runtime, &op->state->plan, err);
  if (r == 0)
    r = kata_snapshot_dir__open (&t.fd, &real, dir, true, err);
  if (r != 0)
    return r;
  t.vm_dir = g_build_filename (real, KATA_SNAPSHOT_VM, NULL);
  r = save_machine (&t, err);
  if (r == 0)
    r = save_containers (&t, err);
  if (r == 0)
    r = save_manifest (&t, version, err);
  if (r != 0)
    kata_tree__empty (t.fd, NULL, NULL);
  kata_fd__close (t.fd);
  g_free (t.vm_dir);
  return r;
}

int
kata_sandbox__snapshot (kata_sandbox *sandbox, const char *dir, int64_t timeout_ms, kata_error **err)
{
  const struct kata_operation_options options = {
    .what = "snapshot",
    .allowed = 1u << KATA_STATE_PAUSED,
    .timeout_ms = timeout_ms,
    .default_offset = offsetof (kata_plan, start_timeout_ms),
  };
  struct kata_operation op;
  kata_error *error = NULL;
  int r = kata_operation__begin (&op, sandbox, &options, err);
  if (r != 0)
    return r;
  r = save (&op, dir, &error);
  kata_operation__end (&op);
  return r != 0 ? kata_error__wrap (err, error, NULL, "snapshot sandbox \"%s\"", sandbox->id) : 0;
}
