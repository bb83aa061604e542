/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* contents: what a restored sandbox's containers have on the host: the images of their packed directories, and what they run. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "host/beneath.h"
#include "oci/spec.h"
#include "plan/pack.h"
#include "sandbox/process-file.h"
#include "sandbox/snapshot.h"
#include "sandbox/stage.h"

/* Read as it is read for an exec, so that what is kept is known to be good. */
static int
take_process (struct kata_operation *op, const char *id, kata_error **err)
{
  g_autoptr (kata_oci_spec) spec = NULL;
  g_autofree char *name = kata_process_file__name (id);
  int r = kata_process_file__read (&spec, op->source->fd, id, err);
  if (r != 0)
    return r;
  g_autofree char *text = kata_process_file__format (&spec->process);
  kata_operation__scope (op, id);
  r = kata_journal__path (&op->journal, KATA_UNDO_FILE, "process", name, err);
  kata_operation__scope (op, "");
  if (r != 0)
    return r;
  r = kata_beneath__replace (op->sandbox->dirfd, name, text, strlen (text));
  return r == 0 ? 0 : kata_error__errno (err, KATA_E_IO, id, -r, "write what container \"%s\" runs", id);
}

/* The disk was made by the stage before, as long as any. */
static int
take_pack (struct kata_operation *op, uint32_t number, kata_error **err)
{
  const kata_vm_disk *disk = kata_plan__pack_disk (&op->state->plan, number - 1);
  if (disk == NULL)
    return kata_error__set (err, KATA_E_CORRUPT, "pack", "there is no disk %u for packed directories", number);
  g_autofree char *name = g_strdup_printf (KATA_SNAPSHOT_PACK "%u", number);
  kata_auto_fd int from = kata_beneath__open (op->source->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, false);
  struct stat st;
  if (from < 0 || fstat (from, &st) != 0 || !S_ISREG (st.st_mode) || (uint64_t) st.st_size > KATA_PACK_BYTES)
    return kata_error__set (err, KATA_E_CORRUPT, name, "\"%s\" is not there, no file, or too long", name);
  const char *path = kata_stage__relative (op, disk->path);
  kata_auto_fd int to = kata_beneath__open (op->sandbox->dirfd, path, O_WRONLY | O_NOFOLLOW, 0, false);
  if (to < 0)
    return kata_error__errno (err, KATA_E_IO, path, -to, "open \"%s\"", path);
  return kata_snapshot_dir__copy (from, to, name, err);
}

static int
enter (struct kata_operation *op, kata_error **err)
{
  const kata_sandbox_state *state = op->state;
  int r = 0;
  for (size_t i = 0; r == 0 && i < state->n_containers; i++) {
    r = take_process (op, state->containers[i].id, err);
    if (r == 0 && state->containers[i].pack != 0)
      r = take_pack (op, state->containers[i].pack, err);
  }
  return r;
}

const struct kata_stage kata_stage__contents = { "contents", enter, NULL };
