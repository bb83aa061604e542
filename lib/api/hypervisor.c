/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hypervisor: one backend probed here and now; recommend.c compares them. */
#include "api/hypervisor.h"

#include <string.h>

#include "api/argument.h"
#include "backend/call.h"
#include "base/json-write.h"
#include "sandbox/runtime.h"

static int
probe (kata_capabilities *caps, kata_runtime *runtime, const char *name, kata_error **err)
{
  const kata_backend_entry *entry = NULL;
  g_autoptr (kata_arena) arena = kata_arena__new ();
  kata_vm_plan plan = { .size = sizeof plan };
  int r = kata_registry__find (&entry, runtime->registry, name, err);
  if (r == 0)
    r = kata_plan__probe (&plan, arena, runtime->config, name, &runtime->guest, err);
  if (r != 0)
    return r;
  kata_capabilities__init (caps);
  return kata_backend__probe (entry, &plan, caps, err);
}

int
kata_hypervisor_open (kata_hypervisor **out, kata_runtime *runtime, const char *name, kata_error **err)
{
  KATA_REQUIRE (out != NULL, "out", err);
  KATA_REQUIRE (runtime != NULL, "runtime", err);
  KATA_REQUIRE (name != NULL, "name", err);
  kata_hypervisor *hypervisor = g_new0 (kata_hypervisor, 1);
  g_atomic_ref_count_init (&hypervisor->refs);
  hypervisor->name = g_strdup (name);
  int r = probe (&hypervisor->caps, runtime, name, err);
  if (r != 0) {
    kata_hypervisor_unref (hypervisor);
    return r;
  }
  *out = hypervisor;
  return 0;
}

kata_hypervisor *
kata_hypervisor_ref (kata_hypervisor *hypervisor)
{
  if (hypervisor != NULL)
    g_atomic_ref_count_inc (&hypervisor->refs);
  return hypervisor;
}

kata_hypervisor *
kata_hypervisor_unref (kata_hypervisor *hypervisor)
{
  if (hypervisor != NULL && g_atomic_ref_count_dec (&hypervisor->refs)) {
    g_free (hypervisor->name);
    g_free (hypervisor);
  }
  return NULL;
}

void
kata_hypervisor_unrefp (kata_hypervisor **hypervisor)
{
  if (hypervisor != NULL)
    *hypervisor = kata_hypervisor_unref (*hypervisor);
}

const char *
kata_hypervisor_get_name (const kata_hypervisor *hypervisor)
{
  return hypervisor->name;
}

int
kata_hypervisor_has (const kata_hypervisor *hypervisor, const char *capability, const char **reason)
{
  KATA_REQUIRE (hypervisor != NULL && capability != NULL, "capability", NULL);
  int number = kata_capability__from_name (capability);
  if (number < 0)
    return KATA_E_INVALID;
  bool has = kata_capabilities__has (&hypervisor->caps, number);
  if (reason != NULL)
    *reason = has ? NULL : hypervisor->caps.reason[number];
  return has;
}

int
kata_hypervisor_describe (char **json, const kata_hypervisor *hypervisor, kata_error **err)
{
  KATA_REQUIRE (json != NULL, "json", err);
  KATA_REQUIRE (hypervisor != NULL, "hypervisor", err);
  const kata_capabilities *caps = &hypervisor->caps;
  struct kata_json_writer w;
  kata_json_write__init (&w, false);
  kata_json_write__begin_object (&w, NULL);
  kata_json_write__string (&w, "name", hypervisor->name);
  kata_json_write__string (&w, "version", caps->version);
  kata_json_write__string (&w, "path", caps->path);
  kata_json_write__begin_object (&w, "limits");
  kata_json_write__uint (&w, "vcpus", caps->max_vcpus);
  kata_json_write__uint (&w, "memory_mib", caps->max_memory_mib);
  kata_json_write__end_object (&w);
  kata_json_write__begin_array (&w, "capabilities");
  for (int i = 0; i < KATA_CAP_COUNT; i++) {
    bool has = kata_capabilities__has (caps, i);
    kata_json_write__begin_object (&w, NULL);
    kata_json_write__string (&w, "name", kata_capability_name (i));
    kata_json_write__bool (&w, "have", has);
    kata_json_write__string (&w, "reason", has ? NULL : caps->reason[i]);
    kata_json_write__end_object (&w);
  }
  kata_json_write__end_array (&w);
  kata_json_write__end_object (&w);
  *json = kata_json_write__finish (&w);
  return 0;
}
