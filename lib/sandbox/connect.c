/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connect: how a sandbox handle comes to its virtual machine and to the agent in it, and what it says when they are gone. */
#include "sandbox/sandbox.h"

#include <string.h>

#include "sandbox/journal.h"

#define ENDING_WAIT_MS 500 /* the connection may break a moment before the process is gone */

kata_backend_env
kata_sandbox__env (kata_sandbox *sandbox, void *journal, int64_t deadline_us)
{
  return (kata_backend_env){
    .size = sizeof (kata_backend_env),
    .deadline_us = deadline_us,
    .journal = journal,
    .record = kata_journal__record,
    .log_data = &sandbox->runtime->log,
    .log = kata_log__line,
  };
}

int
kata_sandbox__machine (kata_machine **out, kata_sandbox *sandbox, const kata_sandbox_state *state, kata_error **err)
{
  g_mutex_lock (&sandbox->lock);
  kata_machine *known = sandbox->machine != NULL ? kata_machine__ref (sandbox->machine) : NULL;
  g_mutex_unlock (&sandbox->lock);
  if (known != NULL) {
    *out = known;
    return 0;
  }
  if (state->saved == NULL)
    return kata_error__set (err, KATA_E_STATE, sandbox->id, "sandbox \"%s\" has no virtual machine", sandbox->id);
  const kata_backend_entry *entry = NULL;
  int r = kata_registry__find (&entry, sandbox->runtime->registry, state->plan.hypervisor, err);
  if (r != 0)
    return r;
  kata_vm *vm = NULL;
  kata_backend_env env = kata_sandbox__env (sandbox, NULL, kata_runtime__deadline (5000, 5000));
  r = kata_vm__attach (&vm, entry, &state->plan.vm, state->saved, &env, err);
  if (r != 0)
    return r;
  g_autoptr (kata_machine) made = kata_machine__new (vm);
  g_mutex_lock (&sandbox->lock);
  if (sandbox->machine == NULL)
    sandbox->machine = kata_machine__ref (made);
  *out = kata_machine__ref (sandbox->machine);
  g_mutex_unlock (&sandbox->lock);
  return 0;
}

int
kata_sandbox__ended_error (kata_sandbox *sandbox, kata_machine *machine, kata_error **err)
{
  g_autofree char *why = kata_vm__why (kata_machine__vm (machine));
  return kata_error__set (err, KATA_E_VMM, sandbox->id, "the virtual machine of sandbox \"%s\" has ended: %s",
                          sandbox->id, why);
}

void
kata_sandbox__interrupt (kata_sandbox *sandbox)
{
  g_mutex_lock (&sandbox->lock);
  /* Taken away at once: who comes next would only learn from a failure that it is cut. */
  kata_link *link = g_steal_pointer (&sandbox->link);
  if (link != NULL) {
    g_free (sandbox->lost_why);
    sandbox->lost_why = g_strdup ("cut by this side");
    sandbox->lost = true;
  }
  sandbox->cuts++;
  g_cond_broadcast (&sandbox->linked);
  g_mutex_unlock (&sandbox->lock);
  if (link == NULL)
    return;
  kata_link__shutdown (link);
  kata_link__unref (link);
}

void
kata_sandbox__disconnect (kata_sandbox *sandbox, bool machine_too)
{
  g_mutex_lock (&sandbox->lock);
  kata_link *link = g_steal_pointer (&sandbox->link);
  kata_machine *machine = machine_too ? g_steal_pointer (&sandbox->machine) : NULL;
  /* With the machine goes what is known of its connections: the first one to the next machine is not made again. */
  sandbox->lost = !machine_too && (sandbox->lost || link != NULL);
  if (machine_too)
    g_clear_pointer (&sandbox->lost_why, g_free);
  g_mutex_unlock (&sandbox->lock);
  if (link != NULL)
    kata_link__shutdown (link);
  kata_link__unref (link);
  kata_machine__unref (machine);
}

/* The machine, if it has ended by then or does so in a moment; or NULL. */
static kata_machine *
ended_machine (kata_sandbox *sandbox, int64_t deadline_us)
{
  g_mutex_lock (&sandbox->lock);
  g_autoptr (kata_machine) machine = sandbox->machine != NULL ? kata_machine__ref (sandbox->machine) : NULL;
  g_mutex_unlock (&sandbox->lock);
  int64_t left_us = kata_deadline__within (deadline_us, ENDING_WAIT_MS) - kata_deadline__now ();
  bool ended = machine != NULL && kata_machine__ended (machine, (int) MAX (left_us / 1000, 0));
  return ended ? g_steal_pointer (&machine) : NULL;
}

int
kata_sandbox__blame_end (kata_sandbox *sandbox, kata_error *error, int64_t deadline_us, kata_error **err)
{
  g_autoptr (kata_machine) machine = ended_machine (sandbox, deadline_us);
  if (machine == NULL)
    return kata_error__propagate (err, error);
  kata_error_unref (error);
  return kata_sandbox__ended_error (sandbox, machine, err);
}

int
kata_sandbox__explain (kata_sandbox *sandbox, kata_link *link, kata_error *error, kata_error **err)
{
  if (link == NULL || !kata_agent__is_lost (kata_link__agent (link), NULL))
    return kata_error__propagate (err, error);
  g_autoptr (kata_machine) machine = ended_machine (sandbox, INT64_MAX);
  int r = machine != NULL
              ? kata_sandbox__ended_error (sandbox, machine, err)
              : kata_error__set (err, kata_error_get_code (error), sandbox->id,
                                 "%s; whether the guest did what it was asked is not known, and it is not asked again",
                                 kata_error_get_message (error));
  kata_error_unref (error);
  return r;
}

kata_track *
kata_sandbox__track (kata_sandbox *sandbox, const char *container_id, const char *exec_id)
{
  g_autofree char *key = g_strdup_printf ("%s/%s", container_id, exec_id);
  g_mutex_lock (&sandbox->lock);
  kata_track *track = g_hash_table_lookup (sandbox->tracks, key);
  if (track == NULL) {
    track = kata_track__new (container_id, exec_id);
    g_hash_table_insert (sandbox->tracks, g_steal_pointer (&key), track);
  }
  kata_track__ref (track);
  g_mutex_unlock (&sandbox->lock);
  return track;
}

static gboolean
of_container (gpointer key, gpointer track, gpointer container_id)
{
  return strcmp (kata_track__container_id (track), container_id) == 0;
}

void
kata_sandbox__drop_tracks (kata_sandbox *sandbox, const char *container_id)
{
  g_mutex_lock (&sandbox->lock);
  g_hash_table_foreach_remove (sandbox->tracks, of_container, (gpointer) container_id);
  g_mutex_unlock (&sandbox->lock);
}
