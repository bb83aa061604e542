/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runtime: the library's context for one invocation of katactl: configuration file, state directory, log level. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "output.h"

/* Where the library looks when no file is named; any of them goes before the build tree's. */
static const char *const installed_configs[] = { "/etc/kata-containers/configuration.toml",
                                                 "/usr/share/defaults/kata-containers/configuration.toml",
                                                 "/opt/kata/share/defaults/kata-containers/configuration.toml" };

/* A katactl that was built but not installed finds the guest image beside itself through the configuration that the build made. */
static char *
build_tree_config (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (installed_configs); i++)
    if (access (installed_configs[i], F_OK) == 0)
      return NULL;
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  if (!program)
    return NULL;
  g_autofree char *directory = g_path_get_dirname (program);
  char *path = g_build_filename (directory, "configuration.toml", NULL);
  if (access (path, R_OK) == 0)
    return path;
  g_free (path);
  return NULL;
}

/* The library wants a path without links; here the user of this command line has named the file. */
static int
load_backends (ctl *ctl, kata_runtime *runtime, kata_error **err)
{
  for (guint i = 0; ctl->backend_libraries != NULL && i < ctl->backend_libraries->len; i++) {
    g_autofree char *path = g_canonicalize_filename (g_ptr_array_index (ctl->backend_libraries, i), NULL);
    int r = kata_runtime_load_backend (runtime, path, err);
    if (r < 0)
      return r;
  }
  return 0;
}

kata_runtime *
ctl_runtime (ctl *ctl)
{
  kata_runtime_options options = KATA_RUNTIME_OPTIONS_INIT;
  CTL_AUTO (error) err = NULL;
  if (ctl->runtime)
    return ctl->runtime;
  g_autofree char *config = ctl->config ? g_canonicalize_filename (ctl->config, NULL) : build_tree_config ();
  g_autofree char *state_dir = ctl->state_dir ? g_canonicalize_filename (ctl->state_dir, NULL) : NULL;
  options.config_path = config;
  options.state_dir = state_dir;
  options.log = ctl->log ? ctl->log : output_log;
  options.log_data = ctl->log ? ctl->log_data : ctl;
  options.log_level = ctl->log_level ? options_log_level (ctl->log_level) : KATA_LOG_WARNING;
  options.hypervisor = ctl->hypervisor;
  if (kata_runtime_new (&ctl->runtime, &options, &err) < 0 || load_backends (ctl, ctl->runtime, &err) < 0) {
    ctl->runtime = kata_runtime_unref (ctl->runtime);
    output_error (ctl, NULL, err);
    return NULL;
  }
  return ctl->runtime;
}

void
ctl_note_hypervisor (ctl *ctl)
{
  const char *why = NULL;
  const char *name = kata_runtime_get_hypervisor (ctl->runtime, &why);
  if (!why || (ctl->log_level && options_log_level (ctl->log_level) < KATA_LOG_WARNING))
    return;
  output_note (
      ctl, "note: %s is used, because the built-in microVMM cannot run here: %s; with --hypervisor %s this is not said",
      name, why, name);
}
