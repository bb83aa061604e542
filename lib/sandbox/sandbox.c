/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sandbox: the handle itself and how its state is read. */
#include "sandbox/sandbox.h"

#include "base/fd.h"
#include "base/id.h"
#include "sandbox/directory.h"
#include "sandbox/events.h"

static void
drop_track (void *track)
{
  kata_track__unref (track);
}

kata_sandbox *
kata_sandbox__new (kata_runtime *runtime, const char *id, int dirfd)
{
  kata_sandbox *sandbox = g_new0 (kata_sandbox, 1);
  g_atomic_ref_count_init (&sandbox->refs);
  sandbox->runtime = kata_runtime_ref (runtime);
  sandbox->id = g_strdup (id);
  sandbox->dir = g_build_filename (runtime->state_dir, id, NULL);
  sandbox->dirfd = dirfd;
  sandbox->tracks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, drop_track);
  g_mutex_init (&sandbox->op);
  g_mutex_init (&sandbox->lock);
  g_cond_init (&sandbox->linked);
  return sandbox;
}

int
kata_sandbox__open (kata_sandbox **out, kata_runtime *runtime, const char *id, kata_error **err)
{
  int dirfd = -1;
  int r = kata_id__check ("id", id, err);
  if (r == 0)
    r = kata_directory__open (&dirfd, runtime->state_fd, id, err);
  if (r != 0)
    return r;
  kata_sandbox *sandbox = kata_sandbox__new (runtime, id, dirfd);
  g_autoptr (kata_sandbox_state) state = NULL;
  g_autoptr (kata_error) error = NULL;
  r = kata_sandbox__load (&state, sandbox, &error);
  /* One that cannot be read is given out all the same: it can be deleted by force, and every other call says what is wrong. */
  if (r != 0 && r != KATA_E_CORRUPT) {
    kata_sandbox_unref (sandbox);
    return kata_error__propagate (err, g_steal_pointer (&error));
  }
  *out = sandbox;
  return 0;
}

void
kata_sandbox__free (kata_sandbox *sandbox)
{
  kata_events__free (sandbox->events);
  kata_sandbox__disconnect (sandbox, true);
  g_hash_table_unref (sandbox->tracks);
  kata_fd__close (sandbox->dirfd);
  g_mutex_clear (&sandbox->op);
  g_mutex_clear (&sandbox->lock);
  g_cond_clear (&sandbox->linked);
  g_free (sandbox->lost_why);
  g_free (sandbox->id);
  g_free (sandbox->dir);
  kata_runtime_unref (sandbox->runtime);
  g_free (sandbox);
}

/* The plan's places must be ours: a state file that names others would have us mount and launch there. */
static bool
places_ok (const kata_sandbox *sandbox, const kata_sandbox_state *state)
{
  g_autofree char *prefix = g_strconcat (sandbox->dir, "/", NULL);
  const kata_plan *plan = &state->plan;
  if (g_strcmp0 (plan->vm.dir, sandbox->dir) != 0)
    return false;
  return (plan->pack_dir[0] == '\0' || g_str_has_prefix (plan->pack_dir, prefix)) &&
         (plan->share_dir[0] == '\0' || g_str_has_prefix (plan->share_dir, prefix)) &&
         (plan->vm.share_dir[0] == '\0' || g_str_has_prefix (plan->vm.share_dir, prefix));
}

int
kata_sandbox__load (kata_sandbox_state **out, kata_sandbox *sandbox, kata_error **err)
{
  g_autoptr (kata_sandbox_state) state = NULL;
  int r = kata_state__load (&state, sandbox->dirfd, sandbox->id, err);
  if (r != 0)
    return r;
  if (!places_ok (sandbox, state))
    return kata_error__set (err, KATA_E_CORRUPT, sandbox->id,
                            "state of sandbox \"%s\" cannot be trusted: \"plan\" names other directories; delete it by "
                            "force",
                            sandbox->id);
  *out = g_steal_pointer (&state);
  return 0;
}

int
kata_sandbox__real_state (kata_sandbox *sandbox, const kata_sandbox_state *state)
{
  if (state->state != KATA_STATE_RUNNING && state->state != KATA_STATE_PAUSED)
    return state->state;
  g_autofree char *boot = kata_state__boot_id ();
  if (g_strcmp0 (boot, state->boot) != 0)
    return KATA_STATE_STOPPED;
  g_autoptr (kata_machine) machine = NULL;
  if (kata_sandbox__machine (&machine, sandbox, state, NULL) != 0)
    return state->state;
  return kata_machine__ended (machine, 0) ? KATA_STATE_STOPPED : state->state;
}

int
kata_sandbox__allow (const char *what, const char *id, int state, unsigned allowed, kata_error **err)
{
  if ((allowed & (1u << state)) != 0)
    return 0;
  g_autoptr (GString) wanted = g_string_new (NULL);
  for (int s = KATA_STATE_CREATED; s <= KATA_STATE_STOPPED; s++)
    if ((allowed & (1u << s)) != 0)
      g_string_append_printf (wanted, "%s%s", wanted->len != 0 ? " or " : "", kata_state__name (s));
  return kata_error__set (err, KATA_E_STATE, id, "%s: \"%s\" is %s; it must be %s", what, id, kata_state__name (state),
                          wanted->str);
}
