/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* service: answers the agent's requests about sandbox and containers; streams and waiting are stream.c's. */
#include "backend/null/service.h"

#include <string.h>
#include <unistd.h>

#include "backend/null/request.h"

#define EXECS_KEPT 32u /* then those that nobody will ask for again make room */

static void
free_process (void *data)
{
  struct null_process *process = data;
  kata_null_process__kill (process, 9);
  kata_null_process__unref (process);
}

void
kata_null_service__free_container (void *data)
{
  struct null_container *c = data;
  free_process (c->init);
  g_hash_table_unref (c->execs);
  g_free (c->id);
  g_free (c);
}

gboolean
kata_null_service__add_container (struct null_guest *guest, const char *id, struct null_process *init)
{
  if (g_hash_table_contains (guest->containers, id)) {
    free_process (init);
    return FALSE;
  }
  struct null_container *c = g_new0 (struct null_container, 1);
  c->id = g_strdup (id);
  c->init = init;
  c->execs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_process);
  g_hash_table_insert (guest->containers, c->id, c);
  return TRUE;
}

static struct null_container *
find (struct null_guest *guest, const char *id)
{
  return id != NULL ? g_hash_table_lookup (guest->containers, id) : NULL;
}

static int32_t
new_process (Grpc__Process *spec, struct null_process **out, struct null_reply *reply)
{
  g_autoptr (GPtrArray) args = g_ptr_array_new ();
  if (spec == NULL || spec->n_args == 0)
    return kata_null_reply__fail (reply, TTRPC_INVALID_ARGUMENT, "no arguments");
  if (!kata_null_program__exists (spec->args[0]))
    return kata_null_reply__fail (reply, TTRPC_INTERNAL,
                                  "executable file `%s` not found in $PATH: No such file or directory", spec->args[0]);
  for (size_t i = 0; i < spec->n_args; i++)
    g_ptr_array_add (args, spec->args[i]);
  g_ptr_array_add (args, NULL);
  *out = kata_null_process__new ((char **) args->pdata, spec->terminal);
  return *out != NULL ? TTRPC_OK : kata_null_reply__fail (reply, TTRPC_RESOURCE_EXHAUSTED, "no descriptors left");
}

static int32_t
create_container (struct null_guest *guest, ttrpc_request *r, Grpc__CreateContainerRequest *q, struct null_reply *reply)
{
  struct null_process *init = NULL;
  if (q->container_id == NULL || q->oci == NULL)
    return kata_null_reply__fail (reply, TTRPC_INVALID_ARGUMENT, "container_id and OCI are needed");
  if (find (guest, q->container_id) != NULL)
    return kata_null_reply__fail (reply, TTRPC_INTERNAL, "container %s exists", q->container_id);
  int32_t code = new_process (q->oci->process, &init, reply);
  if (code != TTRPC_OK)
    return code;
  kata_null_service__add_container (guest, q->container_id, init);
  return TTRPC_OK;
}

static int32_t
start_container (struct null_guest *guest, ttrpc_request *r, Grpc__StartContainerRequest *q, struct null_reply *reply)
{
  struct null_container *c = find (guest, q->container_id);
  if (c == NULL || !kata_null_process__start (c->init))
    return kata_null_reply__fail (reply, TTRPC_INTERNAL, "container %s cannot be started",
                                  kata_null__text (q->container_id));
  return TTRPC_OK;
}

static int32_t
remove_container (struct null_guest *guest, ttrpc_request *r, Grpc__RemoveContainerRequest *q, struct null_reply *reply)
{
  if (q->container_id == NULL || !g_hash_table_remove (guest->containers, q->container_id))
    return kata_null_reply__fail (reply, TTRPC_INTERNAL, "no container %s", kata_null__text (q->container_id));
  return TTRPC_OK;
}

static gboolean
is_over (gpointer id, gpointer process, gpointer data)
{
  return kata_null_process__is_over (process);
}

