/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* counters: what QEMU counts of its disks, and KVM of the machine; over QMP. */
#include "backend/qemu/vm.h"

#include <string.h>

#include "backend/qmp.h"
#include "base/error.h"
#include "base/json-write.h"

#define LIST_MAX 64u

static JsonArray *
as_array (JsonNode *node)
{
  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

static JsonObject *
element (JsonArray *array, guint i)
{
  JsonNode *node = json_array_get_element (array, i);
  return JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static const char *
text_of (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);
  bool text = node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING;
  return text ? json_node_get_string (node) : "";
}

static void
write_number (struct kata_json_writer *w, const char *name, JsonNode *node)
{
  if (node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64 &&
      json_node_get_int (node) >= 0)
    kata_json_write__int (w, name, json_node_get_int (node));
}

/* Of a disk: {"device":"","qdev":"/machine/…/disk0/virtio-backend","node-name":"…","stats":{"rd_bytes":1,…}} */
static void
write_disk (struct kata_json_writer *w, JsonObject *disk, guint number)
{
  JsonNode *stats = json_object_get_member (disk, "stats");
  const char *names[] = { text_of (disk, "device"), text_of (disk, "node-name"), text_of (disk, "qdev") };
  g_autofree char *name = g_strdup_printf ("disk%u", number);
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i][0] != '\0') {
      g_free (name);
      name = g_strdup (names[i]);
      break;
    }
  if (stats == NULL || !JSON_NODE_HOLDS_OBJECT (stats))
    return;
  JsonObjectIter iter;
  const char *member;
  JsonNode *value;
  g_autofree char *prefixed = g_strconcat ("block:", name, NULL);
  kata_json_write__begin_object (w, prefixed);
  json_object_iter_init (&iter, json_node_get_object (stats));
  while (json_object_iter_next (&iter, &member, &value))
    write_number (w, member, value);
  kata_json_write__end_object (w);
}

/* Of the machine: {"provider":"kvm","stats":[{"name":"…","value":1},…]} */
static void
write_provider (struct kata_json_writer *w, JsonObject *provider)
{
  JsonArray *stats = as_array (json_object_get_member (provider, "stats"));
  if (stats == NULL)
    return;
  kata_json_write__begin_object (w, text_of (provider, "provider"));
  for (guint i = 0; i < json_array_get_length (stats); i++) {
    JsonObject *one = element (stats, i);
    if (one != NULL && text_of (one, "name")[0] != '\0')
      write_number (w, text_of (one, "name"), json_object_get_member (one, "value"));
  }
  kata_json_write__end_object (w);
}

static int
ask (struct kata_json_writer *w, kata_qmp *qmp, int64_t deadline_us, kata_error **err)
{
  g_autoptr (JsonNode) disks = NULL;
  g_autoptr (JsonNode) machine = NULL;
  JsonArray *list;
  int code = kata_qmp__execute (qmp, "query-blockstats", NULL, &disks, deadline_us, err);
  if (code < 0)
    return code;
  list = as_array (disks);
  for (guint i = 0; list != NULL && i < MIN (json_array_get_length (list), LIST_MAX); i++)
    if (element (list, i) != NULL)
      write_disk (w, element (list, i), i);
  /* Of QEMU 7.1 and later; without KVM the list is empty. */
  if (kata_qmp__execute (qmp, "query-stats", "{\"target\":\"vm\"}", &machine, deadline_us, NULL) < 0)
    return 0;
  list = as_array (machine);
  for (guint i = 0; list != NULL && i < MIN (json_array_get_length (list), LIST_MAX); i++)
    if (element (list, i) != NULL)
      write_provider (w, element (list, i));
  return 0;
}

static int
read_counters (void *handle, char **json, const kata_backend_env *env, kata_error **err)
{
  kata_external_vm *vm = handle;
  g_autoptr (kata_qmp) qmp = NULL;
  struct kata_json_writer w;
  if (kata_external_vm__ended (vm))
    return kata_external_vm__ended_error (vm, "read its counters", err);
  int code = kata_qmp__open (&qmp, vm->dir_fd, vm->vmm.pidfd, env->deadline_us, err);
  if (code < 0)
    return code;
  kata_json_write__init (&w, false);
  kata_json_write__begin_object (&w, NULL);
  code = ask (&w, qmp, env->deadline_us, err);
  kata_json_write__end_object (&w);
  *json = kata_json_write__finish (&w);
  if (code < 0)
    g_clear_pointer (json, g_free);
  return code;
}

const kata_backend_counters kata_qemu__counters = { sizeof (kata_backend_counters), read_counters };
