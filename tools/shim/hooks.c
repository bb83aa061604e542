/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hooks: when the hooks of config.json run, with what state, and what is noted so that the last ones run after a SIGKILL as well. */
#include "hooks/hooks.h"

#include <string.h>

#include "say.h"
#include "verbs.h"
#include "service.h"

static char *
record_name (task *task)
{
  return g_strdup_printf (GROUP_HOOKS "%s", task->id);
}

gboolean
hooks_hold (service *service, task *task, char **why)
{
  const char *path = task->place.placement->network_namespace;
  int r = 0;
  if (!task->place.config)
    return TRUE;
  g_mutex_lock (&service->pod);
  if (service->holder.pid <= 0)
    r = holder_start (&service->holder, *path ? path : NULL);
  g_mutex_unlock (&service->pod);
  if (r < 0)
    *why = g_strdup_printf ("network namespace \"%s\" for the hooks: %s", path, g_strerror (-r));
  return r == 0;
}

void
hooks_release (service *service)
{
  g_mutex_lock (&service->pod);
  if (!service->sandbox)
    holder_end (&service->holder);
  g_mutex_unlock (&service->pod);
}

static gboolean
run (service *service, task *task, const char *kind, const char *status, char **why)
{
  g_mutex_lock (&service->pod);
  hooks_container container = { .id = task->id, .bundle = task->bundle, .pid = service->holder.pid };
  g_mutex_unlock (&service->pod);
  return hooks_run (task->place.config, &container, kind, status, why) == 0;
}

gboolean
hooks_create (service *service, task *task, char **why)
{
  g_autofree char *name = record_name (task);
  if (!task->place.config)
    return TRUE;
  int r = group_write (service->group, name, task->bundle);
  if (r < 0) {
    *why = g_strdup_printf ("hooks: note them in \"%s\": %s", service->group->path, g_strerror (-r));
    return FALSE;
  }
  task->hooked = TRUE;
  return run (service, task, "prestart", "created", why) && run (service, task, "createRuntime", "creating", why);
}

gboolean
hooks_created (service *service, task *task, char **why)
{
  return !task->hooked || run (service, task, "createContainer", "creating", why);
}

int
hooks_refresh (service *service, kata_error **err)
{
  g_mutex_lock (&service->pod);
  kata_sandbox *sandbox = service->sandbox ? kata_sandbox_ref (service->sandbox) : NULL;
  g_mutex_unlock (&service->pod);
  int r = sandbox ? kata_sandbox_refresh_network (sandbox, KATA_TIMEOUT_DEFAULT, err) : 0;
  kata_sandbox_unref (sandbox);
  return r;
}

void
hooks_started (service *service, task *task)
{
  g_autofree char *why = NULL;
  if (task->hooked && !run (service, task, "poststart", "running", &why))
    say ("\"%s\": %s", task->id, why);
}

void
hooks_stopped (service *service, task *task)
{
  g_autofree char *name = record_name (task);
  g_autofree char *why = NULL;
  if (!task->hooked)
    return;
  task->hooked = FALSE;
  if (!run (service, task, "poststop", "stopped", &why))
    say ("\"%s\": %s", task->id, why);
  group_forget (service->group, name);
}

void
hooks_cleanup (group *group)
{
  g_auto (GStrv) names = group_list (group, GROUP_HOOKS);
  for (char **name = names; *name; name++) {
    const char *id = *name + strlen (GROUP_HOOKS);
    g_autofree char *bundle = group_read (group, *name);
    g_autofree char *why = NULL;
    place place = { 0 };
    hooks_container container = { .id = id, .bundle = bundle };
    if (bundle && options_is_path (bundle) && place_read (&place, bundle, id, &why))
      hooks_run (place.config, &container, "poststop", "stopped", &why);
    if (why)
      say_failure ("\"%s\": %s", id, why);
    place_clear (&place);
    group_forget (group, *name);
  }
}
