/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* inspect: a sandbox as JSON, for people and for programs that want to know everything. */
#include <string.h>

#include "base/json-write.h"
#include "sandbox/sandbox.h"

#define PIDS_MAX 16

static void
write_time (struct kata_json_writer *w, const char *name, int64_t ms)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (ms / 1000);
  g_autofree char *text = time != NULL ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ") : NULL;
  kata_json_write__string (w, name, text);
}

static void
write_containers (struct kata_json_writer *w, const kata_sandbox_state *state, int real)
{
  kata_json_write__begin_array (w, "containers");
  for (size_t i = 0; i < state->n_containers; i++) {
    const struct kata_container_state *container = &state->containers[i];
    int shown = real == KATA_STATE_STOPPED ? KATA_STATE_STOPPED : container->state;
    kata_json_write__begin_object (w, NULL);
    kata_json_write__string (w, "id", container->id);
    kata_json_write__string (w, "state", kata_state__name (shown));
    write_time (w, "created", container->created_ms);
    kata_json_write__bool (w, "terminal", container->terminal);
    if (container->exit_status >= 0)
      kata_json_write__int (w, "exit_status", container->exit_status);
    kata_json_write__end_object (w);
  }
  kata_json_write__end_array (w);
}

static void
write_pids (struct kata_json_writer *w, kata_sandbox *sandbox, const kata_sandbox_state *state, int real)
{
  int64_t pids[PIDS_MAX];
  size_t n = 0;
  g_autoptr (kata_machine) machine = NULL;
  if (real != KATA_STATE_CREATED && real != KATA_STATE_STOPPED &&
      kata_sandbox__machine (&machine, sandbox, state, NULL) == 0)
    n = kata_vm__pids (kata_machine__vm (machine), pids, PIDS_MAX);
  kata_json_write__begin_array (w, "pids");
  for (size_t i = 0; i < n && pids[i] != 0; i++)
    kata_json_write__int (w, NULL, pids[i]);
  kata_json_write__end_array (w);
}

static const kata_vm_nic *
find_nic (const kata_sandbox_state *state, const char *name)
{
  for (const kata_vm_nic *const *nic = state->plan.vm.nics; nic != NULL && *nic != NULL; nic++)
    if (strcmp ((*nic)->name, name) == 0)
      return *nic;
  return NULL;
}

static void
write_interface (struct kata_json_writer *w, const kata_sandbox_state *state,
                 const struct kata_net_interface *interface)
{
  const kata_vm_nic *nic = find_nic (state, interface->name);
  kata_json_write__begin_object (w, NULL);
  kata_json_write__string (w, "name", interface->name);
  kata_json_write__string (w, "kind", interface->kind);
  kata_json_write__string (w, "mac", interface->mac);
  kata_json_write__uint (w, "mtu", interface->mtu);
  if (nic != NULL) {
    kata_json_write__string (w, "device", nic->device);
    kata_json_write__uint (w, "queues", nic->queues);
    kata_json_write__bool (w, "vhost", nic->vhost != 0);
  }
  kata_json_write__begin_array (w, "addresses");
  for (size_t i = 0; i < interface->n_addresses; i++) {
    g_autofree char *text = g_strdup_printf ("%s/%u", interface->addresses[i].address, interface->addresses[i].prefix);
    kata_json_write__string (w, NULL, text);
  }
  kata_json_write__end_array (w);
  kata_json_write__end_object (w);
}

/* As the guest was told. */
static void
write_network (struct kata_json_writer *w, const kata_sandbox_state *state)
{
  const struct kata_net *net = &state->network;
  kata_json_write__begin_object (w, "network");
  kata_json_write__begin_array (w, "interfaces");
  for (size_t i = 0; i < net->n_interfaces; i++)
    write_interface (w, state, &net->interfaces[i]);
  kata_json_write__end_array (w);
  kata_json_write__begin_array (w, "routes");
  for (size_t i = 0; i < net->n_routes; i++) {
    kata_json_write__begin_object (w, NULL);
    kata_json_write__string (w, "dest", net->routes[i].dest[0] != '\0' ? net->routes[i].dest : "default");
    kata_json_write__string (w, "gateway", net->routes[i].gateway);
    kata_json_write__string (w, "device", net->routes[i].device);
    kata_json_write__end_object (w);
  }
  kata_json_write__end_array (w);
  kata_json_write__end_object (w);
}

static void
write_size (struct kata_json_writer *w, const kata_sandbox_state *state)
{
  kata_json_write__begin_object (w, "size");
  kata_json_write__uint (w, "vcpus", kata_state__vcpus (state));
  kata_json_write__uint (w, "max_vcpus", state->plan.vm.max_vcpus);
  kata_json_write__uint (w, "memory_mib", kata_state__memory_mib (state));
  kata_json_write__uint (w, "max_memory_mib", state->plan.vm.max_memory_mib);
  if (state->asked_vcpus != 0)
    kata_json_write__uint (w, "asked_vcpus", state->asked_vcpus);
  if (state->asked_memory_mib != 0)
    kata_json_write__uint (w, "asked_memory_mib", state->asked_memory_mib);
  kata_json_write__end_object (w);
}

int
kata_sandbox__inspect (char **json, kata_sandbox *sandbox, kata_error **err)
{
  g_autoptr (kata_sandbox_state) state = NULL;
  int r = kata_sandbox__load (&state, sandbox, err);
  if (r != 0)
    return r;
  int real = kata_sandbox__real_state (sandbox, state);
  struct kata_json_writer w;
  kata_json_write__init (&w, false);
  kata_json_write__begin_object (&w, NULL);
  kata_json_write__string (&w, "id", state->id);
  kata_json_write__string (&w, "state", kata_state__name (real));
  g_autofree char *ended = real == KATA_STATE_STOPPED ? kata_sandbox__why_ended (sandbox, state) : g_strdup ("");
  if (ended[0] != '\0')
    kata_json_write__string (&w, "ended", ended);
  kata_json_write__string (&w, "hypervisor", state->plan.hypervisor);
  kata_json_write__string (&w, "directory", sandbox->dir);
  write_time (&w, "created", state->created_ms);
  write_pids (&w, sandbox, state, real);
  write_containers (&w, state, real);
  write_size (&w, state);
  write_network (&w, state);
  kata_json_write__begin_array (&w, "timing");
  for (size_t i = 0; i < state->n_timing; i++) {
    kata_json_write__begin_object (&w, NULL);
    kata_json_write__string (&w, "name", state->timing[i].name);
    kata_json_write__int (&w, "us", state->timing[i].us);
    kata_json_write__end_object (&w);
  }
  kata_json_write__end_array (&w);
  g_autofree char *plan = kata_plan__to_json (&state->plan);
  kata_json_write__raw (&w, "plan", g_strstrip (plan));
  kata_json_write__end_object (&w);
  *json = kata_json_write__finish (&w);
  return 0;
}
