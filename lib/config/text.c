/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* text: one configuration text over a kata_config: finds the sections, warns of what is unknown or not acted on. */
#include "config/text.h"

#include <errno.h>
#include <string.h>

#define WARNINGS_MAX 256

struct reader {
  const char *name; /* of the file, for messages */
  GPtrArray *warnings;
  kata_error **err;
};

static void G_GNUC_PRINTF (3, 4) warn (struct reader *r, uint32_t line, const char *format, ...)
{
  va_list args;
  if (r->warnings == NULL || r->warnings->len > WARNINGS_MAX)
    return;
  if (r->warnings->len == WARNINGS_MAX) {
    g_ptr_array_add (r->warnings, g_strdup_printf ("%s: there are more warnings than %d", r->name, WARNINGS_MAX));
    return;
  }
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (r->warnings, g_strdup_printf ("%s:%u: %s", r->name, line, text));
}

/* Kata's own files set nearly every key, most of them to "off": what asks for nothing is told in one warning a table. */
static gboolean
asks_for_nothing (const toml_value *value)
{
  switch (toml_value_type (value)) {
  case TOML_BOOLEAN:
    return !toml_value_boolean (value);
  case TOML_INTEGER:
    return toml_value_integer (value) == 0;
  case TOML_STRING:
    return *toml_value_string (value, NULL) == '\0';
  case TOML_ARRAY:
    return toml_array_length (value) == 0;
  default:
    return FALSE;
  }
}

static void
warn_unknown (struct reader *r, uint32_t line, enum kata_key_section section, const char *heading, const char *key)
{
  const char *near = kata_store__nearest (section, key);
  if (near != NULL)
    warn (r, line, "%s.%s: unknown key; the nearest known one is %s", heading, key, near);
  else
    warn (r, line, "%s.%s: unknown key; see docs/configuration.md for those that exist", heading, key);
}

/* A key under its name and under its alias in one table would leave open which one counts. */
static int
refuse_both_names (struct reader *r, const toml_value *table, const struct kata_key *row, const char *key,
                   uint32_t line, const char *heading)
{
  const char *other = strcmp (key, row->name) == 0 ? row->alias : row->name;
  if (other == NULL || toml_table_get (table, other) == NULL)
    return 0;
  return kata_error__set (r->err, KATA_E_CONFIG, key, "%s:%u: %s: %s and %s are one key; keep one of them", r->name,
                          line, heading, row->name, row->alias);
}

/* One key of a section: checked, stored if we act on it; else warned of, or added to @off when it asks for nothing. */
static int
read_key (struct reader *r, void *base, enum kata_key_section section, const char *heading, const toml_value *table,
          const struct toml_key *at, const toml_value *value, GString *off)
{
  const struct kata_key *row = kata_store__find (section, at->text);
  g_autofree char *where = g_strdup_printf ("%s:%u: ", r->name, at->line);
  g_autofree char *full = g_strdup_printf ("%s.%s", heading, at->text);
  if (row == NULL || strlen (at->text) != at->length) {
    warn_unknown (r, at->line, section, heading, at->text);
    return 0;
  }
  int code = refuse_both_names (r, table, row, at->text, at->line, heading);
  if (code == 0)
    code = kata_store__set (base, row, full, where, value, r->err);
  const char *hypervisor =
      section == KATA_KEY_HYPERVISOR ? kata_config__canonical_name (strchr (heading, '.') + 1) : "";
  if (code != 0 || (row->offset != KATA_KEY_UNUSED && kata_keys__acts (hypervisor, row)))
    return code;
  if (asks_for_nothing (value))
    g_string_append_printf (off, "%s%s", off->len > 0 ? ", " : "", at->text);
  else if (row->offset == KATA_KEY_UNUSED)
    warn (r, at->line, "%s: Kata knows this key; libkata does not act on it yet", full);
  else
    warn (r, at->line, "%s: hypervisor %s passes this key over", full, hypervisor);
  return 0;
}

/* The keys of a table that counts for nothing, by their names. */
static void
name_keys (struct reader *r, GString *names, enum kata_key_section section, const char *heading,
           const toml_value *table)
{
  for (size_t i = 0; i < toml_table_length (table); i++) {
    struct toml_key at;
    const toml_value *value = toml_table_at (table, i, &at);
    if (section == KATA_KEY_HYPERVISOR && strcmp (at.text, "factory") == 0 && toml_value_type (value) == TOML_TABLE)
      name_keys (r, names, KATA_KEY_FACTORY, heading, value);
    else if (kata_store__find (section, at.text) != NULL)
      g_string_append_printf (names, "%s%s%s", names->len > 0 ? ", " : "",
                              section == KATA_KEY_FACTORY ? "factory." : "", at.text);
    else
      warn_unknown (r, at.line, section, heading, at.text);
  }
}

