/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper-serve: what each request does to the pod's sandbox and containers. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "verbs/cgroup.h"
#include "verbs/keeper.h"
#include "devices.h"
#include "members.h"
#include "output.h"

#define SETTINGS  "io.katacontainers.config."
#define REMOVE_MS 20000
#define END_MS    10000

static void fail (answer *answer, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
fail (answer *answer, const char *format, ...)
{
  va_list args;
  if (answer->error)
    return;
  va_start (args, format);
  answer->error = g_strdup_vprintf (format, args);
  va_end (args);
}

static void
fail_with (answer *answer, const kata_error *err)
{
  if (!answer->error)
    answer->error = oci_error_text (err);
}

/* ---- create ---- */

/* The annotations that are meant for Kata: key, value, …; the library says which of them the configuration allows. */
static char **
settings_of (const char *config)
{
  g_autoptr (JsonParser) parser = NULL;
  GPtrArray *pairs = g_ptr_array_new ();
  JsonObject *object = members_parse (config, &parser);
  JsonNode *node = object ? json_object_get_member (object, "annotations") : NULL;
  JsonObject *annotations = node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  g_autoptr (GList) names = annotations ? json_object_get_members (annotations) : NULL;
  for (GList *l = names; l; l = l->next) {
    const char *value = members_string (annotations, l->data);
    if (!value || !g_str_has_prefix (l->data, SETTINGS))
      continue;
    g_ptr_array_add (pairs, g_strdup (l->data));
    g_ptr_array_add (pairs, g_strdup (value));
  }
  g_ptr_array_add (pairs, NULL);
  return (char **) g_ptr_array_free (pairs, FALSE);
}

static kata_container_options
container_options (wire_message *request, const char *id, const char *config)
{
  kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;
  options.id = id;
  options.bundle = members_string (request->object, "bundle");
  options.config_json = config;
  options.rows = (uint32_t) members_int (request->object, "rows", 0);
  options.columns = (uint32_t) members_int (request->object, "columns", 0);
  return options;
}

static int
boot (keeper *keeper, const kata_placement *placement, wire_message *request, const kata_container_options *first,
      answer *answer)
{
  const char *netns = members_string (request->object, "netns");
  g_auto (GStrv) settings = settings_of (first->config_json);
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  CTL_AUTO (sandbox) sandbox = NULL;
  CTL_AUTO (error) err = NULL;
  options.id = keeper->id;
  options.hostname = *placement->hostname ? placement->hostname : NULL;
  options.annotations = (const char *const *) settings;
  options.limit_cpu_milli = placement->cpu_milli;
  options.limit_memory_bytes = placement->memory_bytes;
  options.network = netns && *netns ? netns : NULL;
  g_auto (GStrv) groups = g_strsplit (placement->vfio_groups, " ", -1);
  g_autoptr (GPtrArray) devices = devices_of (groups);
  options.host_devices = (const kata_host_device *const *) devices->pdata;
  options.first_container = first;
  if (kata_sandbox_create (&sandbox, keeper->oci->ctl.runtime, &options, &err) < 0) {
    fail_with (answer, err);
    return -1;
  }
  keeper->sandbox = kata_sandbox_ref (sandbox);
  if (kata_sandbox_start (sandbox, KATA_TIMEOUT_DEFAULT, &err) == 0) {
    keeper_watch (keeper, sandbox);
    return 0;
  }
  fail_with (answer, err);
  keeper_remove_sandbox (keeper, NULL);
  return -1;
}

int
keeper_remove_sandbox (keeper *keeper, char **error)
{
  CTL_AUTO (error) err = NULL;
  CTL_AUTO (sandbox) sandbox = g_steal_pointer (&keeper->sandbox);
  int rc = sandbox ? kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &err) : 0;
  if (rc == KATA_E_NOT_FOUND)
    rc = 0;
  if (rc < 0 && error && !*error)
    *error = oci_error_text (err);
  return rc;
}

/* With @boot held: no container is in the virtual machine, and none is on its way there. */
static int
is_deserted (keeper *keeper)
{
  return keeper->n_making == 0 && keeper_count (keeper) == 0;
}

/* We are the last there, and who asked may look for it as soon as we have answered. */
static void
leave_cgroup (keeper *keeper)
{
  if (!keeper->cgroup)
    return;
  cgroup_enter (keeper->oci, "/", getpid ());
  cgroup_remove (keeper->oci, keeper->cgroup);
}

