/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spec-json: the top of the config.json: root, mounts, hooks, annotations; sysctls are applied by sysctl.c, not here. */
#include "spec-json.h"

#include "linux-json.h"
#include "mem.h"
#include "process-json.h"

static void
write_mounts (struct kata_json_writer *json, const Grpc__Spec *spec)
{
  kata_json_write__begin_array (json, "mounts");
  for (size_t i = 0; i < spec->n_mounts; i++) {
    const Grpc__Mount *mount = spec->mounts[i];
    kata_json_write__begin_object (json, NULL);
    kata_json_write__string (json, "destination", mount->destination);
    if (text_of (mount->type)[0])
      kata_json_write__string (json, "type", mount->type);
    if (text_of (mount->source)[0])
      kata_json_write__string (json, "source", mount->source);
    json_file_strings (json, "options", mount->options, mount->n_options);
    kata_json_write__end_object (json);
  }
  kata_json_write__end_array (json);
}

static void
write_hooks_of (struct kata_json_writer *json, const char *key, Grpc__Hook *const *hooks, size_t count)
{
  if (count == 0)
    return;
  kata_json_write__begin_array (json, key);
  for (size_t i = 0; i < count; i++) {
    kata_json_write__begin_object (json, NULL);
    kata_json_write__string (json, "path", hooks[i]->path);
    json_file_strings (json, "args", hooks[i]->args, hooks[i]->n_args);
    json_file_strings (json, "env", hooks[i]->env, hooks[i]->n_env);
    if (hooks[i]->timeout > 0)
      kata_json_write__int (json, "timeout", hooks[i]->timeout);
    kata_json_write__end_object (json);
  }
  kata_json_write__end_array (json);
}

/* The host keeps its own hooks to itself; what arrives here is meant to run in the guest. */
static void
write_hooks (struct kata_json_writer *json, const Grpc__Hooks *hooks)
{
  kata_json_write__begin_object (json, "hooks");
  write_hooks_of (json, "prestart", hooks->prestart, hooks->n_prestart);
  write_hooks_of (json, "createRuntime", hooks->createruntime, hooks->n_createruntime);
  write_hooks_of (json, "createContainer", hooks->createcontainer, hooks->n_createcontainer);
  write_hooks_of (json, "startContainer", hooks->startcontainer, hooks->n_startcontainer);
  write_hooks_of (json, "poststart", hooks->poststart, hooks->n_poststart);
  write_hooks_of (json, "poststop", hooks->poststop, hooks->n_poststop);
  kata_json_write__end_object (json);
}

/* "run.oci." annotations steer crun itself, which is the guest's business. */
static void
write_annotations (struct kata_json_writer *json, const Grpc__Spec *spec)
{
  kata_json_write__begin_object (json, "annotations");
  for (size_t i = 0; i < spec->n_annotations; i++)
    if (!text_starts (spec->annotations[i]->key, "run.oci."))
      kata_json_write__string (json, text_of (spec->annotations[i]->key), spec->annotations[i]->value);
  kata_json_write__end_object (json);
}

int
spec_json_config (struct kata_json_writer *json, const Grpc__Spec *spec, const struct spec_place *place,
                  struct fault *fault)
{
  kata_json_write__begin_object (json, NULL);
  /* What we write is ours, whatever the caller's version was: crun 1.8 takes nothing but 1.0.*. */
  kata_json_write__string (json, "ociVersion", "1.0.2");
  if (process_json (json, "process", spec->process, fault) < 0)
    return -1;
  kata_json_write__begin_object (json, "root");
  kata_json_write__string (json, "path", "rootfs");
  kata_json_write__bool (json, "readonly", spec->root && spec->root->readonly);
  kata_json_write__end_object (json);
  write_mounts (json, spec);
  if (spec->hooks)
    write_hooks (json, spec->hooks);
  write_annotations (json, spec);
  if (linux_json (json, spec->linux, place, fault) < 0)
    return -1;
  kata_json_write__end_object (json);
  return 0;
}
