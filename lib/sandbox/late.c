/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* late: two lists in the state, of what is there and of what is on its way; a thing moves between them, and each move is saved. */
#include "sandbox/late.h"

#include <string.h>

#define UNDO_MS 30000
#define MEND_MS 5000 /* for the sake of another thing nobody waits longer for a guest that does not let go */

const void *const *
kata_late__list (const kata_sandbox_state *state, size_t offset)
{
  const void *const *list;
  memcpy (&list, (const char *) state + offset, sizeof list);
  return list;
}

/* Lists are const to everybody else, so a new one takes the place of the old. */
static const void **
begin (struct kata_operation *op, size_t offset, const void *const **old)
{
  size_t n = 0;
  *old = kata_late__list (op->state, offset);
  while (*old != NULL && (*old)[n] != NULL)
    n++;
  return kata_arena__alloc_array (op->state->arena, n + 2, sizeof (void *));
}

static void
set (struct kata_operation *op, size_t offset, const void **list)
{
  memcpy ((char *) op->state + offset, &list, sizeof list);
}

void
kata_late__put (struct kata_operation *op, size_t offset, const void *thing)
{
  const void *const *old;
  const void **made = begin (op, offset, &old);
  size_t n = 0;
  for (; old != NULL && old[n] != NULL; n++)
    made[n] = old[n];
  made[n] = thing;
  made[n + 1] = NULL;
  set (op, offset, made);
}

void
kata_late__take (struct kata_operation *op, size_t offset, const void *thing)
{
  const void *const *old;
  const void **made = begin (op, offset, &old);
  size_t kept = 0;
  for (size_t i = 0; old != NULL && old[i] != NULL; i++)
    if (old[i] != thing)
      made[kept++] = old[i];
  made[kept] = NULL;
  set (op, offset, made);
}

const void *
kata_late__named (const kata_sandbox_state *state, const struct kata_late_kind *kind, size_t offset, const char *id)
{
  const void *const *list = kata_late__list (state, offset);
  for (size_t i = 0; list != NULL && list[i] != NULL; i++)
    if (strcmp (kind->id (list[i]), id) == 0)
      return list[i];
  return NULL;
}

static int
change (struct kata_operation *op, const struct kata_late_kind *kind, bool add, const void *thing, int64_t deadline_us,
        kata_error **err)
{
  int r = kata_operation__fault (op, add ? kind->adds : kind->takes, err);
  return r != 0 ? r : kind->change (op, add, thing, deadline_us, err);
}

/* What is on its way leaves the machine, if it is there, and the state. */
static int
release (struct kata_operation *op, const struct kata_late_kind *kind, const void *thing, int64_t deadline_us,
         kata_error **err)
{
  int r = change (op, kind, false, thing, deadline_us, err);
  if (r != 0)
    return r;
  kata_late__take (op, kind->half, thing);
  return kata_operation__save (op, err);
}

static bool
is_half (const struct kata_operation *op, const struct kata_late_kind *kind, const void *thing)
{
  return kata_late__named (op->state, kind, kind->half, kind->id (thing)) != NULL;
}

static void
set_out (struct kata_operation *op, const struct kata_late_kind *kind, const void *thing)
{
  kata_late__take (op, kind->there, thing);
  kata_late__put (op, kind->half, thing);
}

static void
arrive (struct kata_operation *op, const struct kata_late_kind *kind, const void *thing)
{
  kata_late__take (op, kind->half, thing);
  kata_late__put (op, kind->there, thing);
}

/* As far as it can be: with a machine that does not let go, the state keeps what the next call has to finish. */
static void
take_back (struct kata_operation *op, const struct kata_late_kind *kind, const void *thing)
{
  g_autoptr (kata_error) failure = NULL;
  if (!is_half (op, kind, thing))
    set_out (op, kind, thing);
  int r = kata_state__save (op->state, op->sandbox->dirfd, &failure);
  if (r == 0)
    r = release (op, kind, thing, kata_deadline__within (INT64_MAX, UNDO_MS), &failure);
  if (r != 0)
    kata_log__write (&op->sandbox->runtime->log, KATA_LOG_ERROR,
                     "sandbox \"%s\": %s \"%s\" was not added and is not quite undone: %s", op->sandbox->id, kind->noun,
                     kind->id (thing), kata_error_get_message (failure));
}

int
kata_late__add (struct kata_operation *op, const struct kata_late_kind *kind, const void *thing, kata_error **err)
{
  kata_late__put (op, kind->half, thing);
  int r = kata_operation__save (op, err);
  if (r == 0)
    r = change (op, kind, true, thing, op->deadline_us, err);
  if (r == 0) {
    arrive (op, kind, thing);
    r = kata_operation__save (op, err);
  }
  if (r != 0)
    take_back (op, kind, thing);
  return r;
}

int
kata_late__remove (struct kata_operation *op, const struct kata_late_kind *kind, const void *thing, kata_error **err)
{
  int r = 0;
  if (!is_half (op, kind, thing)) {
    set_out (op, kind, thing);
    r = kata_operation__save (op, err);
  }
  if (r == 0)
    r = release (op, kind, thing, op->deadline_us, err);
  if (r == KATA_E_UNSUPPORTED) { /* the machine never lets go of it, and has it as before */
    arrive (op, kind, thing);
    kata_operation__save (op, NULL);
  }
  return r;
}

void
kata_late__mend (struct kata_operation *op, const struct kata_late_kind *kind)
{
  const void *const *half = kata_late__list (op->state, kind->half); /* a removal makes a new list */
  for (size_t i = 0; half != NULL && half[i] != NULL; i++) {
    g_autoptr (kata_error) failure = NULL;
    if (release (op, kind, half[i], kata_deadline__within (op->deadline_us, MEND_MS), &failure) != 0)
      kata_log__write (&op->sandbox->runtime->log, KATA_LOG_WARNING,
                       "sandbox \"%s\": %s \"%s\" is still in the machine: %s", op->sandbox->id, kind->noun,
                       kind->id (half[i]), kata_error_get_message (failure));
  }
}
