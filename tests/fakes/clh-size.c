/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clh-size: what vmm/src/{cpu,memory_manager,vm}.rs and virtio-devices/src/mem.rs of version 52 do and refuse. */
#include "clh-size.h"

#include <stdio.h>

#define STEP    (G_GUINT64_CONSTANT (128) << 20)
#define BLOCK   (G_GUINT64_CONSTANT (2) << 20)
#define SLOTS   8
#define LATE_US (3 * G_USEC_PER_SEC)

static bool
is (const struct fake_fault *fault, const char *action, const char *how)
{
  return fault->action != NULL && g_str_equal (fault->action, action) && g_str_equal (fault->how, how);
}

static guint64
number (JsonObject *object, const char *name)
{
  return (guint64) json_object_get_int_member_with_default (object, name, 0);
}

char *
clh_size_begin (struct clh_size *size, JsonNode *config, const struct fake_fault *fault)
{
  JsonObject *root = json_node_get_object (config);
  JsonObject *cpus = json_object_get_object_member (root, "cpus"),
             *memory = json_object_get_object_member (root, "memory");
  const char *method = json_object_get_string_member_with_default (memory, "hotplug_method", "Acpi");
  *size = (struct clh_size){ .max_vcpus = number (cpus, "max_vcpus"),
                             .said_vcpus = number (cpus, "boot_vcpus"),
                             .vcpus = number (cpus, "boot_vcpus"),
                             .boot = number (memory, "size"),
                             .size = number (memory, "size"),
                             .room = number (memory, "hotplug_size"),
                             .requested = number (memory, "hotplugged_size"),
                             .plugged = number (memory, "hotplugged_size"),
                             .virtio_mem = g_str_equal (method, "VirtioMem"),
                             .fault = fault };
  if (size->vcpus < 1 || size->max_vcpus < size->vcpus)
    return g_strdup ("Max CPUs are fewer than boot CPUs");
  if (json_object_has_member (memory, "hotplug_size") && size->room == 0)
    return g_strdup ("Invalid hotplug size");
  return size->virtio_mem && size->room % BLOCK != 0 ? g_strdup ("region_size is not aligned on block_size") : NULL;
}

/* Of what may go, or is late to. */
static bool
may_go (const struct clh_size *size, const char *action)
{
  if (is (size->fault, action, "late"))
    return g_get_monotonic_time () - size->asked_us >= LATE_US;
  return !is (size->fault, action, "hang") && !is (size->fault, action, "ignored");
}

static void
settle_memory (struct clh_size *size)
{
  const char *action = size->requested > size->plugged ? "plug" : "unplug-memory";
  if (size->requested == size->plugged || !may_go (size, action))
    return;
  if (is (size->fault, action, "slow"))
    size->plugged -= BLOCK;
  else if (is (size->fault, action, "part"))
    size->plugged = MIN (size->plugged, MAX (size->requested, size->room / 2));
  else
    size->plugged = size->requested;
}

void
clh_size_settle (struct clh_size *size, struct null_guest *guest)
{
  if (guest == NULL)
    return;
  if (size->leaving > 0 && may_go (size, "unplug")) {
    size->vcpus -= size->leaving;
    size->leaving = 0;
  }
  settle_memory (size);
  fake_machine_size (guest, (unsigned) size->vcpus);
}

static char *
change_vcpus (struct clh_size *size, guint64 wanted)
{
  if (wanted != size->vcpus && wanted < 1)
    return g_strdup ("Requested zero vCPUs");
  if (wanted != size->vcpus && size->leaving > 0)
    return g_strdup (CLH_SIZE_BUSY);
  if (wanted > size->max_vcpus)
    return g_strdup ("Requested vCPUs exceed maximum");
  if (wanted < size->vcpus) {
    size->leaving = size->vcpus - wanted;
    size->asked_us = g_get_monotonic_time ();
    if (is (size->fault, "unplug", "ignored"))
      fprintf (stderr, "Ignoring guest request to eject vCPU 1 not marked for removal by the VMM\n");
  }
  size->vcpus = MAX (wanted, size->vcpus);
  size->said_vcpus = wanted;
  return NULL;
}

