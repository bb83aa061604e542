/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options: flags in the manner of Go's flag package. */
#include "options.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "messages/start.pb-c.h"

#define INPUT_MAX      (10u << 20)
#define IDENTIFIER_MAX 76u
#define PATH_BYTES_MAX 4095u

gboolean
options_is_identifier (const char *text)
{
  size_t length = strlen (text);
  gboolean word = FALSE;
  for (const char *at = text; *at; at++) {
    if (g_ascii_isalnum (*at))
      word = TRUE;
    else if (!word || !strchr ("._-", *at))
      return FALSE;
    else
      word = FALSE;
  }
  return word && length <= IDENTIFIER_MAX;
}

gboolean
options_is_path (const char *text)
{
  if (text[0] != '/' || strlen (text) > PATH_BYTES_MAX)
    return FALSE;
  for (const char *at = text; *at; at++) {
    if (g_ascii_iscntrl (*at))
      return FALSE;
    if (at[0] == '/' && at[1] == '.' && at[2] == '.' && (at[3] == '/' || at[3] == 0))
      return FALSE;
  }
  return TRUE;
}

static int
action_of (const char *word)
{
  static const char *const names[] = { "serve", "start", "delete" };
  for (int i = 0; i < (int) G_N_ELEMENTS (names); i++)
    if (g_str_equal (word, names[i]))
      return i;
  return -1;
}

/* One flag at argv[*i]; its value may be the next word. */
static gboolean
take_flag (options *out, int argc, char **argv, int *i, char **error)
{
  const char *ignored;
  struct {
    const char *name;
    const char **value;
  } texts[] = { { "namespace", &out->namespace_name }, { "id", &out->id },     { "bundle", &out->bundle },
                { "address", &out->address },          { "socket", &ignored }, { "publish-binary", &ignored },
                { "debug-socket", &ignored } };
  const char *word = argv[*i] + (argv[*i][1] == '-' ? 2 : 1);
  const char *equals = strchr (word, '=');
  g_autofree char *name = equals ? g_strndup (word, (gsize) (equals - word)) : g_strdup (word);
  for (size_t k = 0; k < G_N_ELEMENTS (texts); k++) {
    if (!g_str_equal (name, texts[k].name))
      continue;
    if (!equals && *i + 1 >= argc) {
      *error = g_strdup_printf ("-%s: a value is missing", name);
      return FALSE;
    }
    *texts[k].value = equals ? equals + 1 : argv[++*i];
    return TRUE;
  }
  if (g_str_equal (name, "debug"))
    out->debug = !equals || g_str_equal (equals + 1, "true");
  else if (g_str_equal (name, "v") || g_str_equal (name, "version"))
    out->action = ACTION_VERSION;
  else if (g_str_equal (name, "info"))
    out->action = ACTION_INFO;
  else {
    *error = g_strdup_printf ("-%.40s: no such flag", name);
    return FALSE;
  }
  return TRUE;
}

static gboolean
check (options *out, char **error)
{
  if (out->action == ACTION_VERSION || out->action == ACTION_INFO)
    return TRUE;
  if (!options_is_identifier (out->id))
    *error = g_strdup_printf ("-id: \"%.80s\" is no identifier (letters and digits, with single '.', '_' or '-' "
                              "between them, at most %u)",
                              out->id, IDENTIFIER_MAX);
  else if (!options_is_identifier (out->namespace_name))
    *error = g_strdup_printf ("-namespace: \"%.80s\" is no identifier", out->namespace_name);
  else if (out->bundle && !options_is_path (out->bundle))
    *error = g_strdup_printf ("-bundle: \"%.200s\" is no absolute path without \"..\"", out->bundle);
  else if (!options_is_path (out->state_dir))
    *error = g_strdup_printf ("LIBKATA_STATE_DIR: \"%.200s\" is no absolute path without \"..\"", out->state_dir);
  return *error == NULL;
}

