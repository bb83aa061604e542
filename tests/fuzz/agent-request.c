/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* agent-request: the guest agent's way from a request's bytes to a config.json and to mount options; nothing is mounted or started. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "linux-json.h"
#include "mounts.h"
#include "path.h"
#include "process-json.h"
#include "proto/agent.pb-c.h"
#include "spec-json.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
try_create (const uint8_t *data, size_t size)
{
  Grpc__CreateContainerRequest *request = grpc__create_container_request__unpack (NULL, size, data);
  struct spec_place place = { "/containers/x", NULL };
  struct kata_json_writer json = JSON_FILE_INIT;
  struct fault fault;
  if (!request)
    return;
  path_id_is_valid (request->container_id);
  if (request->oci && spec_json_config (&json, request->oci, &place, &fault) == 0 &&
      (json.length < 2 || json.text[0] != '{'))
    abort ();
  kata_json_write__clear (&json);
  for (size_t i = 0; i < request->n_storages; i++) {
    const Grpc__Storage *storage = request->storages[i];
    struct mount_options options;
    path_is_clean (storage->mount_point);
    if (mount_options_parse (&options, storage->options, storage->n_options, NULL, &fault) == 0)
      mount_options_has (&options, "size");
  }
  grpc__create_container_request__free_unpacked (request, NULL);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct kata_json_writer json = JSON_FILE_INIT;
  struct fault fault;
  try_create (data, size);
  Grpc__ExecProcessRequest *exec = grpc__exec_process_request__unpack (NULL, size, data);
  if (exec && exec->process)
    process_json (&json, NULL, exec->process, &fault);
  kata_json_write__clear (&json);
  if (exec)
    grpc__exec_process_request__free_unpacked (exec, NULL);
  Grpc__UpdateContainerRequest *update = grpc__update_container_request__unpack (NULL, size, data);
  if (update && update->resources)
    resources_json (&json, NULL, update->resources);
  kata_json_write__clear (&json);
  if (update)
    grpc__update_container_request__free_unpacked (update, NULL);
  return 0;
}
