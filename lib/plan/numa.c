/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* numa: which nodes of the host's memory the guest's nodes are on; QEMU's. It looks at no host: the caller says which nodes there are. */
#include <stdlib.h>
#include <string.h>

#include "plan/build.h"

#define NODES_MAX 64u
#define NODE_MAX  1023ul /* the kernel's */

/* "0", "0-1" or "0,2-3", rising; calls @node for each; false = it is something else. */
static bool
each_node (const char *text, void (*node) (void *data, unsigned long n), void *data)
{
  unsigned long least = 0;
  for (const char *at = text;; at++) {
    char *end = NULL;
    if (!g_ascii_isdigit (*at))
      return false;
    unsigned long first = strtoul (at, &end, 10), last = first;
    if (*end == '-') {
      if (!g_ascii_isdigit (end[1]))
        return false;
      last = strtoul (end + 1, &end, 10);
    }
    if (first < least || last < first || last > NODE_MAX)
      return false;
    for (unsigned long n = first; node != NULL && n <= last; n++)
      node (data, n);
    least = last + 1;
    if (*end == '\0')
      return true;
    if (*end != ',')
      return false;
    at = end;
  }
}

static void
collect (void *data, unsigned long n)
{
  g_ptr_array_add (data, g_strdup_printf ("%lu", n));
}

/* One for each of the host's, but none without a vCPU. */
static void
mirror_host (struct kata_plan_build *b, GPtrArray *nodes)
{
  const char *host = b->in->host.numa_nodes;
  const char *key = kata_plan__key (b, "enable_numa");
  if (host == NULL || !each_node (host, collect, nodes) || nodes->len < 2) {
    g_ptr_array_set_size (nodes, 0);
    kata_plan__warn (b, "%s: this host has one node only; the key has no effect", key);
    return;
  }
  if (nodes->len > b->plan->vm.vcpus) {
    kata_plan__warn (b, "%s: the guest gets %u of the host's %u nodes, since it has no more vCPUs", key,
                     b->plan->vm.vcpus, nodes->len);
    g_ptr_array_set_size (nodes, (int) b->plan->vm.vcpus);
  }
}

int
kata_plan__numa (struct kata_plan_build *b, kata_error **err)
{
  char **mapping = b->hv->numa_mapping;
  const char *key = kata_plan__key (b, "numa_mapping");
  g_autoptr (GPtrArray) nodes = g_ptr_array_new_with_free_func (g_free);
  if (!b->hv->enable_numa || !kata_plan__acts (b, "enable_numa"))
    return 0;
  if (g_strv_length (mapping) > NODES_MAX)
    return kata_error__set (err, KATA_E_LIMIT, key, "%s: more than %u nodes", key, NODES_MAX);
  if (strcmp (b->hv->machine_type, "microvm") == 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, key, "%s: QEMU's machine microvm has no nodes; use q35", key);
  for (char **entry = mapping; *entry != NULL; entry++) {
    if (!each_node (*entry, NULL, NULL))
      return kata_error__set (err, KATA_E_CONFIG, key, "%s: \"%.80s\" is no list of nodes like \"0\" or \"0-1,3\"", key,
                              *entry);
    g_ptr_array_add (nodes, g_strdup (*entry));
  }
  if (nodes->len == 0)
    mirror_host (b, nodes);
  if (nodes->len == 0)
    return 0;
  if (b->plan->vm.memory_mib < nodes->len)
    return kata_error__set (err, KATA_E_CONFIG, key, "%s: %u nodes, but the guest has %" G_GUINT64_FORMAT " MiB", key,
                            nodes->len, b->plan->vm.memory_mib);
  g_ptr_array_add (nodes, NULL);
  b->plan->vm.numa = (const char *const *) kata_arena__strv (b->arena, (const char *const *) nodes->pdata);
  return 0;
}
