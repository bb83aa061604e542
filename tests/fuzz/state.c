/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state: a sandbox's state file and its journal's lines, as somebody else may have written them. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "sandbox/journal.h"
#include "sandbox/state.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
try_state (const char *text, size_t size)
{
  g_autoptr (kata_sandbox_state) state = NULL;
  if (kata_state__parse (&state, text, size, "s1", NULL) != 0)
    return;
  /* What was believed can be written, and read again. */
  g_autoptr (kata_sandbox_state) again = NULL;
  g_autofree char *written = kata_state__format (state);
  if (strlen (written) <= KATA_STATE_BYTES_MAX &&
      kata_state__parse (&again, written, strlen (written), "s1", NULL) != 0)
    g_error ("a state that was read cannot be read again");
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  try_state ((const char *) data, size);
  const struct kata_journal_entry *entry = kata_journal__parse (arena, (const char *) data, size);
  if (entry != NULL && entry->kind != KATA_UNDO_PROCESS && entry->path[0] == '/')
    g_error ("a journal entry names an absolute path");
  return 0;
}
