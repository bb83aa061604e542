/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* container-create: from a specification to a container that waits in the guest. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/spec.h"
#include "base/fd.h"
#include "base/id.h"
#include "host/beneath.h"
#include "sandbox/block.h"
#include "sandbox/container.h"
#include "sandbox/disk.h"
#include "sandbox/events.h"
#include "sandbox/grow.h"
#include "sandbox/host-late.h"
#include "sandbox/process-file.h"
#include "sandbox/undo.h"

#define UNDO_MS   10000
#define REMOVE_S  2
#define REMOVE_MS 5000

/* The bundle is the caller's; the path may go through links, the file must be a file of bounded size. */
static int
read_bundle (char **text, size_t *length, const char *bundle, kata_error **err)
{
  g_autofree char *path = g_build_filename (bundle, "config.json", NULL);
  kata_auto_fd int fd = open (bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int r = fd < 0 ? -errno : kata_beneath__read (fd, "config.json", KATA_OCI_BYTES_MAX, text, length);
  if (r == -EFBIG)
    return kata_error__set (err, KATA_E_LIMIT, path, "bundle: \"%s\" is larger than %zu bytes", path,
                            KATA_OCI_BYTES_MAX);
  if (r != 0)
    return kata_error__errno (err, r == -ENOENT || r == -ENOTDIR ? KATA_E_NOT_FOUND : KATA_E_IO, path, -r,
                              "bundle: read \"%s\"", path);
  return 0;
}

int
kata_container__read_spec (kata_oci_spec **out, const kata_container_options *options, kata_error **err)
{
  g_autoptr (kata_oci_spec) spec = NULL;
  g_autofree char *text = NULL;
  const char *json = options->config_json;
  size_t length = json != NULL ? strlen (json) : 0;
  int r = 0;
  if (json == NULL && options->bundle != NULL) {
    r = read_bundle (&text, &length, options->bundle, err);
    json = text;
  }
  if (r == 0 && json != NULL)
    r = kata_oci_spec__parse (&spec, json, length, err);
  else if (r == 0)
    spec = kata_oci_spec__default (options->rootfs);
  if (r == 0)
    r = kata_oci_spec__apply_options (spec, options, err);
  if (r == 0)
    *out = g_steal_pointer (&spec);
  return r;
}

static int
keep_process (struct kata_operation *op, const kata_container_plan *plan, kata_error **err)
{
  g_autofree char *name = kata_process_file__name (plan->id);
  g_autofree char *text = kata_process_file__format (&plan->spec->process);
  int r = kata_journal__path (&op->journal, KATA_UNDO_FILE, "process", name, err);
  if (r != 0)
    return r;
  r = kata_beneath__replace (op->sandbox->dirfd, name, text, strlen (text));
  return r == 0 ? 0 : kata_error__errno (err, KATA_E_IO, plan->id, -r, "write what container \"%s\" runs", plan->id);
}

/* We know no container of this name; one that the guest knows was left by a process that died while it made it. */
static int
ask_agent (struct kata_operation *op, kata_agent *agent, const Grpc__CreateContainerRequest *request, kata_error **err)
{
  kata_error *error = NULL;
  int r = kata_agent__create_container (agent, request, kata_runtime__left_ms (op->deadline_us), &error);
  if (r != KATA_E_EXISTS)
    return r != 0 ? kata_error__propagate (err, error) : 0;
  kata_error_unref (error);
  kata_agent__signal (agent, request->container_id, "", SIGKILL, REMOVE_MS, NULL);
  kata_agent__remove_container (agent, request->container_id, REMOVE_S, REMOVE_MS, NULL);
  return kata_agent__create_container (agent, request, kata_runtime__left_ms (op->deadline_us), err);
}

static int
tell_agent (struct kata_operation *op, kata_link *link, const kata_container_plan *plan, kata_error **err)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  Grpc__CreateContainerRequest request = GRPC__CREATE_CONTAINER_REQUEST__INIT;
  request.container_id = (char *) plan->id;
  request.exec_id = (char *) plan->id;
  request.oci = kata_agent_spec__spec (arena, plan->spec);
  request.storages = kata_agent_spec__storages (arena, plan->storages, plan->n_storages);
  request.n_storages = plan->n_storages;
  request.devices = kata_agent_spec__devices (arena, plan->devices, plan->n_devices);
  request.n_devices = plan->n_devices;
  request.sandbox_pidns = plan->sandbox_pidns;
  int r = kata_operation__fault (op, "agent:create-container", err);
  if (r == 0)
    r = ask_agent (op, kata_link__agent (link), &request, err);
  return r != 0 ? r : kata_operation__fault (op, "agent:container-created", err);
}

