/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state: reading with every value checked, writing whole files. */
#include "sandbox/state.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/id.h"
#include "host/beneath.h"
#include "sandbox/state-table.h"

#define STATE_VERSION 1u
#define TIMING_MAX    64u
#define TIMEOUT_MAX   ((int64_t) 1000 * 3600 * 24 * 365)

struct kata_sandbox_state *
kata_state__new (void)
{
  struct kata_sandbox_state *state = g_new0 (struct kata_sandbox_state, 1);
  state->arena = kata_arena__new ();
  state->version = STATE_VERSION;
  state->ended = "";
  return state;
}

void
kata_state__free (struct kata_sandbox_state *state)
{
  if (state == NULL)
    return;
  kata_arena__free (state->arena);
  g_free (state);
}

static bool
state_number_ok (int32_t number)
{
  return number >= KATA_STATE_CREATED && number <= KATA_STATE_STOPPED;
}

static bool
timeout_ok (int64_t ms)
{
  return (ms >= 0 && ms <= TIMEOUT_MAX) || ms == INT64_MAX;
}

/* What the rest of the library relies on without looking again. */
static const char *
find_mistake (const struct kata_sandbox_state *state, const char *id)
{
  if (state->version != STATE_VERSION)
    return "version";
  if (strcmp (state->id, id) != 0 || strcmp (state->plan.id, id) != 0 || strcmp (state->plan.vm.id, id) != 0)
    return "id";
  if (!state_number_ok (state->state))
    return "state";
  if (state->n_containers > KATA_CONTAINERS_MAX)
    return "containers";
  for (size_t i = 0; i < state->n_containers; i++) {
    const struct kata_container_state *c = &state->containers[i];
    if (kata_id__check ("id", c->id, NULL) != 0 || !state_number_ok (c->state) || c->exit_status < -1 ||
        c->exit_status > 255)
      return "containers";
  }
  const kata_plan *plan = &state->plan;
  if (state->vcpus > plan->vm.max_vcpus || state->memory_mib > plan->vm.max_memory_mib ||
      state->asked_vcpus > plan->vm.max_vcpus || state->asked_memory_mib > plan->vm.max_memory_mib)
    return "size";
  if (!timeout_ok (plan->start_timeout_ms) || !timeout_ok (plan->request_timeout_ms) ||
      !timeout_ok (plan->create_container_timeout_ms) || !timeout_ok (plan->stop_timeout_ms))
    return "plan";
  return NULL;
}

/* An absent list of disks and an empty one are the same to a backend. */
static void
complete_plan (struct kata_sandbox_state *state)
{
  if (state->plan.vm.disks == NULL)
    state->plan.vm.disks = kata_arena__alloc_array (state->arena, 1, sizeof (void *));
  if (state->plan.vm.virtiofsd_args == NULL)
    state->plan.vm.virtiofsd_args = kata_arena__alloc_array (state->arena, 1, sizeof (void *));
  state->plan.ref_count = 1;
}

uint32_t
kata_state__vcpus (const struct kata_sandbox_state *state)
{
  return state->vcpus != 0 ? state->vcpus : state->plan.vm.vcpus;
}

uint64_t
kata_state__memory_mib (const struct kata_sandbox_state *state)
{
  return state->memory_mib != 0 ? state->memory_mib : state->plan.vm.memory_mib;
}

int
kata_state__parse (struct kata_sandbox_state **out, const char *text, size_t length, const char *id, kata_error **err)
{
  static const struct kata_json_limits limits = { .bytes = KATA_STATE_BYTES_MAX };
  g_autoptr (kata_sandbox_state) state = kata_state__new ();
  const kata_json *root = NULL;
  g_autoptr (kata_error) cause = NULL;
  int r = kata_json__parse (&root, state->arena, text, length, &limits, KATA_E_CORRUPT, &cause);
  struct kata_json_reader reader = { .arena = state->arena, .code = KATA_E_CORRUPT, .err = &cause };
  if (r == 0 && !kata_json__is (&reader, root, KATA_JSON_OBJECT))
    r = reader.result;
  if (r == 0) {
    kata_record__read (&reader, root, &kata_state__record, state);
    r = reader.result;
  }
  if (r != 0)
    return kata_error__set (err, KATA_E_CORRUPT, id,
                            "state of sandbox \"%s\" cannot be trusted: %s; delete it by force", id,
                            kata_error_get_message (cause));
  const char *mistake = find_mistake (state, id);
  if (mistake != NULL)
    return kata_error__set (err, KATA_E_CORRUPT, id,
                            "state of sandbox \"%s\" cannot be trusted: \"%s\" is wrong; delete it by force", id,
                            mistake);
  complete_plan (state);
  *out = g_steal_pointer (&state);
  return 0;
}

