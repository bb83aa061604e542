/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: the readers of OCI texts; a spec that is taken must also be planned or refused without a crash. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/spec.h"
#include "backend/capability.h"
#include "base/json.h"
#include "config/load.h"
#include "oci/spec.h"
#include "plan/container.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* What is taken is planned and packed for the agent, or refused. */
static void
plan_it (kata_oci_spec *spec)
{
  g_autoptr (kata_config) config = NULL;
  g_autoptr (kata_plan) plan = NULL;
  g_autoptr (kata_container_plan) container = NULL;
  g_autoptr (kata_arena) arena = kata_arena__new ();
  g_autofree kata_capabilities *caps = g_new0 (kata_capabilities, 1);
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  kata_container_options container_options = KATA_CONTAINER_OPTIONS_INIT;
  struct kata_plan_input input = { .hypervisor = "null", .caps = caps, .options = &options, .state_dir = "/run/k" };

  options.id = "s";
  container_options.bundle = "/bundle";
  kata_capabilities__init (caps);
  kata_capabilities__grant (caps, KATA_CAP_RUN);
  kata_capabilities__grant (caps, KATA_CAP_FS_SHARE_VIRTIOFS);
  if (kata_config__parse (&config, "fuzz", "", 0, NULL, NULL) < 0)
    __builtin_trap ();
  input.config = config;
  if (kata_plan__make (&plan, &input, NULL) < 0)
    __builtin_trap ();
  if (kata_container_plan__make (&container, plan, spec, &container_options, NULL, "c", NULL) < 0)
    return;
  Grpc__Spec *message = kata_agent_spec__spec (arena, container->spec);
  g_autofree uint8_t *bytes = g_malloc (grpc__spec__get_packed_size (message));
  grpc__spec__pack (message, bytes);
  g_autofree char *json = kata_container_plan__to_json (container);
  const kata_json *root = NULL;
  const struct kata_json_limits limits = { .bytes = SIZE_MAX };
  if (kata_json__parse (&root, arena, json, strlen (json), &limits, KATA_E_INTERNAL, NULL) == KATA_E_INTERNAL)
    __builtin_trap ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = (const char *) data;
  g_autoptr (kata_oci_spec) spec = NULL;
  g_autoptr (kata_oci_process) process = NULL;
  g_autoptr (kata_oci_resources) resources = NULL;
  g_autoptr (kata_error) err = NULL;

  if (kata_oci_spec__parse (&spec, text, size, &err) < 0 && err == NULL)
    __builtin_trap ();
  if (spec != NULL)
    plan_it (spec);
  (void) kata_oci_process__parse (&process, text, size, NULL);
  (void) kata_oci_resources__parse (&resources, text, size, NULL);
  return 0;
}
