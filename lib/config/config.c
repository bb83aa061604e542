/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config: the configuration object's life and its readers. */
#include "config/config.h"

#include <string.h>

#include "config/load.h"
#include "config/store.h"

static void
free_hypervisor (void *data)
{
  struct kata_hypervisor_config *h = data;
  kata_store__clear (h, KATA_KEY_HYPERVISOR);
  g_free (h->name);
  g_free (h);
}

static struct kata_hypervisor_config *
new_hypervisor (const char *name)
{
  struct kata_hypervisor_config *h = g_new0 (struct kata_hypervisor_config, 1);
  h->name = g_strdup (name);
  kata_store__init (h, KATA_KEY_HYPERVISOR);
  return h;
}

kata_config *
kata_config__new (void)
{
  kata_config *config = g_new0 (kata_config, 1);
  config->refs = 1;
  config->path = g_strdup ("");
  config->only_hypervisor = g_strdup ("");
  config->files = g_ptr_array_new_null_terminated (4, g_free, TRUE);
  config->hypervisors = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_hypervisor);
  config->fallback = new_hypervisor ("");
  kata_store__init (&config->agent, KATA_KEY_AGENT);
  kata_store__init (&config->runtime, KATA_KEY_RUNTIME);
  return config;
}

kata_config *
kata_config__copy (const kata_config *from)
{
  kata_config *config = kata_config__new ();
  GHashTableIter iter;
  gpointer name, table;
  g_free (config->path);
  g_free (config->only_hypervisor);
  config->path = g_strdup (from->path);
  config->only_hypervisor = g_strdup (from->only_hypervisor);
  config->many_hypervisors = from->many_hypervisors;
  for (guint i = 0; i < from->files->len; i++)
    g_ptr_array_add (config->files, g_strdup (from->files->pdata[i]));
  g_hash_table_iter_init (&iter, from->hypervisors);
  while (g_hash_table_iter_next (&iter, &name, &table))
    kata_store__copy (kata_config__add_hypervisor (config, name), table, KATA_KEY_HYPERVISOR);
  kata_store__copy (&config->agent, &from->agent, KATA_KEY_AGENT);
  kata_store__copy (&config->runtime, &from->runtime, KATA_KEY_RUNTIME);
  return config;
}

struct kata_hypervisor_config *
kata_config__add_hypervisor (kata_config *config, const char *name)
{
  struct kata_hypervisor_config *h = g_hash_table_lookup (config->hypervisors, name);
  if (h == NULL) {
    h = new_hypervisor (name);
    g_hash_table_insert (config->hypervisors, h->name, h);
  }
  return h;
}

kata_config *
kata_config__ref (kata_config *config)
{
  g_atomic_int_inc (&config->refs);
  return config;
}

void
kata_config__unref (kata_config *config)
{
  if (config == NULL || !g_atomic_int_dec_and_test (&config->refs))
    return;
  g_hash_table_unref (config->hypervisors);
  free_hypervisor (config->fallback);
  kata_store__clear (&config->agent, KATA_KEY_AGENT);
  kata_store__clear (&config->runtime, KATA_KEY_RUNTIME);
  g_ptr_array_unref (config->files);
  g_free (config->only_hypervisor);
  g_free (config->path);
  g_free (config);
}

const char *
kata_config__path (const kata_config *config)
{
  return config->path;
}

const char *const *
kata_config__files (const kata_config *config)
{
  return (const char *const *) config->files->pdata;
}

const char *
kata_config__canonical_name (const char *name)
{
  if (strcmp (name, "firecracker") == 0)
    return "fc";
  if (strcmp (name, "cloud-hypervisor") == 0)
    return "clh";
  return name;
}

int
kata_config__check (const kata_config *config, kata_error **err)
{
  GHashTableIter iter;
  gpointer name, table;
  g_hash_table_iter_init (&iter, config->hypervisors);
  while (g_hash_table_iter_next (&iter, &name, &table)) {
    const struct kata_hypervisor_config *h = table;
    g_autofree char *key = g_strdup_printf ("hypervisor.%s.image", h->name);
    if (*h->image != '\0' && *h->initrd != '\0')
      return kata_error__set (err, KATA_E_CONFIG, key,
                              "%s: image \"%s\" and initrd \"%s\" are both set; keep one, set the other to \"\"", key,
                              h->image, h->initrd);
    if (h->default_maxvcpus != 0 && h->default_vcpus > (double) h->default_maxvcpus)
      return kata_error__set (err, KATA_E_CONFIG, "default_vcpus",
                              "hypervisor.%s.default_vcpus: %g is more than default_maxvcpus, %" G_GINT64_FORMAT,
                              h->name, h->default_vcpus, h->default_maxvcpus);
    if (h->default_maxmemory != 0 && h->default_memory > h->default_maxmemory)
      return kata_error__set (err, KATA_E_CONFIG, "default_memory",
                              "hypervisor.%s.default_memory: %" G_GINT64_FORMAT
                              " is more than default_maxmemory, %" G_GINT64_FORMAT,
                              h->name, h->default_memory, h->default_maxmemory);
  }
  return 0;
}

const char *
kata_config__hypervisor_name (const kata_config *config)
{
  if (*config->runtime.hypervisor_name != '\0')
    return kata_config__canonical_name (config->runtime.hypervisor_name);
  return config->only_hypervisor;
}

const struct kata_hypervisor_config *
kata_config__find_hypervisor (const kata_config *config, const char *name)
{
  return g_hash_table_lookup (config->hypervisors, kata_config__canonical_name (name));
}

const struct kata_hypervisor_config *
kata_config__hypervisor (const kata_config *config, const char *name)
{
  const struct kata_hypervisor_config *h = kata_config__find_hypervisor (config, name);
  return h != NULL ? h : config->fallback;
}

const struct kata_agent_config *
kata_config__agent (const kata_config *config)
{
  return &config->agent;
}

const struct kata_runtime_config *
kata_config__runtime (const kata_config *config)
{
  return &config->runtime;
}