char *
kata_state__format (const struct kata_sandbox_state *state)
{
  struct kata_json_writer writer;
  kata_json_write__init (&writer, false);
  kata_record__write (&writer, NULL, &kata_state__record, state);
  return kata_json_write__finish (&writer);
}

int
kata_state__load (struct kata_sandbox_state **out, int dirfd, const char *id, kata_error **err)
{
  g_autofree char *text = NULL;
  size_t length = 0;
  int r = kata_beneath__read (dirfd, KATA_STATE_FILE, KATA_STATE_BYTES_MAX, &text, &length);
  if (r == -ENOENT)
    return kata_error__set (err, KATA_E_NOT_FOUND, id, "no sandbox \"%s\"", id);
  if (r == -EFBIG || r == -EINVAL || r == -ELOOP)
    return kata_error__set (err, KATA_E_CORRUPT, id,
                            "state of sandbox \"%s\" cannot be trusted: %s; delete it by force", id, g_strerror (-r));
  if (r != 0)
    return kata_error__errno (err, KATA_E_IO, id, -r, "read the state of sandbox \"%s\"", id);
  return kata_state__parse (out, text, length, id, err);
}

int
kata_state__save (struct kata_sandbox_state *state, int dirfd, kata_error **err)
{
  state->generation++;
  g_autofree char *text = kata_state__format (state);
  int r = kata_beneath__replace (dirfd, KATA_STATE_FILE, text, strlen (text));
  if (r != 0)
    return kata_error__errno (err, KATA_E_IO, state->id, -r, "write the state of sandbox \"%s\"", state->id);
  return 0;
}

struct kata_container_state *
kata_state__container (struct kata_sandbox_state *state, const char *id)
{
  for (size_t i = 0; i < state->n_containers; i++)
    if (id == NULL || strcmp (state->containers[i].id, id) == 0)
      return &state->containers[i];
  return NULL;
}

struct kata_container_state *
kata_state__add_container (struct kata_sandbox_state *state, const char *id)
{
  struct kata_container_state *all =
      kata_arena__new0 (state->arena, struct kata_container_state, state->n_containers + 1);
  if (state->n_containers != 0)
    memcpy (all, state->containers, state->n_containers * sizeof *all);
  struct kata_container_state *added = &all[state->n_containers++];
  state->containers = all;
  added->id = kata_arena__strdup (state->arena, id);
  added->disk = "";
  added->exit_status = -1;
  added->created_ms = g_get_real_time () / 1000;
  return added;
}

void
kata_state__drop_container (struct kata_sandbox_state *state, const char *id)
{
  size_t kept = 0;
  for (size_t i = 0; i < state->n_containers; i++)
    if (strcmp (state->containers[i].id, id) != 0)
      state->containers[kept++] = state->containers[i];
  state->n_containers = kept;
}

void
kata_state__add_timing (struct kata_sandbox_state *state, const char *name, int64_t us)
{
  if (state->n_timing >= TIMING_MAX)
    return;
  struct kata_timing *all = kata_arena__new0 (state->arena, struct kata_timing, state->n_timing + 1);
  if (state->n_timing != 0)
    memcpy (all, state->timing, state->n_timing * sizeof *all);
  all[state->n_timing++] = (struct kata_timing){ kata_arena__strdup (state->arena, name), us };
  state->timing = all;
}

char *
kata_state__boot_id (void)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents ("/proc/sys/kernel/random/boot_id", &text, NULL, NULL))
    return g_strdup ("");
  return g_strdup (g_strstrip (text));
}

const char *
kata_state__name (int state)
{
  static const char *const names[] = { "unknown", "created", "running", "paused", "stopped" };
  return state >= KATA_STATE_CREATED && state <= KATA_STATE_STOPPED ? names[state] : names[0];
}