static void
warn_skipped (struct reader *r, const char *name, uint32_t line, const toml_value *table)
{
  g_autoptr (GString) names = g_string_new (NULL);
  g_autofree char *heading = g_strdup_printf ("hypervisor.%s", name);
  if (toml_value_type (table) == TOML_TABLE)
    name_keys (r, names, KATA_KEY_HYPERVISOR, heading, table);
  warn (r, line, "%s: Kata knows this hypervisor; libkata does not have it and skips the table%s%s", heading,
        names->len > 0 ? ", with the keys " : "", names->str);
}

static int
read_section (struct reader *r, void *base, enum kata_key_section section, const char *heading, const toml_value *table,
              const char *const *subtables)
{
  g_autoptr (GString) off = g_string_new (NULL);
  for (size_t i = 0; i < toml_table_length (table); i++) {
    struct toml_key at;
    const toml_value *value = toml_table_at (table, i, &at);
    if (subtables != NULL && g_strv_contains (subtables, at.text))
      continue;
    int code = read_key (r, base, section, heading, table, &at, value, off);
    if (code != 0)
      return code;
  }
  if (off->len > 0)
    warn (r, toml_value_line (table), "%s: these keys of Kata's are not acted on; all are empty or off: %s", heading,
          off->str);
  return 0;
}

/* [hypervisor.*], [agent.*] and their like: @value must be a table. */
static int
expect_table (struct reader *r, const char *heading, const toml_value *value)
{
  if (toml_value_type (value) == TOML_TABLE)
    return 0;
  return kata_error__set (r->err, KATA_E_CONFIG, heading, "%s:%u: %s: %s given; a table is allowed", r->name,
                          toml_value_line (value), heading, toml_type_name (toml_value_type (value)));
}

/* Third parties may register a hypervisor of any name, so that an unknown one is no error. FALSE for Kata's that we lack:
 * what their tables say is theirs. */
static gboolean
hypervisor_counts (struct reader *r, uint32_t line, const char *name, const toml_value *table)
{
  static const char *const ours[] = { "qemu", "clh", "fc", "stratovirt", "acrn", "builtin", "null", NULL };
  static const char *const katas[] = { "dragonball", "openvmm", "remote", NULL };
  gboolean lacking = g_strv_contains (katas, name);
  if (lacking)
    warn_skipped (r, name, line, table);
  else if (!g_strv_contains (ours, name))
    warn (r, line,
          "hypervisor.%s: no hypervisor of libkata's own; those are qemu, clh, fc, stratovirt, acrn, builtin, null",
          name);
  return !lacking;
}

/* One [hypervisor.NAME] and its [hypervisor.NAME.factory]. */
static int
read_hypervisor (struct reader *r, kata_config *config, const char *name, const toml_value *table)
{
  static const char *const subtables[] = { "factory", NULL };
  g_autofree char *heading = g_strdup_printf ("hypervisor.%s", name);
  g_autofree char *factory_heading = g_strdup_printf ("hypervisor.%s.factory", name);
  const char *canonical = kata_config__canonical_name (name);
  int code = expect_table (r, heading, table);
  if (code == 0)
    code = read_section (r, kata_config__add_hypervisor (config, canonical), KATA_KEY_HYPERVISOR, heading, table,
                         subtables);
  const toml_value *factory = code == 0 ? toml_table_get (table, "factory") : NULL;
  if (factory != NULL)
    code = expect_table (r, factory_heading, factory);
  if (factory != NULL && code == 0)
    code = read_section (r, NULL, KATA_KEY_FACTORY, factory_heading, factory, NULL);
  return code;
}

/* Also of one that we lack: whoever asks for it shall not get another. */
static void
note_hypervisor (kata_config *config, const char *name)
{
  if (strcmp (config->only_hypervisor, name) == 0)
    return;
  config->many_hypervisors = config->many_hypervisors || *config->only_hypervisor != '\0';
  g_free (config->only_hypervisor);
  config->only_hypervisor = g_strdup (config->many_hypervisors ? "" : name);
}

