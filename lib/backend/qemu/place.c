/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* place: where on the guest's PCI buses a disk is, for those whose serial number is their server's. */
#include "backend/qemu/disk.h"

#include "backend/qemu/argv.h"
#include "backend/qemu/hotplug.h"
#include "base/error.h"

#define DEPTH_MAX 8
#define SLOT_MAX  31
#define FN_MAX    7

static JsonObject *
object_in (JsonObject *object, const char *name)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, name) : NULL;
  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static JsonArray *
array_in (JsonObject *object, const char *name)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, name) : NULL;
  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

static const char *
text_in (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);
  return node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;
}

/* From 0 to @max, else -1. */
static int
number_in (JsonObject *object, const char *name, int max)
{
  JsonNode *node = json_object_get_member (object, name);
  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_INT64)
    return -1;
  gint64 value = json_node_get_int (node);
  return value >= 0 && value <= max ? (int) value : -1;
}

/* Depth is bounded here and by the parser, the rest by the length of a reply. */
static bool
walk (GString *path, JsonArray *devices, const char *wanted, int depth)
{
  gsize before = path->len;
  for (guint i = 0; devices != NULL && depth < DEPTH_MAX && i < json_array_get_length (devices); i++) {
    JsonNode *node = json_array_get_element (devices, i);
    JsonObject *device = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
    int slot = device != NULL ? number_in (device, "slot", SLOT_MAX) : -1;
    int function = device != NULL ? number_in (device, "function", FN_MAX) : -1;
    if (slot < 0 || function < 0)
      continue;
    g_string_append_printf (path, "%s%02x", before != 0 ? "/" : "", (unsigned) slot);
    if (function != 0)
      g_string_append_printf (path, ".%d", function);
    if (g_strcmp0 (text_in (device, "qdev_id"), wanted) == 0 ||
        walk (path, array_in (object_in (device, "pci_bridge"), "devices"), wanted, depth + 1))
      return true;
    g_string_truncate (path, before);
  }
  return false;
}

int
kata_qemu__find_place (char **path, JsonNode *reply, const char *device, kata_error **err)
{
  g_autoptr (GString) text = g_string_new (NULL);
  JsonArray *buses = JSON_NODE_HOLDS_ARRAY (reply) ? json_node_get_array (reply) : NULL;
  for (guint i = 0; buses != NULL && i < json_array_get_length (buses); i++) {
    JsonNode *node = json_array_get_element (buses, i);
    /* The guest's agent starts from the first. */
    if (JSON_NODE_HOLDS_OBJECT (node) && number_in (json_node_get_object (node), "bus", 0) == 0 &&
        walk (text, array_in (json_node_get_object (node), "devices"), device, 0)) {
      *path = g_strdup (text->str);
      return 0;
    }
  }
  return kata_error__set (err, KATA_E_PROTOCOL, device, "QEMU does not tell where on its PCI buses \"%s\" is", device);
}

int
kata_qemu__place (void *handle, const kata_vm_disk *disk, char **path, const kata_backend_env *env, kata_error **err)
{
  g_autoptr (kata_qmp) qmp = NULL;
  g_autoptr (JsonNode) reply = NULL;
  g_autofree char *name =
      disk->port != 0 ? kata_qemu__disk_name (disk) : g_strconcat (KATA_QEMU_VHOST_DISK, disk->id, NULL);
  int code = kata_qemu__open_qmp (&qmp, handle, "find a disk", env->deadline_us, err);
  if (code == 0)
    code = kata_qmp__execute (qmp, "query-pci", NULL, &reply, env->deadline_us, err);
  return code < 0 ? code : kata_qemu__find_place (path, reply, name, err);
}
