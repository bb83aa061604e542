/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keep: a null guest's containers as a text, and back. */
#include <stdbool.h>
#include <string.h>

#include "backend/null/guest.h"
#include "backend/null/service.h"
#include "base/error.h"
#include "base/id.h"

#define BEGINS "null guest\n"

char *
kata_null_guest__keep (struct null_guest *guest)
{
  GString *text = g_string_new (BEGINS);
  GHashTableIter iter;
  void *value;
  g_mutex_lock (&guest->lock);
  g_hash_table_iter_init (&iter, guest->containers);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const struct null_container *c = value;
    int status;
    bool runs = kata_null_process__is_started (c->init) && !kata_null_process__exited (c->init, &status);
    g_string_append_printf (text, "%c %s\n", runs ? 'r' : 'c', c->id);
  }
  g_mutex_unlock (&guest->lock);
  return g_string_free (text, FALSE);
}

static bool
add (struct null_guest *guest, const char *line)
{
  static char *const args[] = { (char *) "cat", NULL };
  const char *id = line + 2;
  if ((line[0] != 'r' && line[0] != 'c') || line[1] != ' ' || kata_id__check ("id", id, NULL) != 0)
    return false;
  struct null_process *init = kata_null_process__new ((char **) args, FALSE);
  return init != NULL && kata_null_service__add_container (guest, id, init) &&
         (line[0] == 'c' || kata_null_process__start (init));
}

int
kata_null_guest__give_back (struct null_guest *guest, const char *text, kata_error **err)
{
  bool good = g_str_has_prefix (text, BEGINS);
  g_auto (GStrv) lines = g_strsplit (good ? text + strlen (BEGINS) : "", "\n", -1);
  g_atomic_int_set (&guest->paused, 1);
  g_mutex_lock (&guest->lock);
  for (char **line = lines; good && *line != NULL; line++)
    good = **line == '\0' ? line[1] == NULL : strlen (*line) > 2 && add (guest, *line);
  g_mutex_unlock (&guest->lock);
  return good ? 0 : kata_error__set (err, KATA_E_CORRUPT, guest->id, "null: what was kept of the guest is damaged");
}