static int
read_hypervisors (struct reader *r, kata_config *config, const toml_value *tables)
{
  for (size_t i = 0; i < toml_table_length (tables); i++) {
    struct toml_key at;
    const toml_value *table = toml_table_at (tables, i, &at);
    const char *canonical = kata_config__canonical_name (at.text);
    if (at.length == 0 || at.length > KATA_HYPERVISOR_NAME_MAX || strlen (at.text) != at.length)
      return kata_error__set (r->err, KATA_E_LIMIT, "hypervisor", "%s:%u: a hypervisor's name has 1 to %d characters",
                              r->name, at.line, KATA_HYPERVISOR_NAME_MAX);
    if (canonical != at.text && toml_table_get (tables, canonical) != NULL)
      return kata_error__set (r->err, KATA_E_CONFIG, "hypervisor",
                              "%s:%u: hypervisor.%s and hypervisor.%s are one table; keep one of them", r->name,
                              at.line, at.text, canonical);
    note_hypervisor (config, canonical);
    int code = hypervisor_counts (r, at.line, canonical, table) ? read_hypervisor (r, config, at.text, table) : 0;
    if (code != 0)
      return code;
  }
  return 0;
}

static int
read_agents (struct reader *r, kata_config *config, const toml_value *tables)
{
  static const char *const subtables[] = { "mem_agent", NULL };
  for (size_t i = 0; i < toml_table_length (tables); i++) {
    struct toml_key at;
    const toml_value *table = toml_table_at (tables, i, &at);
    const char *name = at.text;
    uint32_t line = at.line;
    g_autofree char *heading = g_strdup_printf ("agent.%s", name);
    int code = expect_table (r, heading, table);
    if (code != 0)
      return code;
    if (strcmp (name, "kata") != 0) {
      warn (r, line, "%s: unknown agent; the nearest known one is agent.kata", heading);
      continue;
    }
    code = read_section (r, &config->agent, KATA_KEY_AGENT, heading, table, subtables);
    const toml_value *mem = code == 0 ? toml_table_get (table, "mem_agent") : NULL;
    if (mem != NULL)
      code = expect_table (r, "agent.kata.mem_agent", mem);
    if (mem != NULL && code == 0)
      code = read_section (r, NULL, KATA_KEY_MEM_AGENT, "agent.kata.mem_agent", mem, NULL);
    if (code != 0)
      return code;
  }
  return 0;
}

static int
read_document (struct reader *r, kata_config *config, const toml_value *root)
{
  for (size_t i = 0; i < toml_table_length (root); i++) {
    struct toml_key at;
    const toml_value *value = toml_table_at (root, i, &at);
    const char *key = at.text;
    uint32_t line = at.line;
    gboolean known = strcmp (key, "hypervisor") == 0 || strcmp (key, "agent") == 0 || strcmp (key, "runtime") == 0 ||
                     strcmp (key, "factory") == 0;
    int code = known ? expect_table (r, key, value) : 0;
    if (!known)
      warn (r, line, "%s: unknown table; hypervisor, agent, runtime and factory are known", key);
    else if (code == 0 && strcmp (key, "hypervisor") == 0)
      code = read_hypervisors (r, config, value);
    else if (code == 0 && strcmp (key, "agent") == 0)
      code = read_agents (r, config, value);
    else if (code == 0 && strcmp (key, "runtime") == 0)
      code = read_section (r, &config->runtime, KATA_KEY_RUNTIME, key, value, NULL);
    else if (code == 0)
      code = read_section (r, NULL, KATA_KEY_FACTORY, key, value, NULL);
    if (code != 0)
      return code;
  }
  return 0;
}

int
kata_config__read_text (kata_config *config, const char *name, const char *text, size_t len, GPtrArray *warnings,
                        kata_error **err)
{
  struct toml_limits limits = {
    .size = sizeof limits, .max_bytes = KATA_CONFIG_BYTES_MAX, .max_depth = 16, .max_nodes = 20000
  };
  struct toml_error error = { 0 };
  toml_document *document = NULL;
  struct reader reader = { name, warnings, err };
  int r = toml_parse (&document, text, len, &limits, &error);
  if (r == -ENOMEM)
    return kata_error__set (err, KATA_E_NO_MEMORY, name, "%s: no memory to read it", name);
  if (r != 0)
    return kata_error__set (err, r == -E2BIG ? KATA_E_LIMIT : KATA_E_CONFIG, name, "%s:%u:%u: %s", name, error.line,
                            error.column, error.message);
  r = read_document (&reader, config, toml_document_root (document));
  toml_document_free (document);
  return r;
}