/* Takes a descriptor out of a message. */
static int
take_fd (wire_message *request, int index)
{
  int fd = index < request->n_fds ? request->fds[index] : -1;
  if (fd >= 0)
    request->fds[index] = -1;
  return fd;
}

static kept_fds
take_fds (wire_message *request, int terminal)
{
  kept_fds fds = { take_fd (request, 0), take_fd (request, 1), -1, -1 };
  if (!terminal) {
    fds.output = take_fd (request, 2);
    fds.errors = take_fd (request, 3);
  }
  return fds;
}

static unit *
make_unit (keeper *keeper, wire_message *request, const kata_container_options *options, int terminal, answer *answer)
{
  CTL_AUTO (container) container = NULL;
  CTL_AUTO (process) process = NULL;
  CTL_AUTO (error) err = NULL;
  if (kata_container_create (&container, keeper->sandbox, options, KATA_TIMEOUT_DEFAULT, &err) < 0 ||
      kata_container_get_process (&process, container, &err) < 0) {
    fail_with (answer, err);
    return NULL;
  }
  unit *unit = g_new0 (struct unit, 1);
  kept_fds fds = take_fds (request, terminal);
  unit->id = g_strdup (options->id);
  unit->container = kata_container_ref (container);
  unit->bundle = g_strdup (options->bundle);
  unit->execs = g_ptr_array_new ();
  unit->init = kept_new (process, &fds, terminal, 0);
  return unit;
}

static void
serve_create (keeper *keeper, wire_message *request, const char *id, answer *answer)
{
  kata_placement placement = KATA_PLACEMENT_INIT;
  CTL_AUTO (error) err = NULL;
  const char *config = members_string (request->object, "config");
  if (!config || kata_placement_read (&placement, config, id, &err) < 0) {
    fail_with (answer, err);
    return;
  }
  const kata_container_options options = container_options (request, id, config);
  g_mutex_lock (&keeper->boot);
  keeper->n_making++;
  int rc = keeper->sandbox ? 0 : boot (keeper, &placement, request, &options, answer);
  g_mutex_unlock (&keeper->boot);
  unit *unit =
      rc < 0 ? NULL : make_unit (keeper, request, &options, (placement.flags & KATA_PLACEMENT_TERMINAL) != 0, answer);
  if (unit && keeper_add (keeper, unit) < 0) {
    fail (answer, "container with given ID already exists: \"%s\"", id);
    unit_free (unit);
  }
  g_mutex_lock (&keeper->boot);
  keeper->n_making--;
  if (answer->error && is_deserted (keeper)) {
    keeper_remove_sandbox (keeper, NULL);
    leave_cgroup (keeper);
  }
  g_mutex_unlock (&keeper->boot);
}

/* ---- a container's life ---- */

/* An engine may fill the network namespace between create and start, as docker from version 26 on does. */
static void
serve_start (keeper *keeper, unit *unit, wire_message *request, answer *answer)
{
  CTL_AUTO (error) err = NULL;
  g_mutex_lock (&keeper->boot);
  CTL_AUTO (sandbox) sandbox = keeper->sandbox ? kata_sandbox_ref (keeper->sandbox) : NULL;
  g_mutex_unlock (&keeper->boot);
  if (!sandbox || kept_has_ended (unit->init)) {
    fail (answer, "cannot start a container that has stopped");
    return;
  }
  if (kata_container_get_state (unit->container) != KATA_STATE_CREATED) {
    fail (answer, "cannot start an already running container");
    return;
  }
  if (kata_sandbox_refresh_network (sandbox, KATA_TIMEOUT_DEFAULT, &err) < 0) {
    fail_with (answer, err);
    return;
  }
  kept_hold (unit->init);
  int rc = kata_container_start (unit->container, KATA_TIMEOUT_DEFAULT, &err);
  kept_run (unit->init, rc == 0);
  if (rc < 0)
    fail_with (answer, err);
}

