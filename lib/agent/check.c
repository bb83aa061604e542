/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check: what texts and ids in an agent's replies may look like, and deadlines over several calls. */
#include "agent/call.h"

#include <string.h>

bool
kata_agent__text_ok (const char *text)
{
  if (text == NULL)
    return true;
  size_t len = strnlen (text, KATA_AGENT_NAME_MAX + 1);
  if (len > KATA_AGENT_NAME_MAX || !g_utf8_validate (text, (gssize) len, NULL))
    return false;
  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    if (g_unichar_iscntrl (g_utf8_get_char (p)))
      return false;
  return true;
}

bool
kata_agent__id_ok (const char *id)
{
  if (id == NULL || !g_ascii_isalnum (id[0]) || strnlen (id, KATA_ID_MAX + 1) > KATA_ID_MAX)
    return false;
  return strspn (id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") == strlen (id);
}

int64_t
kata_agent__deadline (int64_t timeout_ms)
{
  int64_t us, deadline;
  if (timeout_ms == KATA_TIMEOUT_NONE || __builtin_mul_overflow (timeout_ms, 1000, &us) ||
      __builtin_add_overflow (g_get_monotonic_time (), us, &deadline))
    return INT64_MAX;
  return deadline;
}

int64_t
kata_agent__time_left (int64_t deadline)
{
  if (deadline == INT64_MAX)
    return KATA_TIMEOUT_NONE;
  int64_t left = deadline - g_get_monotonic_time ();
  return left > 0 ? (left + 999) / 1000 : 0;
}
