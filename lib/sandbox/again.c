/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* again: the loop around a lost connection. It holds no lock, and ends with the machine, the caller's patience or its own. */
#include "sandbox/again.h"

#define TRIES_MAX  40
#define PAUSE_MS   20                   /* before the second try, then twice as long each time */
#define PAUSE_MAX  1000                 /* ms */
#define PAUSED_MS  100                  /* between looks at a guest that is paused */
#define CALM_US    (2 * G_USEC_PER_SEC) /* what went on for so long was mended */
#define DEFAULT_MS 60000

static int64_t
limit_ms (kata_sandbox *sandbox)
{
  g_autoptr (kata_sandbox_state) state = NULL;
  return kata_sandbox__load (&state, sandbox, NULL) == 0 ? state->plan.start_timeout_ms : DEFAULT_MS;
}

static int
give_up (struct kata_again *again, kata_error *lost, kata_error **error)
{
  kata_sandbox *sandbox = again->sandbox;
  g_autoptr (kata_error) last = g_steal_pointer (error);
  return kata_error__set (error, KATA_E_AGENT, sandbox->id,
                          "%s; the virtual machine lives, but its agent does not come back (%u tries, dial_timeout "
                          "bounds them): %s",
                          kata_error_get_message (lost), again->tries,
                          last != NULL ? kata_error_get_message (last) : "no answer");
}

/* Before a try: 0 = go on, 1 = not yet, or the reason to end. */
static int
ready (struct kata_again *again, kata_machine *machine, kata_error **error)
{
  kata_sandbox *sandbox = again->sandbox;
  const struct kata_track_patience *patience = again->patience;
  int pause_ms = again->tries == 0 ? 0 : MIN (PAUSE_MS << MIN (again->tries - 1, 6), PAUSE_MAX);
  bool paused = kata_sandbox__seen (sandbox).paused;
  if (kata_machine__ended (machine, paused ? PAUSED_MS : pause_ms)) {
    g_clear_pointer (error, kata_error_unref);
    return kata_sandbox__ended_error (sandbox, machine, error);
  }
  int code = 0;
  if (patience->interrupts != NULL && g_atomic_int_get (patience->interrupts) != patience->seen)
    code = KATA_E_CANCELLED;
  else if (kata_deadline__now () >= patience->deadline_us)
    code = KATA_E_TIMEOUT;
  if (code == 0 && paused)
    again->until_us += PAUSED_MS * 1000; /* that time does not count */
  if (code == 0)
    return paused ? 1 : 0;
  g_clear_pointer (error, kata_error_unref);
  return kata_error__set (error, code, sandbox->id, "the connection to the agent is being made again: %s",
                          code == KATA_E_TIMEOUT ? "nothing came in time" : "interrupted by the caller");
}

/* Not every failure is one of the connection. */
static bool
is_final (int code)
{
  return code == KATA_E_VMM || code == KATA_E_NOT_FOUND || code == KATA_E_STATE || code == KATA_E_CORRUPT ||
         code == KATA_E_PERMISSION;
}

static int
mend (struct kata_again *again, kata_link **link, kata_error *lost, kata_error **error)
{
  g_autoptr (kata_machine) machine = kata_machine__ref (kata_link__machine (*link));
  for (;;) {
    kata_link *made = NULL;
    int r = ready (again, machine, error);
    if (r == 1)
      continue;
    if (r == 0 && (kata_deadline__now () >= again->until_us || again->tries >= TRIES_MAX))
      r = give_up (again, lost, error);
    if (r != 0)
      return r;
    g_clear_pointer (error, kata_error_unref);
    again->tries++;
    struct kata_track_patience patience = *again->patience;
    patience.deadline_us = MIN (patience.deadline_us, again->until_us);
    r = kata_sandbox__reach (&made, again->sandbox, &patience, error);
    if (r == 0) {
      kata_link__unref (*link);
      *link = made;
      again->mended_us = kata_deadline__now ();
      return 1;
    }
    if (is_final (r))
      return r;
  }
}

/* A look at the connection between times: it may have died without a word. */
static int
look (struct kata_again *again, kata_link **link, kata_error **error)
{
  kata_link *made = NULL;
  int r = kata_sandbox__reach (&made, again->sandbox, again->patience, error);
  if (r != 0)
    return r;
  kata_link__unref (*link);
  *link = made;
  return 1;
}

int
kata_again__call (struct kata_again *again, kata_link **link, int r, kata_error **error)
{
  if (r == KATA_TRACK_LOOK)
    r = look (again, link, error);
  if (r >= 0 || !kata_agent__is_lost (kata_link__agent (*link), NULL))
    return r;
  g_autoptr (kata_error) lost = g_steal_pointer (error);
  if (again->mended_us != 0 && kata_deadline__now () - again->mended_us > CALM_US)
    again->tries = 0;
  if (again->tries == 0)
    again->until_us = kata_deadline__within (INT64_MAX, limit_ms (again->sandbox));
  return mend (again, link, lost, error);
}