static void
serve_kill (unit *unit, wire_message *request, answer *answer)
{
  CTL_AUTO (error) err = NULL;
  int signum = (int) members_int (request->object, "signal", 0);
  int all = members_int (request->object, "all", 0) != 0;
  if (kept_has_ended (unit->init) && !all) {
    fail (answer, "container not running");
    return;
  }
  if (signum == SIGKILL || signum == SIGTERM) /* the agent makes SIGKILL of it for a first process without a handler */
    kept_note (unit->init, KEPT_KILLED);
  int rc = kata_container_kill (unit->container, signum, all && signum == SIGKILL ? KATA_KILL_ALL : 0,
                                KATA_TIMEOUT_DEFAULT, &err);
  if (rc == KATA_E_STATE || rc == KATA_E_NOT_FOUND)
    fail (answer, "container not running");
  else if (rc < 0)
    fail_with (answer, err);
}

static void
serve_state (unit *unit, wire_message *request, answer *answer)
{
  const char *status = "stopped";
  int state = kept_has_ended (unit->init) ? KATA_STATE_STOPPED : kata_container_get_state (unit->container);
  if (state == KATA_STATE_CREATED)
    status = "created";
  else if (state == KATA_STATE_RUNNING)
    status = "running";
  else if (state == KATA_STATE_PAUSED)
    status = "paused";
  wire_add_text (answer->reply, "status", status);
}

static void
serve_ooms (unit *unit, wire_message *request, answer *answer)
{
  wire_add_int (answer->reply, "ooms", g_atomic_int_get (&unit->ooms));
}

static void
serve_pause (unit *unit, wire_message *request, answer *answer)
{
  CTL_AUTO (error) err = NULL;
  if (kata_container_pause (unit->container, KATA_TIMEOUT_DEFAULT, &err) < 0)
    fail_with (answer, err);
}

static void
serve_resume (unit *unit, wire_message *request, answer *answer)
{
  CTL_AUTO (error) err = NULL;
  if (kata_container_resume (unit->container, KATA_TIMEOUT_DEFAULT, &err) < 0)
    fail_with (answer, err);
}

static void
serve_update (unit *unit, wire_message *request, answer *answer)
{
  CTL_AUTO (error) err = NULL;
  const char *resources = members_string (request->object, "resources");
  if (!resources)
    fail (answer, "there are no resources to update");
  else if (kata_container_update (unit->container, resources, KATA_TIMEOUT_DEFAULT, &err) < 0)
    fail_with (answer, err);
}

static void
serve_stats (unit *unit, wire_message *request, answer *answer)
{
  kata_container_stats stats = KATA_CONTAINER_STATS_INIT;
  CTL_AUTO (error) err = NULL;
  if (kata_container_stats_get (unit->container, &stats, KATA_TIMEOUT_DEFAULT, &err) < 0) {
    fail_with (answer, err);
    return;
  }
  const struct {
    const char *name;
    uint64_t value;
  } rows[] = { { "cpu_total", stats.cpu_total_ns },
               { "cpu_user", stats.cpu_user_ns },
               { "cpu_system", stats.cpu_system_ns },
               { "cpu_throttled", stats.cpu_throttled_ns },
               { "memory", stats.memory_bytes },
               { "memory_peak", stats.memory_peak_bytes },
               { "memory_limit", stats.memory_limit_bytes },
               { "memory_cache", stats.memory_cache_bytes },
               { "pids", stats.pids },
               { "pids_limit", stats.pids_limit },
               { "read_bytes", stats.read_bytes },
               { "write_bytes", stats.write_bytes },
               { "rx_bytes", stats.rx_bytes },
               { "rx_packets", stats.rx_packets },
               { "tx_bytes", stats.tx_bytes },
               { "tx_packets", stats.tx_packets } };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    wire_add_int (answer->reply, rows[i].name, (int64_t) rows[i].value); /* "no limit" is -1 here */
}

/* Those that have ended, to be freed without the lock: a thread of theirs may still be asking the guest for something. */
static GPtrArray *
take_ended (unit *unit)
{
  GPtrArray *ended = g_ptr_array_new_with_free_func ((GDestroyNotify) kept_free);
  for (guint i = unit->execs->len; i > 0; i--) {
    kept *exec = unit->execs->pdata[i - 1];
    if (kept_has_ended (exec)) {
      g_ptr_array_add (ended, exec);
      g_ptr_array_remove_index_fast (unit->execs, i - 1);
    }
  }
  return ended;
}

