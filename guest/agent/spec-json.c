/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spec-json: the top of the config.json: root, mounts, hooks, annotations; sysctls are applied by sysctl.c, not here. */
#include "spec-json.h"

#include "linux-json.h"
#include "mem.h"
#include "process-json.h"

static void
write_mounts (struct json *json, const Grpc__Spec *spec)
{
  json_open_array (json, "mounts");
  for (size_t i = 0; i < spec->n_mounts; i++) {
    const Grpc__Mount *mount = spec->mounts[i];
    json_open_object (json, NULL);
    json_string (json, "destination", mount->destination);
    if (text_of (mount->type)[0])
      json_string (json, "type", mount->type);
    if (text_of (mount->source)[0])
      json_string (json, "source", mount->source);
    json_strings (json, "options", mount->options, mount->n_options);
    json_close_object (json);
  }
  json_close_array (json);
}

static void
write_hooks_of (struct json *json, const char *key, Grpc__Hook *const *hooks, size_t count)
{
  if (count == 0)
    return;
  json_open_array (json, key);
  for (size_t i = 0; i < count; i++) {
    json_open_object (json, NULL);
    json_string (json, "path", hooks[i]->path);
    json_strings (json, "args", hooks[i]->args, hooks[i]->n_args);
    json_strings (json, "env", hooks[i]->env, hooks[i]->n_env);
    if (hooks[i]->timeout > 0)
      json_int (json, "timeout", hooks[i]->timeout);
    json_close_object (json);
  }
  json_close_array (json);
}

/* The host keeps its own hooks to itself; what arrives here is meant to run in the guest. */
static void
write_hooks (struct json *json, const Grpc__Hooks *hooks)
{
  json_open_object (json, "hooks");
  write_hooks_of (json, "prestart", hooks->prestart, hooks->n_prestart);
  write_hooks_of (json, "createRuntime", hooks->createruntime, hooks->n_createruntime);
  write_hooks_of (json, "createContainer", hooks->createcontainer, hooks->n_createcontainer);
  write_hooks_of (json, "startContainer", hooks->startcontainer, hooks->n_startcontainer);
  write_hooks_of (json, "poststart", hooks->poststart, hooks->n_poststart);
  write_hooks_of (json, "poststop", hooks->poststop, hooks->n_poststop);
  json_close_object (json);
}

/* "run.oci." annotations steer crun itself, which is the guest's business. */
static void
write_annotations (struct json *json, const Grpc__Spec *spec)
{
  json_open_object (json, "annotations");
  for (size_t i = 0; i < spec->n_annotations; i++)
    if (!text_starts (spec->annotations[i]->key, "run.oci."))
      json_string (json, text_of (spec->annotations[i]->key), spec->annotations[i]->value);
  json_close_object (json);
}

int
spec_json_config (struct json *json, const Grpc__Spec *spec, const struct spec_place *place, struct fault *fault)
{
  json_open_object (json, NULL);
  /* What we write is ours, whatever the caller's version was: crun 1.8 takes nothing but 1.0.*. */
  json_string (json, "ociVersion", "1.0.2");
  if (process_json (json, "process", spec->process, fault) < 0)
    return -1;
  json_open_object (json, "root");
  json_string (json, "path", "rootfs");
  json_bool (json, "readonly", spec->root && spec->root->readonly);
  json_close_object (json);
  write_mounts (json, spec);
  if (spec->hooks)
    write_hooks (json, spec->hooks);
  write_annotations (json, spec);
  if (linux_json (json, spec->linux, place, fault) < 0)
    return -1;
  json_close_object (json);
  if (json->failed)
    return fault_set (fault, TTRPC_RESOURCE_EXHAUSTED, "the container's configuration is larger than %u bytes",
                      JSON_TEXT_MAX);
  return 0;
}