static int32_t
exec_process (struct null_guest *guest, ttrpc_request *r, Grpc__ExecProcessRequest *q, struct null_reply *reply)
{
  struct null_container *c = find (guest, q->container_id);
  struct null_process *process = NULL;
  int status = 0;
  if (c == NULL || !kata_null_process__is_started (c->init) || kata_null_process__exited (c->init, &status))
    return kata_null_reply__fail (reply, TTRPC_INTERNAL, "container %s is not running",
                                  kata_null__text (q->container_id));
  if (q->exec_id == NULL || *q->exec_id == '\0' || g_hash_table_contains (c->execs, q->exec_id))
    return kata_null_reply__fail (reply, TTRPC_INVALID_ARGUMENT, "exec id is empty or taken");
  /* Each holds eight descriptors. */
  if (g_hash_table_size (c->execs) >= EXECS_KEPT)
    g_hash_table_foreach_remove (c->execs, is_over, NULL);
  int32_t code = new_process (q->process, &process, reply);
  if (code != TTRPC_OK)
    return code;
  g_hash_table_insert (c->execs, g_strdup (q->exec_id), process);
  kata_null_process__start (process);
  return TTRPC_OK;
}

static int32_t
signal_process (struct null_guest *guest, ttrpc_request *r, Grpc__SignalProcessRequest *q, struct null_reply *reply)
{
  struct null_process *process = NULL;
  int32_t code = kata_null_request__process (guest, q->container_id, q->exec_id, &process, reply);
  if (code != TTRPC_OK)
    return code;
  kata_null_process__kill (process, (int) q->signal);
  return TTRPC_OK;
}

static int32_t
set_paused (struct null_guest *guest, const char *id, gboolean paused, struct null_reply *reply)
{
  struct null_container *c = find (guest, id);
  GHashTableIter iter;
  gpointer process;
  if (c == NULL)
    return kata_null_reply__fail (reply, TTRPC_INVALID_ARGUMENT, "no container %s", kata_null__text (id));
  c->paused = paused;
  kata_null_process__pause (c->init, paused);
  g_hash_table_iter_init (&iter, c->execs);
  while (g_hash_table_iter_next (&iter, NULL, &process))
    kata_null_process__pause (process, paused);
  return TTRPC_OK;
}

static int32_t
pause_container (struct null_guest *guest, ttrpc_request *r, Grpc__PauseContainerRequest *q, struct null_reply *reply)
{
  return set_paused (guest, q->container_id, TRUE, reply);
}

static int32_t
resume_container (struct null_guest *guest, ttrpc_request *r, Grpc__ResumeContainerRequest *q, struct null_reply *reply)
{
  return set_paused (guest, q->container_id, FALSE, reply);
}

static int32_t
update_container (struct null_guest *guest, ttrpc_request *r, Grpc__UpdateContainerRequest *q, struct null_reply *reply)
{
  if (find (guest, q->container_id) == NULL)
    return kata_null_reply__fail (reply, TTRPC_INVALID_ARGUMENT, "no container %s", kata_null__text (q->container_id));
  return TTRPC_OK;
}

static int32_t
stats_container (struct null_guest *guest, ttrpc_request *r, Grpc__StatsContainerRequest *q, struct null_reply *reply)
{
  Grpc__StatsContainerResponse answer = GRPC__STATS_CONTAINER_RESPONSE__INIT;
  Grpc__CgroupStats cgroup = GRPC__CGROUP_STATS__INIT;
  Grpc__CpuStats cpu = GRPC__CPU_STATS__INIT;
  Grpc__CpuUsage usage = GRPC__CPU_USAGE__INIT;
  Grpc__MemoryStats memory = GRPC__MEMORY_STATS__INIT;
  Grpc__MemoryData data = GRPC__MEMORY_DATA__INIT;
  Grpc__PidsStats pids = GRPC__PIDS_STATS__INIT;
  struct null_container *c = find (guest, q->container_id);
  if (c == NULL)
    return kata_null_reply__fail (reply, TTRPC_INVALID_ARGUMENT, "no container %s", kata_null__text (q->container_id));
  usage.has_total_usage = data.has_usage = pids.has_current = TRUE;
  usage.total_usage = (uint64_t) g_get_monotonic_time () * 1000;
  data.usage = 1 << 20;
  pids.current = 1 + g_hash_table_size (c->execs);
  cpu.cpu_usage = &usage;
  memory.usage = &data;
  cgroup.cpu_stats = &cpu;
  cgroup.memory_stats = &memory;
  cgroup.pids_stats = &pids;
  answer.cgroup_stats = &cgroup;
  return kata_null_reply__pack (reply, &answer.base);
}

