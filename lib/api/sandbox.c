/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sandbox: the public functions of kata_sandbox; checks, then lib/sandbox. */
#include <kata/sandbox.h>

#include <string.h>

#include "api/argument.h"
#include "api/container.h"
#include "sandbox/events.h"
#include "sandbox/sandbox.h"

#define EVENT_MIN KATA_SIZE_TO (kata_event, container_id)
#define SIZE_MIN  KATA_SIZE_TO (kata_sandbox_size, max_memory_mib)

static int
check_disk (const kata_disk *disk, kata_error **err)
{
  int r = kata_argument__size (disk, sizeof (kata_disk), KATA_SIZE_TO (kata_disk, flags), "kata_disk", err);
  if (r != 0)
    return r;
  KATA_REQUIRE ((disk->flags & ~(uint32_t) (KATA_DISK_READONLY | KATA_DISK_VHOST_USER)) == 0, "disks", err);
  return 0;
}

static int
check_host_device (const kata_host_device *device, kata_error **err)
{
  int r = kata_argument__size (device, sizeof (kata_host_device), KATA_SIZE_TO (kata_host_device, flags),
                               "kata_host_device", err);
  if (r != 0)
    return r;
  KATA_REQUIRE (device->flags == 0, "host_devices", err);
  KATA_REQUIRE (device->address != NULL, "host_devices", err);
  return 0;
}

/* A copy of the options; NULL options are the defaults. @first: room for what they point to. */
static int
take_options (kata_sandbox_options *mine, kata_container_options *first, const kata_sandbox_options *options,
              kata_error **err)
{
  static const kata_sandbox_options none = KATA_SANDBOX_OPTIONS_INIT;
  *mine = none;
  int r = options != NULL ? kata_argument__options (mine, sizeof *mine, KATA_SIZE_TO (kata_sandbox_options, network),
                                                    options, "kata_sandbox_options", err)
                          : 0;
  if (r != 0)
    return r;
  KATA_REQUIRE (mine->flags == 0, "flags", err);
  for (size_t i = 0; mine->disks != NULL && mine->disks[i] != NULL; i++) {
    r = check_disk (mine->disks[i], err);
    if (r != 0)
      return r;
  }
  for (size_t i = 0; mine->host_devices != NULL && mine->host_devices[i] != NULL; i++) {
    r = check_host_device (mine->host_devices[i], err);
    if (r != 0)
      return r;
  }
  if (mine->first_container != NULL) {
    r = kata_api__container_options (first, mine->first_container, err);
    if (r != 0)
      return r;
    mine->first_container = first;
  }
  size_t n = 0;
  while (mine->annotations != NULL && mine->annotations[n] != NULL)
    n++;
  KATA_REQUIRE (n % 2 == 0, "annotations", err);
  return 0;
}

int
kata_sandbox_create (kata_sandbox **out, kata_runtime *runtime, const kata_sandbox_options *options, kata_error **err)
{
  kata_sandbox_options mine;
  kata_container_options first;
  KATA_REQUIRE (out != NULL, "out", err);
  KATA_REQUIRE (runtime != NULL, "runtime", err);
  int r = take_options (&mine, &first, options, err);
  return r != 0 ? r : kata_sandbox__create (out, runtime, &mine, err);
}

int
kata_sandbox_open (kata_sandbox **out, kata_runtime *runtime, const char *id, kata_error **err)
{
  KATA_REQUIRE (out != NULL, "out", err);
  KATA_REQUIRE (runtime != NULL, "runtime", err);
  KATA_REQUIRE (id != NULL, "id", err);
  return kata_sandbox__open (out, runtime, id, err);
}

kata_sandbox *
kata_sandbox_ref (kata_sandbox *sandbox)
{
  if (sandbox != NULL)
    g_atomic_ref_count_inc (&sandbox->refs);
  return sandbox;
}

kata_sandbox *
kata_sandbox_unref (kata_sandbox *sandbox)
{
  if (sandbox != NULL && g_atomic_ref_count_dec (&sandbox->refs))
    kata_sandbox__free (sandbox);
  return NULL;
}

void
kata_sandbox_unrefp (kata_sandbox **sandbox)
{
  if (sandbox != NULL)
    *sandbox = kata_sandbox_unref (*sandbox);
}

int
kata_sandbox_plan (char **json, kata_runtime *runtime, const kata_sandbox_options *options, kata_error **err)
{
  kata_sandbox_options mine;
  kata_container_options first;
  KATA_REQUIRE (json != NULL, "json", err);
  KATA_REQUIRE (runtime != NULL, "runtime", err);
  int r = take_options (&mine, &first, options, err);
  return r != 0 ? r : kata_sandbox__plan_json (json, runtime, &mine, err);
}