gboolean
options_parse (options *out, int argc, char **argv, char **error)
{
  const char *state_dir = g_getenv ("LIBKATA_STATE_DIR"), *ttrpc = g_getenv ("TTRPC_ADDRESS");
  *out = (options){ .namespace_name = "", .id = "", .address = "" };
  *error = NULL;
  for (int i = 1; i < argc; i++) {
    if (argv[i][0] == '-' && argv[i][1]) {
      if (!take_flag (out, argc, argv, &i, error))
        return FALSE;
    } else if (action_of (argv[i]) < 0) {
      *error = g_strdup_printf ("\"%.40s\": no such action; there are start and delete", argv[i]);
      return FALSE;
    } else if (out->action == ACTION_SERVE) {
      out->action = action_of (argv[i]);
    }
  }
  out->own_state_dir =
      geteuid () == 0 ? g_strdup ("/run/libkata") : g_strdup_printf ("/run/user/%u/libkata", (unsigned) geteuid ());
  out->state_dir = state_dir && *state_dir ? state_dir : out->own_state_dir;
  out->ttrpc_address = g_strdup (ttrpc ? ttrpc : "");
  return check (out, error);
}

gboolean
options_take_any (options *out, const char *type_url, const void *value, size_t length, char **error)
{
  const char *slash = strrchr (type_url, '/');
  if (!g_str_equal (slash ? slash + 1 : type_url, "runtimeoptions.v1.Options"))
    return TRUE;
  Shim__RuntimeOptions *wanted = shim__runtime_options__unpack (NULL, length, value);
  if (!wanted) {
    *error = g_strdup ("runtime options: they do not decode as runtimeoptions.v1.Options");
    return FALSE;
  }
  if (*wanted->config_path && !options_is_path (wanted->config_path)) {
    *error = g_strdup_printf ("runtime options: ConfigPath \"%.200s\" is no absolute path without \"..\"",
                              wanted->config_path);
  } else if (*wanted->config_path) {
    g_free (out->config_path);
    out->config_path = g_strdup (wanted->config_path);
  } else if (wanted->config_body.len > 0) {
    g_free (out->config_body);
    out->config_body = g_strndup ((const char *) wanted->config_body.data, wanted->config_body.len);
  }
  shim__runtime_options__free_unpacked (wanted, NULL);
  return *error == NULL;
}

static gboolean
take_bootstrap (options *out, const Shim__BootstrapParams *params, char **error)
{
  out->bootstrap = TRUE;
  if (*params->containerd_ttrpc_address) {
    g_free (out->ttrpc_address);
    out->ttrpc_address = g_strdup (params->containerd_ttrpc_address);
  }
  out->debug |= params->log_level < 0;
  for (size_t i = 0; i < params->n_extensions; i++) {
    const Shim__Any *any = params->extensions[i]->value;
    if (any && !options_take_any (out, any->type_url, any->value.data, any->value.len, error))
      return FALSE;
  }
  return TRUE;
}

/* An Any decodes as BootstrapParams too, with a type's name where the id is. */
static gboolean
take_input (options *out, const uint8_t *data, size_t length, char **error)
{
  Shim__BootstrapParams *params = shim__bootstrap_params__unpack (NULL, length, data);
  gboolean ours = params && *out->id && g_str_equal (params->instance_id, out->id) &&
                  g_str_equal (params->namespace_name, out->namespace_name);
  gboolean ok = TRUE;
  if (ours)
    ok = take_bootstrap (out, params, error);
  if (params)
    shim__bootstrap_params__free_unpacked (params, NULL);
  if (ours)
    return ok;
  Shim__Any *any = shim__any__unpack (NULL, length, data);
  if (!any) {
    *error = g_strdup ("standard input: neither the runtime's options nor BootstrapParams");
    return FALSE;
  }
  ok = options_take_any (out, any->type_url, any->value.data, any->value.len, error);
  shim__any__free_unpacked (any, NULL);
  return ok;
}

gboolean
options_read_input (options *out, int fd, char **error)
{
  g_autoptr (GByteArray) input = g_byte_array_new ();
  uint8_t buffer[4096];
  ssize_t n;
  while ((n = read (fd, buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR)) {
    if (n > 0)
      g_byte_array_append (input, buffer, (guint) n);
    if (input->len > INPUT_MAX) {
      *error = g_strdup_printf ("standard input: more than %u bytes", INPUT_MAX);
      return FALSE;
    }
  }
  return input->len == 0 || take_input (out, input->data, input->len, error);
}

void
options_clear (options *options)
{
  g_clear_pointer (&options->ttrpc_address, g_free);
  g_clear_pointer (&options->own_state_dir, g_free);
  g_clear_pointer (&options->config_path, g_free);
  g_clear_pointer (&options->config_body, g_free);
}
