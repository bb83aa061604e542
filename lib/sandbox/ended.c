/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ended: why a virtual machine ended on its own, kept for calls that come later; it looks, and ends nothing. */
#include <string.h>

#include "sandbox/sandbox.h"

/* Of a VMM's log the end tells most, and the sentence begins with how its process ended. */
#define HEAD_MAX 300
#define TAIL_MAX 900

static char *
bounded (const char *why)
{
  size_t length = strlen (why);
  g_autofree char *head = g_strndup (why, length > HEAD_MAX + TAIL_MAX ? HEAD_MAX : length);
  g_autofree char *cut =
      length > HEAD_MAX + TAIL_MAX ? g_strconcat (head, " … ", why + length - TAIL_MAX, NULL) : g_steal_pointer (&head);
  char *text = g_utf8_make_valid (cut, -1);
  for (char *c = text; *c != '\0'; c++)
    if (g_ascii_iscntrl (*c))
      *c = ' ';
  return text;
}

char *
kata_sandbox__why_ended (kata_sandbox *sandbox, const kata_sandbox_state *state)
{
  g_autoptr (kata_machine) machine = NULL;
  if (state->state == KATA_STATE_CREATED || state->ended[0] != '\0' || state->saved == NULL)
    return g_strdup (state->ended);
  if (state->state == KATA_STATE_STOPPED)
    return g_strdup (""); /* it was asked to */
  g_autofree char *boot = kata_state__boot_id ();
  if (g_strcmp0 (boot, state->boot) != 0)
    return g_strdup ("the host was started anew");
  if (kata_sandbox__machine (&machine, sandbox, state, NULL) != 0 || !kata_machine__ended (machine, 0))
    return g_strdup ("");
  g_autofree char *why = kata_vm__why (kata_machine__vm (machine));
  return bounded (why);
}

int
kata_sandbox__allow_guest (kata_sandbox *sandbox, const kata_sandbox_state *state, const char *what, int real,
                           unsigned allowed, kata_error **err)
{
  g_autoptr (kata_error) error = NULL;
  int r = kata_sandbox__allow (what, sandbox->id, real, allowed, &error);
  if (r == 0)
    return 0;
  g_autofree char *why = real == KATA_STATE_STOPPED ? kata_sandbox__why_ended (sandbox, state) : g_strdup ("");
  if (why[0] == '\0')
    return kata_error__propagate (err, g_steal_pointer (&error));
  return kata_error__set (err, r, sandbox->id, "%s; its virtual machine ended: %s", kata_error_get_message (error),
                          why);
}