/* Two families, as a real guest has them. */
static int32_t
get_metrics (struct null_guest *guest, ttrpc_request *r, Grpc__GetMetricsRequest *q, struct null_reply *reply)
{
  Grpc__Metrics answer = GRPC__METRICS__INIT;
  g_autofree char *text =
      g_strdup_printf ("# HELP kata_agent_containers Containers that exist.\n# TYPE kata_agent_containers gauge\n"
                       "kata_agent_containers %u\n# HELP kata_guest_load Load averages.\n# TYPE kata_guest_load gauge\n"
                       "kata_guest_load{item=\"load1\"} 0.25\nkata_guest_load{item=\"load5\"} 0.5\n",
                       g_hash_table_size (guest->containers));
  answer.metrics = text;
  return kata_null_reply__pack (reply, &answer.base);
}

static int32_t
create_sandbox (struct null_guest *guest, ttrpc_request *r, Grpc__CreateSandboxRequest *q, struct null_reply *reply)
{
  return TTRPC_OK;
}

/* As the real agent: the machine powers off after the answer has left. */
static int32_t
destroy_sandbox (struct null_guest *guest, ttrpc_request *r, Grpc__DestroySandboxRequest *q, struct null_reply *reply)
{
  guint64 one = 1;
  (void) !write (guest->wake_fd, &one, sizeof one);
  return TTRPC_OK;
}

static int32_t
online_cpu_mem (struct null_guest *guest, ttrpc_request *r, Grpc__OnlineCPUMemRequest *q, struct null_reply *reply)
{
  int online = g_atomic_int_get (&guest->vcpus);
  return !q->has_nb_cpus || (int64_t) q->nb_cpus <= online
             ? TTRPC_OK
             : kata_null_reply__fail (reply, TTRPC_INTERNAL, "%d processors, %u wanted", online, q->nb_cpus);
}

static int32_t
reseed (struct null_guest *guest, ttrpc_request *r, Grpc__ReseedRandomDevRequest *q, struct null_reply *reply)
{
  return q->has_data && q->data.len > 0 ? TTRPC_OK : kata_null_reply__fail (reply, TTRPC_INVALID_ARGUMENT, "no data");
}

static int32_t
set_date_time (struct null_guest *guest, ttrpc_request *r, Grpc__SetGuestDateTimeRequest *q, struct null_reply *reply)
{
  return TTRPC_OK;
}

static int32_t
guest_details (struct null_guest *guest, ttrpc_request *r, Grpc__GuestDetailsRequest *q, struct null_reply *reply)
{
  Grpc__GuestDetailsResponse answer = GRPC__GUEST_DETAILS_RESPONSE__INIT;
  Grpc__AgentDetails details = GRPC__AGENT_DETAILS__INIT;
  details.version = (char *) KATA_VERSION;
  answer.agent_details = &details;
  return kata_null_reply__pack (reply, &answer.base);
}

static int32_t
check (struct null_guest *guest, ttrpc_request *r, Grpc__CheckRequest *q, struct null_reply *reply)
{
  Grpc__HealthCheckResponse answer = GRPC__HEALTH_CHECK_RESPONSE__INIT;
  answer.has_status = TRUE;
  answer.status = GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
  return kata_null_reply__pack (reply, &answer.base);
}

static int32_t
version (struct null_guest *guest, ttrpc_request *r, Grpc__CheckRequest *q, struct null_reply *reply)
{
  Grpc__VersionCheckResponse answer = GRPC__VERSION_CHECK_RESPONSE__INIT;
  answer.grpc_version = (char *) "0.0.1";
  answer.agent_version = (char *) KATA_VERSION;
  return kata_null_reply__pack (reply, &answer.base);
}

/* Its guest has no network to configure. */
static int32_t
update_interface (struct null_guest *guest, ttrpc_request *r, Grpc__UpdateInterfaceRequest *q, struct null_reply *reply)
{
  Types__Interface none = TYPES__INTERFACE__INIT;
  return kata_null_reply__pack (reply, q->interface != NULL ? &q->interface->base : &none.base);
}

static int32_t
update_routes (struct null_guest *guest, ttrpc_request *r, Grpc__UpdateRoutesRequest *q, struct null_reply *reply)
{
  Grpc__Routes none = GRPC__ROUTES__INIT;
  return kata_null_reply__pack (reply, q->routes != NULL ? &q->routes->base : &none.base);
}

static int32_t
add_neighbors (struct null_guest *guest, ttrpc_request *r, Grpc__AddARPNeighborsRequest *q, struct null_reply *reply)
{
  return TTRPC_OK;
}