int
kata_sandbox_start (kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (sandbox != NULL, "sandbox", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_sandbox__start (sandbox, timeout_ms, err);
}

int
kata_sandbox_refresh_network (kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (sandbox != NULL, "sandbox", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_sandbox__refresh_network (sandbox, timeout_ms, err);
}

int
kata_sandbox_add_disk (kata_sandbox *sandbox, const kata_disk *disk, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (sandbox != NULL, "sandbox", err);
  KATA_REQUIRE (disk != NULL, "disk", err);
  int r = kata_argument__timeout (timeout_ms, err);
  if (r == 0)
    r = check_disk (disk, err);
  return r != 0 ? r : kata_sandbox__add_disk (sandbox, disk, timeout_ms, err);
}

int
kata_sandbox_remove_disk (kata_sandbox *sandbox, const char *id, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (sandbox != NULL, "sandbox", err);
  KATA_REQUIRE (id != NULL, "id", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_sandbox__remove_disk (sandbox, id, timeout_ms, err);
}

int
kata_sandbox_add_host_device (kata_sandbox *sandbox, const kata_host_device *device, int64_t timeout_ms,
                              kata_error **err)
{
  KATA_REQUIRE (sandbox != NULL, "sandbox", err);
  KATA_REQUIRE (device != NULL, "device", err);
  int r = kata_argument__timeout (timeout_ms, err);
  if (r == 0)
    r = check_host_device (device, err);
  return r != 0 ? r : kata_sandbox__add_host_device (sandbox, device, timeout_ms, err);
}

int
kata_sandbox_remove_host_device (kata_sandbox *sandbox, const char *id, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (sandbox != NULL, "sandbox", err);
  KATA_REQUIRE (id != NULL, "id", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_sandbox__remove_host_device (sandbox, id, timeout_ms, err);
}

int
kata_sandbox_resize (kata_sandbox *sandbox, kata_sandbox_size *size, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (sandbox != NULL, "sandbox", err);
  KATA_REQUIRE (size != NULL && size->size >= SIZE_MIN, "size", err);
  kata_sandbox_size mine = { .vcpus = size->vcpus, .memory_mib = size->memory_mib };
  int r = kata_argument__timeout (timeout_ms, err);
  if (r == 0)
    r = kata_sandbox__resize (sandbox, &mine, timeout_ms, err);
  if (r == 0) {
    mine.size = size->size;
    memcpy (size, &mine, MIN (size->size, sizeof mine));
  }
  return r;
}

int
kata_sandbox_pause (kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (sandbox != NULL, "sandbox", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_sandbox__pause (sandbox, true, timeout_ms, err);
}

int
kata_sandbox_resume (kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (sandbox != NULL, "sandbox", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_sandbox__pause (sandbox, false, timeout_ms, err);
}

int
kata_sandbox_snapshot (kata_sandbox *sandbox, const char *dir, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (sandbox != NULL, "sandbox", err);
  KATA_REQUIRE (dir != NULL, "dir", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_sandbox__snapshot (sandbox, dir, timeout_ms, err);
}

int
kata_sandbox_restore (kata_sandbox **out, kata_runtime *runtime, const char *dir, const kata_sandbox_options *options,
                      int64_t timeout_ms, kata_error **err)
{
  kata_sandbox_options mine;
  kata_container_options first;
  KATA_REQUIRE (out != NULL, "out", err);
  KATA_REQUIRE (runtime != NULL, "runtime", err);
  KATA_REQUIRE (dir != NULL, "dir", err);
  int r = take_options (&mine, &first, options, err);
  if (r == 0)
    r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_sandbox__restore (out, runtime, dir, &mine, timeout_ms, err);
}

int
kata_sandbox_stop (kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (sandbox != NULL, "sandbox", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_sandbox__stop (sandbox, timeout_ms, err);
}

int
kata_sandbox_delete (kata_sandbox *sandbox, uint32_t flags, kata_error **err)
{
  KATA_REQUIRE (sandbox != NULL, "sandbox", err);
  KATA_REQUIRE ((flags & ~(uint32_t) KATA_DELETE_FORCE) == 0, "flags", err);
  return kata_sandbox__delete (sandbox, flags, err);
}

const char *
kata_sandbox_get_id (kata_sandbox *sandbox)
{
  return sandbox->id;
}

int
kata_sandbox_get_state (kata_sandbox *sandbox)
{
  g_autoptr (kata_sandbox_state) state = NULL;
  KATA_REQUIRE (sandbox != NULL, "sandbox", NULL);
  int r = kata_sandbox__load (&state, sandbox, NULL);
  return r != 0 ? r : kata_sandbox__real_state (sandbox, state);
}

int
kata_sandbox_inspect (char **json, kata_sandbox *sandbox, kata_error **err)
{
  KATA_REQUIRE (json != NULL, "json", err);
  KATA_REQUIRE (sandbox != NULL, "sandbox", err);
  return kata_sandbox__inspect (json, sandbox, err);
}

int
kata_sandbox_metrics_get (char **text, kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (text != NULL, "text", err);
  KATA_REQUIRE (sandbox != NULL, "sandbox", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_sandbox__metrics (text, sandbox, timeout_ms, err);
}

int
kata_sandbox_list_containers (char ***out, kata_sandbox *sandbox, kata_error **err)
{
  g_autoptr (kata_sandbox_state) state = NULL;
  KATA_REQUIRE (out != NULL, "out", err);
  KATA_REQUIRE (sandbox != NULL, "sandbox", err);
  int r = kata_sandbox__load (&state, sandbox, err);
  if (r != 0)
    return r;
  char **ids = g_new0 (char *, state->n_containers + 1);
  for (size_t i = 0; i < state->n_containers; i++)
    ids[i] = g_strdup (state->containers[i].id);
  *out = ids;
  return 0;
}

int
kata_sandbox_get_event_fd (kata_sandbox *sandbox)
{
  KATA_REQUIRE (sandbox != NULL, "sandbox", NULL);
  return kata_events__fd (sandbox, NULL);
}

int
kata_sandbox_next_event (kata_sandbox *sandbox, kata_event *event, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (sandbox != NULL, "sandbox", err);
  KATA_REQUIRE (event != NULL && event->size >= EVENT_MIN, "event", err);
  KATA_REQUIRE (timeout_ms >= 0 || timeout_ms == KATA_TIMEOUT_DEFAULT, "timeout_ms", err);
  return kata_events__next (sandbox, event, kata_runtime__deadline (timeout_ms, KATA_TIMEOUT_NONE), err);
}