static int
write_down (struct kata_operation *op, const kata_container_plan *plan, kata_error **err)
{
  struct kata_container_state *added = kata_state__add_container (op->state, plan->id);
  added->state = KATA_STATE_CREATED;
  added->terminal = plan->terminal;
  added->pack = plan->pack;
  added->disk = kata_arena__strdup (op->state->arena, plan->disk);
  for (size_t i = 0; i < plan->n_blocks; i++)
    added->blocks = kata_arena__strv_add (op->state->arena, added->blocks, plan->blocks[i].id);
  for (char **id = plan->host_devices; id != NULL && *id != NULL; id++)
    added->host_devices = kata_arena__strv_add (op->state->arena, added->host_devices, *id);
  kata_sandbox__limit (added, &plan->spec->linux_.resources);
  kata_operation__timing (op, "container-create");
  return kata_operation__save (op, err);
}

static int
set_terminal_size (kata_link *link, const kata_container_plan *plan, int64_t deadline_us)
{
  if (!plan->terminal)
    return 0;
  return kata_agent__winsize (kata_link__agent (link), plan->id, "", plan->rows, plan->columns,
                              kata_runtime__left_ms (deadline_us), NULL);
}

static int
make (struct kata_operation *op, kata_link *link, kata_container_plan *plan, kata_error **err)
{
  kata_operation__scope (op, plan->id);
  int r = kata_operation__fault (op, "stage:mounts:enter", err);
  if (r == 0)
    r = kata_container__share (op, plan, err);
  if (r == 0)
    r = keep_process (op, plan, err);
  if (r == 0)
    r = kata_operation__fault (op, "stage:mounts:done", err);
  if (r == 0)
    r = kata_sandbox_block__attach (op, plan, err);
  if (r == 0)
    r = kata_sandbox_host__attach (op, plan, err);
  struct kata_container_state more = { 0 };
  kata_sandbox__limit (&more, &plan->spec->linux_.resources);
  if (r == 0)
    r = kata_sandbox__grow (op, link, &more, err);
  if (r == 0)
    r = tell_agent (op, link, plan, err);
  if (r == 0)
    set_terminal_size (link, plan, op->deadline_us); /* some agents only take it once it runs */
  if (r == 0)
    r = write_down (op, plan, err);
  if (r == 0)
    return 0;
  if (kata_state__container (op->state, plan->id) != NULL) { /* it may have been written down already */
    kata_state__drop_container (op->state, plan->id);
    kata_state__save (op->state, op->sandbox->dirfd, NULL);
  }
  kata_agent__remove_container (kata_link__agent (link), plan->id, REMOVE_S, REMOVE_MS, NULL);
  kata_sandbox_block__collect (op);
  kata_sandbox_host__collect (op);
  g_autoptr (kata_error) error = NULL;
  if (kata_undo__replay (op->sandbox->dirfd, plan->id, kata_deadline__within (INT64_MAX, UNDO_MS), NULL, &error) != 0)
    kata_log__write (&op->sandbox->runtime->log, KATA_LOG_ERROR, "container \"%s\": after the failed create: %s",
                     plan->id, kata_error_get_message (error));
  return r;
}

