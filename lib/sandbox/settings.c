/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* settings: loads, merges annotations, names the hypervisor. */
#include "sandbox/settings.h"

#include "config/annotations.h"
#include "config/load.h"
#include "host/kvm.h"

static void
log_warnings (const kata_runtime *runtime, GPtrArray *warnings)
{
  for (guint i = 0; i < warnings->len; i++)
    kata_log__write (&runtime->log, KATA_LOG_WARNING, "%s", (const char *) warnings->pdata[i]);
}

int
kata_settings__load (kata_runtime *runtime, const char *path, kata_error **err)
{
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
  int r = kata_config__load (&runtime->config, path, path == NULL ? kata_config__search_path : NULL, warnings, err);
  log_warnings (runtime, warnings);
  return r;
}

int
kata_settings__annotate (struct kata_config **out, kata_runtime *runtime, const char *const *annotations,
                         const char *hypervisor, kata_error **err)
{
  if (annotations == NULL || annotations[0] == NULL) {
    *out = kata_config__ref (runtime->config);
    return 0;
  }
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
  int r = kata_config__apply_annotations (out, runtime->config, hypervisor, annotations, warnings, err);
  log_warnings (runtime, warnings);
  return r;
}

void
kata_settings__free (struct kata_config *config)
{
  kata_config__unref (config);
}

const char *
kata_settings__hypervisor (const kata_runtime *runtime)
{
  return runtime->hypervisor;
}

void
kata_settings__choose_hypervisor (kata_runtime *runtime)
{
  char reason[256];
  const char *name = kata_config__hypervisor_name (runtime->config);
  if (runtime->hypervisor != NULL)
    return;
  if (name[0] == '\0' && kata_kvm__usable (NULL, reason, sizeof reason)) {
    name = "builtin";
  } else if (name[0] == '\0') {
    name = "qemu";
    runtime->why_not_builtin = g_strdup (reason);
  }
  runtime->hypervisor = g_strdup (name);
}

const char *
kata_settings__path (const kata_runtime *runtime)
{
  return kata_config__path (runtime->config);
}

char *
kata_settings__guest_dir (const kata_runtime *runtime)
{
  const struct kata_hypervisor_config *config =
      kata_config__hypervisor (runtime->config, kata_settings__hypervisor (runtime));
  return config->kernel[0] != '\0' ? g_path_get_dirname (config->kernel) : NULL;
}