NULL_METHOD (create_container, Grpc__CreateContainerRequest, grpc__create_container_request)
NULL_METHOD (start_container, Grpc__StartContainerRequest, grpc__start_container_request)
NULL_METHOD (remove_container, Grpc__RemoveContainerRequest, grpc__remove_container_request)
NULL_METHOD (exec_process, Grpc__ExecProcessRequest, grpc__exec_process_request)
NULL_METHOD (signal_process, Grpc__SignalProcessRequest, grpc__signal_process_request)
NULL_METHOD (pause_container, Grpc__PauseContainerRequest, grpc__pause_container_request)
NULL_METHOD (resume_container, Grpc__ResumeContainerRequest, grpc__resume_container_request)
NULL_METHOD (update_container, Grpc__UpdateContainerRequest, grpc__update_container_request)
NULL_METHOD (stats_container, Grpc__StatsContainerRequest, grpc__stats_container_request)
NULL_METHOD (get_metrics, Grpc__GetMetricsRequest, grpc__get_metrics_request)
NULL_METHOD (create_sandbox, Grpc__CreateSandboxRequest, grpc__create_sandbox_request)
NULL_METHOD (destroy_sandbox, Grpc__DestroySandboxRequest, grpc__destroy_sandbox_request)
NULL_METHOD (online_cpu_mem, Grpc__OnlineCPUMemRequest, grpc__online_cpumem_request)
NULL_METHOD (reseed, Grpc__ReseedRandomDevRequest, grpc__reseed_random_dev_request)
NULL_METHOD (set_date_time, Grpc__SetGuestDateTimeRequest, grpc__set_guest_date_time_request)
NULL_METHOD (update_interface, Grpc__UpdateInterfaceRequest, grpc__update_interface_request)
NULL_METHOD (update_routes, Grpc__UpdateRoutesRequest, grpc__update_routes_request)
NULL_METHOD (add_neighbors, Grpc__AddARPNeighborsRequest, grpc__add_arpneighbors_request)
NULL_METHOD (guest_details, Grpc__GuestDetailsRequest, grpc__guest_details_request)
NULL_METHOD (check, Grpc__CheckRequest, grpc__check_request)
NULL_METHOD (version, Grpc__CheckRequest, grpc__check_request)

#define AGENT  "grpc.AgentService"
#define HEALTH "grpc.Health"
const struct ttrpc_method kata_null_service__methods[] = {
  { HEALTH, "Check", check_rpc },
  { HEALTH, "Version", version_rpc },
  { AGENT, "CreateSandbox", create_sandbox_rpc },
  { AGENT, "DestroySandbox", destroy_sandbox_rpc },
  { AGENT, "CreateContainer", create_container_rpc },
  { AGENT, "StartContainer", start_container_rpc },
  { AGENT, "RemoveContainer", remove_container_rpc },
  { AGENT, "ExecProcess", exec_process_rpc },
  { AGENT, "SignalProcess", signal_process_rpc },
  { AGENT, "PauseContainer", pause_container_rpc },
  { AGENT, "ResumeContainer", resume_container_rpc },
  { AGENT, "UpdateContainer", update_container_rpc },
  { AGENT, "StatsContainer", stats_container_rpc },
  { AGENT, "GetMetrics", get_metrics_rpc },
  { AGENT, "UpdateInterface", update_interface_rpc },
  { AGENT, "UpdateRoutes", update_routes_rpc },
  { AGENT, "AddARPNeighbors", add_neighbors_rpc },
  { AGENT, "OnlineCPUMem", online_cpu_mem_rpc },
  { AGENT, "ReseedRandomDev", reseed_rpc },
  { AGENT, "SetGuestDateTime", set_date_time_rpc },
  { AGENT, "GetGuestDetails", guest_details_rpc },
  { AGENT, "WaitProcess", kata_null_stream__wait_process },
  { AGENT, "WriteStdin", kata_null_stream__write_stdin },
  { AGENT, "ReadStdout", kata_null_stream__read_stdout },
  { AGENT, "ReadStderr", kata_null_stream__read_stderr },
  { AGENT, "CloseStdin", kata_null_stream__close_stdin },
  { AGENT, "TtyWinResize", kata_null_stream__tty_win_resize },
  { AGENT, "GetOOMEvent", kata_null_stream__get_oom_event },
  { NULL, NULL, NULL },
};
