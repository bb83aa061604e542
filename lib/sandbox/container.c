/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* container: the handle and what is known of its state. */
#include "sandbox/container.h"

#include "base/id.h"

#define ASK_MS 150 /* how long the first question "has it ended?" may take; later ones know */

kata_container *
kata_container__new (kata_sandbox *sandbox, const char *id)
{
  kata_container *container = g_new0 (kata_container, 1);
  g_atomic_ref_count_init (&container->refs);
  container->sandbox = kata_sandbox_ref (sandbox);
  container->id = g_strdup (id);
  return container;
}

void
kata_container__free (kata_container *container)
{
  kata_sandbox_unref (container->sandbox);
  g_free (container->id);
  g_free (container);
}

int
kata_container__open (kata_container **out, kata_sandbox *sandbox, const char *id, kata_error **err)
{
  g_autoptr (kata_sandbox_state) state = NULL;
  int r = id != NULL ? kata_id__check ("id", id, err) : 0;
  if (r == 0)
    r = kata_sandbox__load (&state, sandbox, err);
  if (r != 0)
    return r;
  const struct kata_container_state *found = kata_state__container (state, id);
  if (found == NULL)
    return kata_error__set (err, KATA_E_NOT_FOUND, id != NULL ? id : sandbox->id,
                            "no container %s%s%sin sandbox \"%s\"", id != NULL ? "\"" : "", id != NULL ? id : "",
                            id != NULL ? "\" " : "", sandbox->id);
  *out = kata_container__new (sandbox, found->id);
  return 0;
}

int
kata_container__look (kata_container *container, kata_sandbox_state **out, struct kata_container_state **found,
                      kata_error **err)
{
  g_autoptr (kata_sandbox_state) state = NULL;
  int r = kata_sandbox__load (&state, container->sandbox, err);
  if (r != 0)
    return r;
  *found = kata_state__container (state, container->id);
  if (*found == NULL || g_atomic_int_get (&container->deleted) != 0)
    return kata_error__set (err, KATA_E_NOT_FOUND, container->id, "no container \"%s\" in sandbox \"%s\"",
                            container->id, container->sandbox->id);
  *out = g_steal_pointer (&state);
  return 0;
}

void
kata_container__note_exit (kata_container *container, int status)
{
  static const struct kata_operation_options options = { .what = "wait", .timeout_ms = 0, .yielding = true };
  struct kata_operation op;
  if (kata_operation__begin (&op, container->sandbox, &options, NULL) != 0)
    return;
  struct kata_container_state *found = kata_state__container (op.state, container->id);
  if (found != NULL && found->exit_status < 0) {
    found->state = KATA_STATE_STOPPED;
    found->exit_status = status;
    kata_state__save (op.state, container->sandbox->dirfd, NULL);
  }
  kata_operation__end (&op);
}

int
kata_container__real_state (kata_container *container, const kata_sandbox_state *state,
                            struct kata_container_state *found)
{
  int sandbox = kata_sandbox__real_state (container->sandbox, state);
  if (sandbox == KATA_STATE_STOPPED)
    return KATA_STATE_STOPPED;
  if (found->state != KATA_STATE_RUNNING || sandbox != KATA_STATE_RUNNING)
    return found->state;
  g_autoptr (kata_track) track = kata_sandbox__track (container->sandbox, container->id, "");
  g_autoptr (kata_link) link = NULL;
  int status = 0;
  if (kata_sandbox__link (&link, container->sandbox, kata_runtime__deadline (ASK_MS, 0), NULL) != 0 ||
      !kata_track__poll (track, link, &status, ASK_MS))
    return found->state;
  found->state = KATA_STATE_STOPPED;
  found->exit_status = status;
  return KATA_STATE_STOPPED;
}

int
kata_container__get_state (kata_container *container)
{
  g_autoptr (kata_sandbox_state) state = NULL;
  struct kata_container_state *found = NULL;
  int r = kata_container__look (container, &state, &found, NULL);
  if (r != 0)
    return r;
  int known = found->state;
  int real = kata_container__real_state (container, state, found);
  if (real == KATA_STATE_STOPPED && known == KATA_STATE_RUNNING && found->exit_status >= 0)
    kata_container__note_exit (container, found->exit_status);
  return real;
}
