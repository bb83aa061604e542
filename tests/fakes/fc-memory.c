/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fc-memory: what src/vmm/src/vmm_config/memory_hotplug.rs and devices/virtio/mem of version 1.17 do and refuse. */
#include "fc-memory.h"

#define NAME  "memory-hotplug"
#define BLOCK 2
#define SLOT  128

static gint64
number (JsonObject *object, const char *name, gint64 otherwise)
{
  return json_object_get_int_member_with_default (object, name, otherwise);
}

static JsonObject *
memory_of (JsonObject *machine)
{
  return json_object_has_member (machine, NAME) ? json_object_get_object_member (machine, NAME) : NULL;
}

char *
fc_memory_configure (JsonObject *machine, JsonObject *config)
{
  gint64 total = number (config, "total_size_mib", -1), block = number (config, "block_size_mib", BLOCK),
         slot = number (config, "slot_size_mib", SLOT);
  if (block < BLOCK || (block & (block - 1)) != 0)
    return g_strdup ("Block size must be a power of 2, and not be lower than 2 MiB");
  if (slot < SLOT || slot % block != 0)
    return g_strdup ("Slot size must be a multiple of block size, and not be lower than 128 MiB");
  if (total < slot || total % slot != 0 || total > G_MAXUINT32)
    return g_strdup_printf ("Total size must be a multiple of slot size (%d MiB)", (int) slot);
  JsonObject *memory = json_object_new ();
  json_object_set_int_member (memory, "total_size_mib", total);
  json_object_set_int_member (memory, "block_size_mib", block);
  json_object_set_int_member (memory, "slot_size_mib", slot);
  json_object_set_int_member (memory, "requested_size_mib", 0);
  json_object_set_int_member (memory, "plugged_size_mib", 0);
  json_object_set_object_member (machine, NAME, memory);
  return NULL;
}

char *
fc_memory_update (JsonObject *machine, JsonObject *update)
{
  JsonObject *memory = memory_of (machine);
  gint64 wanted = number (update, "requested_size_mib", -1);
  if (memory == NULL)
    return g_strdup ("Failed to update memory hotplug: the device is not there");
  if (wanted < 0 || wanted % number (memory, "block_size_mib", BLOCK) != 0 ||
      wanted > number (memory, "total_size_mib", 0))
    return g_strdup_printf ("Size %d is invalid: it must be a multiple of block size and not exceed the total size",
                            (int) wanted);
  json_object_set_int_member (memory, "requested_size_mib", wanted);
  return NULL;
}

static bool
is (const struct fake_fault *fault, const char *action, const char *how)
{
  return fault->action != NULL && g_str_equal (fault->action, action) && g_str_equal (fault->how, how);
}

static gint64
settled (gint64 wanted, gint64 plugged, const struct fake_fault *fault)
{
  if (is (fault, wanted > plugged ? "plug" : "unplug", "hang"))
    return plugged;
  if (wanted < plugged && is (fault, "unplug", "slow"))
    return plugged - BLOCK;
  if (wanted < plugged && is (fault, "unplug", "part"))
    return MIN (plugged, MAX (wanted, SLOT));
  return wanted;
}

static const char *
lie (const struct fake_fault *fault)
{
  static const struct {
    const char *how, *status;
  } lies[] = {
    { "none", "{}" },
    { "array", "[1,2]" },
    { "text", "{\"total_size_mib\":\"640\",\"requested_size_mib\":0,\"plugged_size_mib\":0}" },
    { "negative", "{\"total_size_mib\":640,\"requested_size_mib\":0,\"plugged_size_mib\":-128}" },
    { "huge", "{\"total_size_mib\":640,\"requested_size_mib\":0,\"plugged_size_mib\":18446744073709551615}" },
    { "more", "{\"total_size_mib\":640,\"requested_size_mib\":0,\"plugged_size_mib\":768}" },
    { "other", "{\"total_size_mib\":1280,\"requested_size_mib\":0,\"plugged_size_mib\":0}" },
    { "float", "{\"total_size_mib\":6.4e2,\"requested_size_mib\":0,\"plugged_size_mib\":0.5}" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (lies); i++)
    if (is (fault, "size", lies[i].how))
      return lies[i].status;
  return NULL;
}

char *
fc_memory_tell (char **status, JsonObject *machine, const struct fake_fault *fault)
{
  JsonObject *memory = memory_of (machine);
  if (memory == NULL)
    return g_strdup ("Failed to get memory hotplug status: the device is not there");
  json_object_set_int_member (
      memory, "plugged_size_mib",
      settled (number (memory, "requested_size_mib", 0), number (memory, "plugged_size_mib", 0), fault));
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), memory);
  *status = lie (fault) != NULL ? g_strdup (lie (fault)) : json_to_string (node, FALSE);
  return NULL;
}