static void
serve_exec (keeper *keeper, unit *unit, wire_message *request, answer *answer)
{
  kata_exec_options options = KATA_EXEC_OPTIONS_INIT;
  CTL_AUTO (process) process = NULL;
  CTL_AUTO (error) err = NULL;
  int terminal = members_int (request->object, "terminal", 0) != 0;
  options.process_json = members_string (request->object, "process");
  options.rows = (uint32_t) members_int (request->object, "rows", 0);
  options.columns = (uint32_t) members_int (request->object, "columns", 0);
  if (!options.process_json ||
      kata_container_exec (&process, unit->container, &options, KATA_TIMEOUT_DEFAULT, &err) < 0) {
    fail_with (answer, err);
    return;
  }
  kept_fds fds = take_fds (request, terminal);
  kept *exec = kept_new (process, &fds, terminal, 1);
  kept_run (exec, 1);
  g_mutex_lock (&keeper->lock);
  GPtrArray *ended = take_ended (unit);
  g_ptr_array_add (unit->execs, exec);
  g_mutex_unlock (&keeper->lock);
  g_ptr_array_unref (ended);
}

/* ---- delete ---- */

static void
serve_delete (keeper *keeper, const char *id, int force, answer *answer)
{
  CTL_AUTO (error) err = NULL;
  /* The verb that creates it may have been killed; what it asked for goes on, and would stay for ever. */
  keeper_wait_created (keeper, id);
  unit *unit = keeper_take (keeper, id);
  if (!unit)
    return; /* an earlier try got this far */
  if (kept_is_orphan (unit->init))
    kept_wait (unit->init, END_MS); /* the engine has seen its end already, the guest not yet */
  int state = kept_has_ended (unit->init) ? KATA_STATE_STOPPED : kata_container_get_state (unit->container);
  int alive = state == KATA_STATE_RUNNING || state == KATA_STATE_PAUSED;
  keeper_give (keeper, unit);
  if (alive && !force) {
    fail (answer, "cannot delete container %s that is not stopped: %s", id,
          state == KATA_STATE_PAUSED ? "paused" : "running");
    return;
  }
  unit = keeper_remove (keeper, id);
  if (!unit)
    return;
  kept_note (unit->init, KEPT_KILLED);
  /* What fails here fails because the machine is gone; then the next step removes the rest. */
  kata_container_delete (unit->container, KATA_DELETE_FORCE, REMOVE_MS, &err);
  g_mutex_lock (&keeper->boot);
  int last = is_deserted (keeper);
  if (last) {
    keeper_remove_sandbox (keeper, &answer->error);
    leave_cgroup (keeper);
  }
  g_mutex_unlock (&keeper->boot);
  if (last || kept_wait (unit->init, END_MS) == 0)
    unit_free (unit); /* else a thread still waits for a guest that does not answer; the pod's end will free it */
}

/* ---- the table ---- */

static const struct op {
  const char *name;
  void (*serve) (unit *unit, wire_message *request, answer *answer);
} ops[] = {
  { "kill", serve_kill },     { "state", serve_state }, { "pause", serve_pause }, { "resume", serve_resume },
  { "update", serve_update }, { "stats", serve_stats }, { "ooms", serve_ooms },
};

void
keeper_serve (keeper *keeper, wire_message *request, answer *answer)
{
  const char *op = members_string (request->object, "op"), *id = members_string (request->object, "id");
  if (!op || !id) {
    fail (answer, "a request without a name");
    return;
  }
  if (strcmp (op, "create") == 0) {
    serve_create (keeper, request, id, answer);
    keeper_created (keeper, id);
    g_mutex_lock (&keeper->lock);
    keeper->used = 1;
    g_mutex_unlock (&keeper->lock);
    return;
  }
  if (strcmp (op, "delete") == 0) {
    serve_delete (keeper, id, members_int (request->object, "force", 0) != 0, answer);
    return;
  }
  unit *unit = keeper_take (keeper, id);
  if (!unit) {
    fail (answer, "container \"%s\" does not exist", id);
    return;
  }
  int known = strcmp (op, "exec") == 0 || strcmp (op, "start") == 0;
  if (known && strcmp (op, "exec") == 0)
    serve_exec (keeper, unit, request, answer);
  else if (known)
    serve_start (keeper, unit, request, answer);
  for (size_t i = 0; i < G_N_ELEMENTS (ops) && !known; i++)
    if (strcmp (op, ops[i].name) == 0) {
      ops[i].serve (unit, request, answer);
      known = 1;
    }
  if (!known)
    fail (answer, "the keeper knows no \"%.32s\"", op);
  keeper_give (keeper, unit);
}