static char *
change_virtio_mem (struct clh_size *size, guint64 wanted)
{
  if (wanted < size->boot)
    return g_strdup ("Cannot resize below the boot size");
  if (size->room == 0)
    return g_strdup ("Missing virtio-mem handler");
  if (wanted - size->boot == size->requested)
    return g_strdup ("new size and requested_size are identical");
  if (wanted - size->boot > size->room || (wanted - size->boot) % BLOCK != 0)
    return g_strdup ("new size is bigger than region_size, or not aligned");
  size->requested = wanted - size->boot;
  size->asked_us = g_get_monotonic_time ();
  return NULL;
}

/* Less is only written down. */
static char *
change_memory (struct clh_size *size, guint64 wanted, struct null_guest *guest)
{
  if (size->virtio_mem)
    return change_virtio_mem (size, wanted);
  if (wanted > size->size && guest != NULL) {
    if (size->slots >= SLOTS)
      return g_strdup ("No ACPI slot available");
    if ((wanted - size->size) % STEP != 0)
      return g_strdup ("The requested hotplug memory addition is not a valid size");
    if (wanted - size->boot > size->room)
      return g_strdup ("Not enough space in the hotplug RAM region");
    size->slots++;
  }
  size->size = wanted;
  return NULL;
}

char *
clh_size_change (struct clh_size *size, JsonObject *resize, struct null_guest *guest)
{
  char *why = NULL;
  if (json_object_has_member (resize, "desired_vcpus"))
    why = change_vcpus (size, number (resize, "desired_vcpus"));
  if (why == NULL && json_object_has_member (resize, "desired_ram"))
    why = change_memory (size, number (resize, "desired_ram"), guest);
  if (guest != NULL)
    fake_machine_size (guest, (unsigned) size->vcpus);
  return why;
}

/* Hostile ones, for "size:HOW": numbers that cannot be, of a wrong kind, none at all. */
static bool
lie (const struct clh_size *size, char **config, char **info)
{
  static const struct {
    const char *how, *config, *info;
  } lies[] = {
    { "none", "", "" },
    { "text", "\"cpus\":{\"boot_vcpus\":\"1\"},\"memory\":{\"size\":[]},", "\"memory_actual_size\":{}," },
    { "negative", "\"cpus\":{\"boot_vcpus\":-1},\"memory\":{\"size\":-268435456},", "\"memory_actual_size\":-1," },
    { "small", "\"cpus\":{\"boot_vcpus\":1},\"memory\":{\"size\":1048576},", "\"memory_actual_size\":1048576," },
    { "huge",
      "\"cpus\":{\"boot_vcpus\":4294967297},\"memory\":{\"size\":18446744073709551615,\"hotplugged_size\":"
      "18446744073709551615},",
      "\"memory_actual_size\":18446744073709551615," },
    { "float", "\"cpus\":{\"boot_vcpus\":1.5},\"memory\":{\"size\":1e400},", "\"memory_actual_size\":0.1," },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (lies); i++)
    if (is (size->fault, "size", lies[i].how)) {
      *config = g_strdup (lies[i].config);
      *info = g_strdup (lies[i].info);
      return true;
    }
  return false;
}

void
clh_size_info (const struct clh_size *size, char **config, char **info)
{
  if (lie (size, config, info))
    return;
  g_autofree char *later = size->requested > 0 ? g_strdup_printf ("%" G_GUINT64_FORMAT, size->requested) : NULL;
  *config = g_strdup_printf ("\"cpus\":{\"boot_vcpus\":%" G_GUINT64_FORMAT ",\"max_vcpus\":%" G_GUINT64_FORMAT "},"
                             "\"memory\":{\"size\":%" G_GUINT64_FORMAT ",\"hotplugged_size\":%s},",
                             size->said_vcpus, size->max_vcpus, size->size, later != NULL ? later : "null");
  *info = g_strdup_printf ("\"memory_actual_size\":%" G_GUINT64_FORMAT ",", size->size + size->plugged);
}

void
clh_size_write (const struct clh_size *size, JsonNode *config)
{
  JsonObject *root = json_node_get_object (config), *memory = json_object_get_object_member (root, "memory");
  json_object_set_int_member (json_object_get_object_member (root, "cpus"), "boot_vcpus", (gint64) size->said_vcpus);
  json_object_set_int_member (memory, "size", (gint64) size->size);
  if (size->requested > 0)
    json_object_set_int_member (memory, "hotplugged_size", (gint64) size->requested);
}
