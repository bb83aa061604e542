/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resolve: from what the user wrote (an id, the unique beginning of one, ID/CONTAINER) to handles. */
#include "resolve.h"

#include <string.h>

#include "options.h"
#include "output.h"

static char *
not_found (ctl *ctl, const char *name, char **ids)
{
  const char *nearest = options_nearest (name, (const char *const *) ids);
  if (nearest)
    output_fail (ctl, CTL_FAILED, "no sandbox \"%s\"; did you mean \"%s\"?", name, nearest);
  else
    output_fail (ctl, CTL_FAILED, "no sandbox \"%s\"; 'katactl list' shows what there is", name);
  return NULL;
}

char *
resolve_id (ctl *ctl, const char *word)
{
  CTL_AUTO_STRINGS ids = NULL;
  CTL_AUTO (error) err = NULL;
  const char *slash = strchr (word, '/');
  g_autofree char *name = slash ? g_strndup (word, (gsize) (slash - word)) : g_strdup (word);
  const char *found = NULL;
  if (!ctl_runtime (ctl))
    return NULL;
  if (kata_runtime_list (&ids, ctl->runtime, &err) < 0) {
    output_error (ctl, NULL, err);
    return NULL;
  }
  for (char **id = ids; *id; id++)
    if (strcmp (*id, name) == 0)
      return g_strdup (*id);
  for (char **id = ids; *id && *name; id++) {
    if (!g_str_has_prefix (*id, name))
      continue;
    if (found) {
      output_fail (ctl, CTL_FAILED, "\"%s\" is the beginning of several ids (%s, %s); write more of it", name, found,
                   *id);
      return NULL;
    }
    found = *id;
  }
  return found ? g_strdup (found) : not_found (ctl, name, ids);
}

int
resolve_sandbox (ctl *ctl, const char *word, kata_sandbox **sandbox)
{
  CTL_AUTO (error) err = NULL;
  g_autofree char *id = resolve_id (ctl, word);
  if (!id)
    return CTL_FAILED;
  if (kata_sandbox_open (sandbox, ctl->runtime, id, &err) < 0)
    return output_error (ctl, NULL, err);
  return 0;
}

int
resolve_container (ctl *ctl, const char *word, kata_sandbox **sandbox, kata_container **container)
{
  CTL_AUTO (error) err = NULL;
  const char *slash = strchr (word, '/');
  int rc = resolve_sandbox (ctl, word, sandbox);
  if (rc != 0)
    return rc;
  if (kata_container_open (container, *sandbox, slash ? slash + 1 : NULL, &err) < 0)
    return output_error (ctl, NULL, err);
  return 0;
}