/* A disk whose serial number is its server's: the guest finds it by where it is. */
static int
find_disk (struct kata_operation *op, kata_container_plan *plan, kata_error **err)
{
  g_autoptr (kata_machine) machine = NULL;
  const kata_vm_disk *disk = plan->disk_by_place ? kata_sandbox_disk__find (op->state, plan->disk) : NULL;
  char *path = NULL;
  if (disk == NULL)
    return 0;
  int r = kata_sandbox__machine (&machine, op->sandbox, op->state, err);
  if (r != 0)
    return r;
  kata_backend_env env = kata_stage__env (op);
  r = kata_vm__place_disk (kata_machine__vm (machine), disk, &path, &env, err);
  for (size_t i = 0; r == 0 && i < plan->n_storages; i++)
    if (g_strcmp0 (plan->storages[i].source, "") == 0)
      plan->storages[i].source = kata_arena__strdup (plan->arena, path);
  kata_free (path);
  return r;
}

static int
prepare (struct kata_operation *op, kata_container_plan **plan, const char *id, const kata_container_options *options,
         kata_error **err)
{
  g_autoptr (kata_oci_spec) spec = NULL;
  g_autoptr (kata_arena) arena = kata_arena__new ();
  struct kata_container_facts facts = { 0 };
  if (kata_state__container (op->state, id) != NULL)
    return kata_error__set (err, KATA_E_EXISTS, id, "container \"%s\" exists already in sandbox \"%s\"", id,
                            op->sandbox->id);
  if (op->state->n_containers >= KATA_CONTAINERS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, id, "sandbox \"%s\" has %u containers already", op->sandbox->id,
                            KATA_CONTAINERS_MAX);
  kata_sandbox_block__collect (op);
  kata_sandbox_host__collect (op);
  /* One of this name whose making was cut short. */
  int r = kata_undo__replay (op->sandbox->dirfd, id, op->deadline_us, NULL, err);
  if (r == 0)
    r = kata_container__read_spec (&spec, options, err);
  if (r == 0) {
    kata_sandbox_block__look (&facts, arena, spec, options);
    r = kata_container_plan__make (plan, &op->state->plan, spec, options, &facts, id, err);
  }
  if (r == 0)
    r = kata_container__choose_pack (op, *plan, err);
  if (r == 0)
    r = find_disk (op, *plan, err);
  if (r != 0)
    return r;
  for (char **warning = (*plan)->warnings; warning != NULL && *warning != NULL; warning++)
    kata_log__write (&op->sandbox->runtime->log, KATA_LOG_WARNING, "container \"%s\": %s", id, *warning);
  return kata_operation__fault (op, "container:plan", err);
}

int
kata_container__create (kata_container **out, kata_sandbox *sandbox, const kata_container_options *options,
                        int64_t timeout_ms, kata_error **err)
{
  char random[KATA_ID_RANDOM_LEN + 1];
  const char *id = options->id != NULL ? options->id : random;
  int r = options->id != NULL ? kata_id__check ("id", id, err) : kata_id__random (random, err);
  const struct kata_operation_options begin = {
    .what = "create a container",
    .allowed = 1u << KATA_STATE_RUNNING,
    .timeout_ms = timeout_ms,
    .default_offset = offsetof (kata_plan, create_container_timeout_ms),
  };
  struct kata_operation op;
  if (r == 0)
    r = kata_operation__begin (&op, sandbox, &begin, err);
  if (r != 0)
    return r;
  g_autoptr (kata_container_plan) plan = NULL;
  g_autoptr (kata_link) link = NULL;
  kata_error *error = NULL;
  r = prepare (&op, &plan, id, options, &error);
  if (r == 0)
    r = kata_sandbox__link (&link, sandbox, op.deadline_us, &error);
  if (r == 0)
    r = make (&op, link, plan, &error);
  kata_operation__end (&op);
  if (r != 0)
    return kata_sandbox__explain (sandbox, link, error, err);
  *out = kata_container__new (sandbox, id);
  return 0;
}
