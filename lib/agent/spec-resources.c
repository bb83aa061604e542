/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spec-resources: limits as the agent's message. What the protocol has no field for, planning has warned about. */
#include "agent/message.h"
#include "agent/spec.h"

static Grpc__LinuxDeviceCgroup *
make_rule (kata_arena *arena, const struct kata_oci_device_rule *rule)
{
  Grpc__LinuxDeviceCgroup *m = kata_message__new (arena, Grpc__LinuxDeviceCgroup, grpc__linux_device_cgroup__init);
  kata_message__set (m, allow, rule->allow);
  m->type = (char *) (rule->type != NULL ? rule->type : "a");
  m->access = (char *) (rule->access != NULL ? rule->access : "rwm");
  /* -1 = all */
  kata_message__set (m, major, rule->major.have ? rule->major.value : -1);
  kata_message__set (m, minor, rule->minor.have ? rule->minor.value : -1);
  return m;
}

static Grpc__LinuxMemory *
make_memory (kata_arena *arena, const struct kata_oci_memory *memory)
{
  if (!memory->have)
    return NULL;
  Grpc__LinuxMemory *m = kata_message__new (arena, Grpc__LinuxMemory, grpc__linux_memory__init);
  kata_message__set_optional (m, limit, memory->limit);
  kata_message__set_optional (m, reservation, memory->reservation);
  kata_message__set_optional (m, swap, memory->swap);
  kata_message__set_optional (m, kernel, memory->kernel);
  kata_message__set_optional (m, kerneltcp, memory->kernel_tcp);
  kata_message__set_optional (m, swappiness, memory->swappiness);
  kata_message__set_optional (m, disableoomkiller, memory->disable_oom_killer);
  return m;
}

static Grpc__LinuxCPU *
make_cpu (kata_arena *arena, const struct kata_oci_cpu *cpu)
{
  if (!cpu->have)
    return NULL;
  Grpc__LinuxCPU *m = kata_message__new (arena, Grpc__LinuxCPU, grpc__linux_cpu__init);
  kata_message__set_optional (m, shares, cpu->shares);
  kata_message__set_optional (m, quota, cpu->quota);
  kata_message__set_optional (m, period, cpu->period);
  kata_message__set_optional (m, realtimeruntime, cpu->realtime_runtime);
  kata_message__set_optional (m, realtimeperiod, cpu->realtime_period);
  m->cpus = (char *) cpu->cpus;
  m->mems = (char *) cpu->mems;
  return m;
}

static Grpc__LinuxPids *
make_pids (kata_arena *arena, struct kata_oci_i64 limit)
{
  if (!limit.have)
    return NULL;
  Grpc__LinuxPids *m = kata_message__new (arena, Grpc__LinuxPids, grpc__linux_pids__init);
  kata_message__set (m, limit, limit.value);
  return m;
}

Grpc__LinuxResources *
kata_agent_spec__resources (kata_arena *arena, const kata_oci_resources *resources)
{
  Grpc__LinuxResources *m = kata_message__new (arena, Grpc__LinuxResources, grpc__linux_resources__init);
  m->n_devices = resources->n_devices;
  m->devices = kata_arena__new0 (arena, Grpc__LinuxDeviceCgroup *, m->n_devices);
  for (size_t i = 0; i < m->n_devices; i++)
    m->devices[i] = make_rule (arena, &resources->devices[i]);
  m->memory = make_memory (arena, &resources->memory);
  m->cpu = make_cpu (arena, &resources->cpu);
  m->pids = make_pids (arena, resources->pids_limit);
  return m;
}
