/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runtime: the choice of a configuration file. */
#include "runtime.h"

#include <unistd.h>

#include <json-glib/json-glib.h>

#include "say.h"

/* Where the library looks when no file is named; any of them goes before the build tree's. */
static const char *const installed_configs[] = { "/etc/kata-containers/configuration.toml",
                                                 "/usr/share/defaults/kata-containers/configuration.toml",
                                                 "/opt/kata/share/defaults/kata-containers/configuration.toml" };

/* A shim that was built but not installed uses what the build made for katactl. */
static char *
build_tree_config (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (installed_configs); i++)
    if (access (installed_configs[i], F_OK) == 0)
      return NULL;
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = program ? g_path_get_dirname (program) : NULL;
  g_autofree char *path = folder ? g_build_filename (folder, "..", "configuration.toml", NULL) : NULL;
  return path && access (path, R_OK) == 0 ? g_canonicalize_filename (path, NULL) : NULL;
}

gboolean
runtime_keep_config (const options *options, group *group, char **error)
{
  g_autofree char *body_path = g_build_filename (group->path, GROUP_BODY, NULL);
  int r = 0;
  if (options->config_path) {
    r = group_write (group, GROUP_CONFIG, options->config_path);
  } else if (options->config_body) {
    r = group_write (group, GROUP_BODY, options->config_body);
    if (r == 0)
      r = group_write (group, GROUP_CONFIG, body_path);
  }
  if (r < 0)
    *error = g_strdup_printf ("write to \"%s\": %s", group->path, g_strerror (-r));
  return r == 0;
}

static char *
config_of (group *group)
{
  char *path = group->fd >= 0 ? group_read (group, GROUP_CONFIG) : NULL;
  const char *named = g_getenv ("LIBKATA_CONFIG");
  if (!path && named && *named)
    path = g_strdup (named);
  return path ? path : build_tree_config ();
}

static int
make (kata_runtime **out, const options *options, const char *config, kata_error **err)
{
  kata_runtime_options wanted = KATA_RUNTIME_OPTIONS_INIT;
  const char *hypervisor = g_getenv ("LIBKATA_HYPERVISOR");
  wanted.config_path = config;
  wanted.state_dir = options->state_dir;
  wanted.hypervisor = hypervisor && *hypervisor ? hypervisor : NULL;
  wanted.log = say_library;
  wanted.log_level = options->debug ? KATA_LOG_DEBUG : KATA_LOG_WARNING;
  return kata_runtime_new (out, &wanted, err);
}

int
runtime_new (kata_runtime **out, const options *options, group *group, kata_error **err)
{
  g_autofree char *config = config_of (group);
  return make (out, options, config, err);
}

int
runtime_new_anyhow (kata_runtime **out, const options *options, group *group, kata_error **err)
{
  if (runtime_new (out, options, group, NULL) == 0)
    return 0;
  return make (out, options, "/dev/null", err);
}

uint32_t
runtime_first_pid (const char *json)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  if (!json_parser_load_from_data (parser, json, -1, NULL) || !JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    return 0;
  JsonNode *node = json_object_get_member (json_node_get_object (json_parser_get_root (parser)), "pids");
  if (!node || !JSON_NODE_HOLDS_ARRAY (node) || json_array_get_length (json_node_get_array (node)) == 0)
    return 0;
  gint64 pid = json_array_get_int_element (json_node_get_array (node), 0);
  return pid > 0 && pid <= G_MAXINT32 ? (uint32_t) pid : 0;
}
