/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resources-json: the "resources" object; a zero means "not set", as it does in the protocol. */
#include "linux-json.h"

#include "mem.h"

static void
set_int (struct json *json, const char *key, int64_t value)
{
  if (value)
    json_int (json, key, value);
}

static void
set_uint (struct json *json, const char *key, uint64_t value)
{
  if (value)
    json_uint (json, key, value);
}

/* A major number of 0 or below is the wildcard, and so is a minor number of -1. */
static void
write_device_rules (struct json *json, const Grpc__LinuxResources *resources)
{
  if (resources->n_devices == 0)
    return;
  json_open_array (json, "devices");
  for (size_t i = 0; i < resources->n_devices; i++) {
    const Grpc__LinuxDeviceCgroup *rule = resources->devices[i];
    const char *type = text_of (rule->type);
    json_open_object (json, NULL);
    json_bool (json, "allow", rule->allow);
    if (*type)
      json_string (json, "type", type);
    if (rule->major > 0 && !text_is (type, "a")) {
      json_int (json, "major", rule->major);
      if (rule->minor >= 0)
        json_int (json, "minor", rule->minor);
    }
    if (text_of (rule->access)[0])
      json_string (json, "access", rule->access);
    json_close_object (json);
  }
  json_close_array (json);
}

static void
write_memory (struct json *json, const Grpc__LinuxMemory *memory)
{
  json_open_object (json, "memory");
  set_int (json, "limit", memory->limit);
  set_int (json, "reservation", memory->reservation);
  set_int (json, "swap", memory->swap);
  set_int (json, "kernel", memory->kernel);
  set_int (json, "kernelTCP", memory->kerneltcp);
  set_uint (json, "swappiness", memory->swappiness);
  if (memory->disableoomkiller)
    json_bool (json, "disableOOMKiller", 1);
  json_close_object (json);
}

static void
write_cpu (struct json *json, const Grpc__LinuxCPU *cpu)
{
  json_open_object (json, "cpu");
  set_uint (json, "shares", cpu->shares);
  set_int (json, "quota", cpu->quota);
  set_uint (json, "period", cpu->period);
  set_int (json, "realtimeRuntime", cpu->realtimeruntime);
  set_uint (json, "realtimePeriod", cpu->realtimeperiod);
  if (text_of (cpu->cpus)[0])
    json_string (json, "cpus", cpu->cpus);
  if (text_of (cpu->mems)[0])
    json_string (json, "mems", cpu->mems);
  json_close_object (json);
}

static void
write_throttles (struct json *json, const char *key, Grpc__LinuxThrottleDevice *const *devices, size_t count)
{
  if (count == 0)
    return;
  json_open_array (json, key);
  for (size_t i = 0; i < count; i++) {
    json_open_object (json, NULL);
    json_int (json, "major", devices[i]->major);
    json_int (json, "minor", devices[i]->minor);
    json_uint (json, "rate", devices[i]->rate);
    json_close_object (json);
  }
  json_close_array (json);
}

static void
write_block_io (struct json *json, const Grpc__LinuxBlockIO *io)
{
  json_open_object (json, "blockIO");
  set_uint (json, "weight", io->weight);
  set_uint (json, "leafWeight", io->leafweight);
  if (io->n_weightdevice > 0) {
    json_open_array (json, "weightDevice");
    for (size_t i = 0; i < io->n_weightdevice; i++) {
      json_open_object (json, NULL);
      json_int (json, "major", io->weightdevice[i]->major);
      json_int (json, "minor", io->weightdevice[i]->minor);
      set_uint (json, "weight", io->weightdevice[i]->weight);
      set_uint (json, "leafWeight", io->weightdevice[i]->leafweight);
      json_close_object (json);
    }
    json_close_array (json);
  }
  write_throttles (json, "throttleReadBpsDevice", io->throttlereadbpsdevice, io->n_throttlereadbpsdevice);
  write_throttles (json, "throttleWriteBpsDevice", io->throttlewritebpsdevice, io->n_throttlewritebpsdevice);
  write_throttles (json, "throttleReadIOPSDevice", io->throttlereadiopsdevice, io->n_throttlereadiopsdevice);
  write_throttles (json, "throttleWriteIOPSDevice", io->throttlewriteiopsdevice, io->n_throttlewriteiopsdevice);
  json_close_object (json);
}

static void
write_hugepages (struct json *json, const Grpc__LinuxResources *resources)
{
  if (resources->n_hugepagelimits == 0)
    return;
  json_open_array (json, "hugepageLimits");
  for (size_t i = 0; i < resources->n_hugepagelimits; i++) {
    json_open_object (json, NULL);
    json_string (json, "pageSize", resources->hugepagelimits[i]->pagesize);
    json_uint (json, "limit", resources->hugepagelimits[i]->limit);
    json_close_object (json);
  }
  json_close_array (json);
}

void
resources_json (struct json *json, const char *key, const Grpc__LinuxResources *resources)
{
  json_open_object (json, key);
  write_device_rules (json, resources);
  if (resources->memory)
    write_memory (json, resources->memory);
  if (resources->cpu)
    write_cpu (json, resources->cpu);
  if (resources->pids && resources->pids->limit) {
    json_open_object (json, "pids");
    json_int (json, "limit", resources->pids->limit);
    json_close_object (json);
  }
  if (resources->blockio)
    write_block_io (json, resources->blockio);
  write_hugepages (json, resources);
  json_close_object (json);
}
