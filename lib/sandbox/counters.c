/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* counters: from a VMM's JSON to samples; nothing in it is believed. */
#include "sandbox/counters.h"

#include <string.h>

#include <glib.h>

#include "base/json.h"

#define PREFIX     "kata_hypervisor_"
#define DEPTH_MAX  8u
#define VALUES_MAX 20000u
#define DIGITS_MAX 19 /* less than 2^64, whatever they are */

struct samples {
  GString *text;
  GHashTable *seen; /* "device/item" */
};

/* At the end of @text. */
static void
append_clean (GString *text, const char *name)
{
  for (size_t i = 0; name[i] != '\0' && i < KATA_COUNTERS_NAME_MAX; i++)
    g_string_append_c (text, g_ascii_isalnum (name[i]) || strchr ("._:-", name[i]) != NULL ? name[i] : '_');
}

static bool
is_count (const kata_json *value)
{
  size_t length = value->type == KATA_JSON_NUMBER ? strlen (value->text) : 0;
  return length > 0 && length <= DIGITS_MAX && strspn (value->text, "0123456789") == length;
}

static void
add (struct samples *samples, const char *device, const char *item, const kata_json *value)
{
  if (!is_count (value) || g_hash_table_size (samples->seen) >= KATA_COUNTERS_MAX)
    return;
  g_autofree char *key = g_strdup_printf ("%s/%s", device, item);
  if (g_hash_table_add (samples->seen, g_steal_pointer (&key)))
    g_string_append_printf (samples->text, PREFIX "counter{device=\"%s\",item=\"%s\"} %s\n", device, item, value->text);
}

static void
add_device (struct samples *samples, const kata_json *object)
{
  g_autoptr (GString) device = g_string_new (NULL);
  append_clean (device, object->name);
  for (const kata_json *value = object->first; value != NULL; value = value->next) {
    g_autoptr (GString) item = g_string_new (NULL);
    append_clean (item, value->name);
    if (value->type != KATA_JSON_OBJECT) {
      add (samples, device->str, item->str, value);
      continue;
    }
    gsize length = item->len;
    for (const kata_json *part = value->first; part != NULL; part = part->next) {
      g_string_truncate (item, length);
      g_string_append_c (item, '_');
      append_clean (item, part->name);
      add (samples, device->str, item->str, part);
    }
  }
}

int
kata_counters__text (char **out, const char *json, size_t length, kata_error **err)
{
  static const struct kata_json_limits limits = { .depth = DEPTH_MAX, .values = VALUES_MAX };
  g_autoptr (kata_arena) arena = kata_arena__new ();
  const kata_json *root = NULL;
  int r = kata_json__parse (&root, arena, json, length, &limits, KATA_E_PROTOCOL, err);
  if (r != 0)
    return r;
  if (root->type != KATA_JSON_OBJECT)
    return kata_error__set (err, KATA_E_PROTOCOL, "$", "what the hypervisor counts is no JSON object");
  struct samples samples = { g_string_new ("# HELP " PREFIX "counter What the hypervisor counts of itself and its "
                                           "devices.\n# TYPE " PREFIX "counter untyped\n"),
                             g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };
  for (const kata_json *device = root->first; device != NULL; device = device->next)
    if (device->type == KATA_JSON_OBJECT)
      add_device (&samples, device);
  if (g_hash_table_size (samples.seen) == 0)
    g_string_truncate (samples.text, 0);
  g_hash_table_unref (samples.seen);
  *out = g_string_free (samples.text, FALSE);
  return 0;
}

char *
kata_counters__without (const char *guest_text)
{
  GString *text = g_string_new (NULL);
  for (const char *line = guest_text, *end; *line != '\0'; line = end) {
    end = strchr (line, '\n');
    end = end != NULL ? end + 1 : line + strlen (line);
    if (g_strstr_len (line, end - line, PREFIX) == NULL)
      g_string_append_len (text, line, end - line);
  }
  if (text->len > 0 && text->str[text->len - 1] != '\n')
    g_string_append_c (text, '\n');
  return g_string_free (text, FALSE);
}
