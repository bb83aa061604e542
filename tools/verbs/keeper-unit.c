/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper-unit: the keeper's table of containers; one that a request uses is not removed under it. */
#include "verbs/keeper.h"

#define UNREAD_US (5 * G_USEC_PER_SEC) /* requests are written at once, so reading them takes no time */

unit *
keeper_take (keeper *keeper, const char *id)
{
  g_mutex_lock (&keeper->lock);
  unit *unit = g_hash_table_lookup (keeper->units, id);
  if (unit)
    unit->busy++;
  g_mutex_unlock (&keeper->lock);
  return unit;
}

void
keeper_give (keeper *keeper, unit *unit)
{
  g_mutex_lock (&keeper->lock);
  unit->busy--;
  g_cond_broadcast (&keeper->idle);
  g_mutex_unlock (&keeper->lock);
}

int
keeper_add (keeper *keeper, unit *unit)
{
  g_mutex_lock (&keeper->lock);
  int taken = g_hash_table_contains (keeper->units, unit->id);
  if (!taken)
    g_hash_table_insert (keeper->units, unit->id, unit);
  g_mutex_unlock (&keeper->lock);
  return taken ? -1 : 0;
}

void
keeper_read (keeper *keeper, const char *id)
{
  g_mutex_lock (&keeper->lock);
  keeper->n_unread--;
  if (id)
    g_hash_table_add (keeper->creating, g_strdup (id));
  g_cond_broadcast (&keeper->idle);
  g_mutex_unlock (&keeper->lock);
}

void
keeper_created (keeper *keeper, const char *id)
{
  g_mutex_lock (&keeper->lock);
  g_hash_table_remove (keeper->creating, id);
  g_cond_broadcast (&keeper->idle);
  g_mutex_unlock (&keeper->lock);
}

void
keeper_wait_created (keeper *keeper, const char *id)
{
  int64_t until = g_get_monotonic_time () + UNREAD_US;
  g_mutex_lock (&keeper->lock);
  while (keeper->n_unread > 0 && g_cond_wait_until (&keeper->idle, &keeper->lock, until))
    ;
  while (g_hash_table_contains (keeper->creating, id))
    g_cond_wait (&keeper->idle, &keeper->lock);
  g_mutex_unlock (&keeper->lock);
}

unit *
keeper_remove (keeper *keeper, const char *id)
{
  g_mutex_lock (&keeper->lock);
  unit *unit = g_hash_table_lookup (keeper->units, id);
  if (unit)
    g_hash_table_remove (keeper->units, id);
  while (unit && unit->busy > 0)
    g_cond_wait (&keeper->idle, &keeper->lock);
  g_mutex_unlock (&keeper->lock);
  return unit;
}

guint
keeper_count (keeper *keeper)
{
  g_mutex_lock (&keeper->lock);
  guint n = g_hash_table_size (keeper->units);
  g_mutex_unlock (&keeper->lock);
  return n;
}

void
unit_free (unit *unit)
{
  for (guint i = 0; i < unit->execs->len; i++)
    kept_free (unit->execs->pdata[i]);
  g_ptr_array_unref (unit->execs);
  kept_free (unit->init);
  kata_container_unref (unit->container);
  g_free (unit->bundle);
  g_free (unit->id);
  g_free (unit);
}
