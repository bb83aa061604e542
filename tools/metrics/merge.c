/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* merge: several texts of metrics become one, with one HELP and TYPE for each family; what is not right is refused. */
#include "metrics/merge.h"

#include <string.h>

#include "metrics/read.h"

#define ID_LABEL     "sandbox_id"
#define FAMILIES_MAX 4096u

struct family {
  char *name, *type, *help;
  GString *samples;
};

struct metrics_merge {
  GPtrArray *families;
  GHashTable *by_name;
};

/* One text while it is read: its own families, which go into the merge when all is well. */
struct reading {
  metrics_merge *own;
  GHashTable *series; /* "name{labels}": each comes once */
  struct family *last;
  const metrics_merge_rules *rules;
};

static void
family_free (struct family *family)
{
  g_free (family->name);
  g_free (family->type);
  g_free (family->help);
  g_string_free (family->samples, TRUE);
  g_free (family);
}

metrics_merge *
metrics_merge_new (void)
{
  metrics_merge *merge = g_new0 (metrics_merge, 1);
  merge->families = g_ptr_array_new_with_free_func ((GDestroyNotify) family_free);
  merge->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  return merge;
}

void
metrics_merge_free (metrics_merge *merge)
{
  g_hash_table_unref (merge->by_name);
  g_ptr_array_unref (merge->families);
  g_free (merge);
}

static struct family *
add_family (metrics_merge *merge, const char *name)
{
  struct family *family = g_new0 (struct family, 1);
  family->name = g_strdup (name);
  family->samples = g_string_new (NULL);
  g_ptr_array_add (merge->families, family);
  g_hash_table_insert (merge->by_name, family->name, family);
  return family;
}

static gboolean
allowed_name (const char *name, const char *const *prefixes)
{
  gboolean allowed = prefixes == NULL;
  for (; !allowed && *prefixes; prefixes++)
    allowed = g_str_has_prefix (name, *prefixes);
  return allowed;
}

/* The family that is written now, or a new one. One that was left does not come again. */
static struct family *
enter_family (struct reading *reading, metrics_slice name)
{
  g_autofree char *text = g_strndup (name.at, name.length);
  if (reading->last && g_str_equal (reading->last->name, text))
    return reading->last;
  if (g_hash_table_contains (reading->own->by_name, text) || reading->own->families->len >= FAMILIES_MAX ||
      !allowed_name (text, reading->rules->prefixes))
    return NULL;
  reading->last = add_family (reading->own, text);
  return reading->last;
}

/* A histogram's and a summary's samples have longer names than the family. */
static gboolean
is_of_last (const struct reading *reading, metrics_slice name)
{
  static const char *const ends[] = { "_bucket", "_sum", "_count" };
  const struct family *last = reading->last;
  if (!last)
    return FALSE;
  if (metrics_slice_is (name, last->name))
    return TRUE;
  gboolean composed = last->type && (g_str_equal (last->type, "histogram") || g_str_equal (last->type, "summary"));
  for (gsize i = 0; composed && i < G_N_ELEMENTS (ends); i++) {
    g_autofree char *whole = g_strconcat (last->name, ends[i], NULL);
    if (metrics_slice_is (name, whole))
      return TRUE;
  }
  return FALSE;
}

/* TRUE: the sample's labels are what the rules want. */
static gboolean
check_id (const metrics_merge_rules *rules, metrics_slice labels)
{
  metrics_slice name, value;
  gsize right = 0, all = 0;
  while (metrics_read_label (&labels, &name, &value)) {
    if (!metrics_slice_is (name, ID_LABEL))
      continue;
    all++;
    right += rules->sandbox_id && metrics_slice_is (value, rules->sandbox_id); /* an id has nothing to escape */
  }
  if (!rules->sandbox_id)
    return TRUE;
  return rules->add_id ? all == 0 : all == 1 && right == 1;
}

static gboolean
read_sample (struct reading *reading, const metrics_line *line)
{
  const metrics_merge_rules *rules = reading->rules;
  if (!check_id (rules, line->labels))
    return FALSE;
  if (!is_of_last (reading, line->name) && !enter_family (reading, line->name))
    return FALSE;
  g_autoptr (GString) series = g_string_new_len (line->name.at, (gssize) line->name.length);
  gboolean add = rules->sandbox_id && rules->add_id;
  if (add || line->labels.length > 0) {
    metrics_slice labels = line->labels;
    gsize comma = labels.length > 0 && labels.at[labels.length - 1] == ',';
    g_string_append_c (series, '{');
    if (add)
      g_string_append_printf (series, ID_LABEL "=\"%s\"%s", rules->sandbox_id, labels.length > comma ? "," : "");
    g_string_append_len (series, labels.at, (gssize) (labels.length - comma));
    g_string_append_c (series, '}');
  }
  GString *samples = reading->last->samples;
  g_string_append_printf (samples, "%s %.*s\n", series->str, (int) line->rest.length, line->rest.at);
  return g_hash_table_add (reading->series, g_strdup (series->str));
}

static gboolean
read_one (struct reading *reading, const metrics_line *line)
{
  struct family *family;
  char **field;
  switch (line->kind) {
  case METRICS_LINE_SAMPLE:
    return read_sample (reading, line);
  case METRICS_LINE_HELP:
  case METRICS_LINE_TYPE:
    family = enter_family (reading, line->name);
    field = !family ? NULL : line->kind == METRICS_LINE_HELP ? &family->help : &family->type;
    if (!family || *field || family->samples->len > 0)
      return FALSE;
    *field = g_strndup (line->rest.at, line->rest.length);
    return TRUE;
  default:
    return TRUE;
  }
}

static gboolean
read_all (struct reading *reading, const char *text, gsize length)
{
  const char *end = text + length;
  if (length > 0 && end[-1] != '\n')
    return FALSE; /* cut short */
  while (text < end) {
    metrics_line line;
    const char *stop = memchr (text, '\n', (gsize) (end - text));
    if (!metrics_read_line (&line, text, (gsize) (stop - text)) || !read_one (reading, &line))
      return FALSE;
    text = stop + 1;
  }
  return TRUE;
}

static void
join (metrics_merge *merge, const struct family *from)
{
  struct family *to = g_hash_table_lookup (merge->by_name, from->name);
  if (from->samples->len == 0)
    return;
  if (!to) {
    to = add_family (merge, from->name);
    to->type = g_strdup (from->type);
    to->help = g_strdup (from->help);
  }
  if (g_strcmp0 (to->type, from->type) == 0)
    g_string_append_len (to->samples, from->samples->str, (gssize) from->samples->len);
}

gboolean
metrics_merge_add (metrics_merge *merge, const char *text, gsize length, const metrics_merge_rules *rules)
{
  g_autoptr (metrics_merge) own = metrics_merge_new ();
  g_autoptr (GHashTable) series = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  struct reading reading = { .own = own, .series = series, .rules = rules };
  if (!read_all (&reading, text, length))
    return FALSE;
  for (guint i = 0; i < own->families->len; i++)
    join (merge, own->families->pdata[i]);
  return TRUE;
}

void
metrics_merge_write (metrics_merge *merge, GString *out)
{
  for (guint i = 0; i < merge->families->len; i++) {
    const struct family *family = merge->families->pdata[i];
    if (family->help)
      g_string_append_printf (out, "# HELP %s %s\n", family->name, family->help);
    if (family->type)
      g_string_append_printf (out, "# TYPE %s %s\n", family->name, family->type);
    g_string_append_len (out, family->samples->str, (gssize) family->samples->len);
  }
}
