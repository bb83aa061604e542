/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check: rules for texts that end in options of a VMM, and small helpers of the steps. */
#include <string.h>

#include "config/keys.h"
#include "plan/build.h"

void
kata_plan__warn (struct kata_plan_build *b, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_ptr_array_add (b->warnings, g_strdup_vprintf (format, args));
  va_end (args);
}

bool
kata_plan__has (const struct kata_plan_build *b, int capability)
{
  return (b->in->caps->have & (UINT64_C (1) << capability)) != 0;
}

const char *
kata_plan__reason (const struct kata_plan_build *b, int capability)
{
  const char *reason = b->in->caps->reason[capability];
  return reason[0] != '\0' ? reason : "the hypervisor does not offer it";
}

bool
kata_plan__acts (const struct kata_plan_build *b, const char *key)
{
  const struct kata_key row = { .name = key };
  return kata_keys__acts (b->in->hypervisor, &row) != 0;
}

const char *
kata_plan__key (struct kata_plan_build *b, const char *key)
{
  return kata_arena__printf (b->arena, "hypervisor.%s.%s", b->in->hypervisor, key);
}

const char *
kata_plan__text (struct kata_plan_build *b, const char *text)
{
  return text != NULL && text[0] != '\0' ? kata_arena__strdup (b->arena, text) : "";
}

uint64_t
kata_plan__bytes_of (int64_t bits)
{
  return bits > 0 && bits < 8 ? 1 : (uint64_t) bits / 8;
}

bool
kata_plan__is_printable (const char *text)
{
  for (; *text != '\0'; text++)
    if ((unsigned char) *text < 0x20 || *text == 0x7f)
      return false;
  return true;
}

static bool
has_dot_dot (const char *path)
{
  for (const char *at = strstr (path, ".."); at != NULL; at = strstr (at + 1, ".."))
    if ((at == path || at[-1] == '/') && (at[2] == '\0' || at[2] == '/'))
      return true;
  return false;
}

bool
kata_plan__path_is_clean (const char *path)
{
  return path[0] == '/' && !has_dot_dot (path) && kata_plan__is_printable (path) &&
         strnlen (path, KATA_PATH_MAX) < KATA_PATH_MAX && g_utf8_validate (path, -1, NULL);
}

int
kata_plan__check_path (const char *key, const char *path, int code, kata_error **err)
{
  if (path == NULL || path[0] == '\0')
    return code == KATA_E_CONFIG ? 0 : kata_error__set (err, code, key, "%s: is empty; give an absolute path", key);
  if (!kata_plan__path_is_clean (path))
    return kata_error__set (err, code, key,
                            "%s: \"%.200s\" is no absolute path of at most %u UTF-8 bytes without \"..\" and control "
                            "characters",
                            key, path, KATA_PATH_MAX - 1);
  if (strchr (path, ',') != NULL)
    return kata_error__set (
        err, code, key, "%s: \"%.200s\" has a comma, which separates options of a hypervisor; rename it", key, path);
  return 0;
}

char **
kata_plan__take_warnings (kata_arena *arena, const GPtrArray *warnings)
{
  if (warnings->len == 0)
    return NULL;
  char **texts = kata_arena__new0 (arena, char *, warnings->len + 1);
  for (guint i = 0; i < warnings->len; i++)
    texts[i] = kata_arena__strdup (arena, g_ptr_array_index (warnings, i));
  return texts;
}
