/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resources-json: the "resources" object; a zero means "not set", as it does in the protocol. */
#include "linux-json.h"

#include "mem.h"

static void
set_int (struct kata_json_writer *json, const char *key, int64_t value)
{
  if (value)
    kata_json_write__int (json, key, value);
}

static void
set_uint (struct kata_json_writer *json, const char *key, uint64_t value)
{
  if (value)
    kata_json_write__uint (json, key, value);
}

/* A major number of 0 or below is the wildcard, and so is a minor number of -1. */
static void
write_device_rules (struct kata_json_writer *json, const Grpc__LinuxResources *resources)
{
  if (resources->n_devices == 0)
    return;
  kata_json_write__begin_array (json, "devices");
  for (size_t i = 0; i < resources->n_devices; i++) {
    const Grpc__LinuxDeviceCgroup *rule = resources->devices[i];
    const char *type = text_of (rule->type);
    kata_json_write__begin_object (json, NULL);
    kata_json_write__bool (json, "allow", rule->allow);
    if (*type)
      kata_json_write__string (json, "type", type);
    if (rule->major > 0 && !text_is (type, "a")) {
      kata_json_write__int (json, "major", rule->major);
      if (rule->minor >= 0)
        kata_json_write__int (json, "minor", rule->minor);
    }
    if (text_of (rule->access)[0])
      kata_json_write__string (json, "access", rule->access);
    kata_json_write__end_object (json);
  }
  kata_json_write__end_array (json);
}

static void
write_memory (struct kata_json_writer *json, const Grpc__LinuxMemory *memory)
{
  kata_json_write__begin_object (json, "memory");
  set_int (json, "limit", memory->limit);
  set_int (json, "reservation", memory->reservation);
  set_int (json, "swap", memory->swap);
  set_int (json, "kernel", memory->kernel);
  set_int (json, "kernelTCP", memory->kerneltcp);
  set_uint (json, "swappiness", memory->swappiness);
  if (memory->disableoomkiller)
    kata_json_write__bool (json, "disableOOMKiller", 1);
  kata_json_write__end_object (json);
}

static void
write_cpu (struct kata_json_writer *json, const Grpc__LinuxCPU *cpu)
{
  kata_json_write__begin_object (json, "cpu");
  set_uint (json, "shares", cpu->shares);
  set_int (json, "quota", cpu->quota);
  set_uint (json, "period", cpu->period);
  set_int (json, "realtimeRuntime", cpu->realtimeruntime);
  set_uint (json, "realtimePeriod", cpu->realtimeperiod);
  if (text_of (cpu->cpus)[0])
    kata_json_write__string (json, "cpus", cpu->cpus);
  if (text_of (cpu->mems)[0])
    kata_json_write__string (json, "mems", cpu->mems);
  kata_json_write__end_object (json);
}

static void
write_throttles (struct kata_json_writer *json, const char *key, Grpc__LinuxThrottleDevice *const *devices,
                 size_t count)
{
  if (count == 0)
    return;
  kata_json_write__begin_array (json, key);
  for (size_t i = 0; i < count; i++) {
    kata_json_write__begin_object (json, NULL);
    kata_json_write__int (json, "major", devices[i]->major);
    kata_json_write__int (json, "minor", devices[i]->minor);
    kata_json_write__uint (json, "rate", devices[i]->rate);
    kata_json_write__end_object (json);
  }
  kata_json_write__end_array (json);
}

static void
write_block_io (struct kata_json_writer *json, const Grpc__LinuxBlockIO *io)
{
  kata_json_write__begin_object (json, "blockIO");
  set_uint (json, "weight", io->weight);
  set_uint (json, "leafWeight", io->leafweight);
  if (io->n_weightdevice > 0) {
    kata_json_write__begin_array (json, "weightDevice");
    for (size_t i = 0; i < io->n_weightdevice; i++) {
      kata_json_write__begin_object (json, NULL);
      kata_json_write__int (json, "major", io->weightdevice[i]->major);
      kata_json_write__int (json, "minor", io->weightdevice[i]->minor);
      set_uint (json, "weight", io->weightdevice[i]->weight);
      set_uint (json, "leafWeight", io->weightdevice[i]->leafweight);
      kata_json_write__end_object (json);
    }
    kata_json_write__end_array (json);
  }
  write_throttles (json, "throttleReadBpsDevice", io->throttlereadbpsdevice, io->n_throttlereadbpsdevice);
  write_throttles (json, "throttleWriteBpsDevice", io->throttlewritebpsdevice, io->n_throttlewritebpsdevice);
  write_throttles (json, "throttleReadIOPSDevice", io->throttlereadiopsdevice, io->n_throttlereadiopsdevice);
  write_throttles (json, "throttleWriteIOPSDevice", io->throttlewriteiopsdevice, io->n_throttlewriteiopsdevice);
  kata_json_write__end_object (json);
}

static void
write_hugepages (struct kata_json_writer *json, const Grpc__LinuxResources *resources)
{
  if (resources->n_hugepagelimits == 0)
    return;
  kata_json_write__begin_array (json, "hugepageLimits");
  for (size_t i = 0; i < resources->n_hugepagelimits; i++) {
    kata_json_write__begin_object (json, NULL);
    kata_json_write__string (json, "pageSize", resources->hugepagelimits[i]->pagesize);
    kata_json_write__uint (json, "limit", resources->hugepagelimits[i]->limit);
    kata_json_write__end_object (json);
  }
  kata_json_write__end_array (json);
}

void
resources_json (struct kata_json_writer *json, const char *key, const Grpc__LinuxResources *resources)
{
  kata_json_write__begin_object (json, key);
  write_device_rules (json, resources);
  if (resources->memory)
    write_memory (json, resources->memory);
  if (resources->cpu)
    write_cpu (json, resources->cpu);
  if (resources->pids && resources->pids->limit) {
    kata_json_write__begin_object (json, "pids");
    kata_json_write__int (json, "limit", resources->pids->limit);
    kata_json_write__end_object (json);
  }
  if (resources->blockio)
    write_block_io (json, resources->blockio);
  write_hugepages (json, resources);
  kata_json_write__end_object (json);
}
