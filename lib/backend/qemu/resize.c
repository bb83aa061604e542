/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resize: vCPUs of a running machine: those that QEMU says can still come, and those that came that way. Memory is in memory.c. */
#include "backend/qemu/resize.h"

#include <string.h>

#include "base/error.h"

#define CPUS_MAX   1024u
#define PROPS_MAX  16u
#define RELEASE_MS 20000 /* how long the guest may take to let go of one */
#define LOOK_MS    200

/* What is there: how many, which can come, which came. */
struct cpus {
  uint32_t there;
  JsonArray *entries;
  JsonNode *root; /* holds the entries */
};

static void
cpus_clear (struct cpus *cpus)
{
  g_clear_pointer (&cpus->root, json_node_unref);
}

bool
kata_qemu__number (JsonObject *object, const char *name, uint64_t *out)
{
  JsonNode *node = json_object_get_member (object, name);
  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_INT64 ||
      json_node_get_int (node) < 0)
    return false;
  *out = (uint64_t) json_node_get_int (node);
  return true;
}

int
kata_qemu__objects (JsonArray **out, JsonNode *result, const char *command, guint max, kata_error **err)
{
  bool good =
      result != NULL && JSON_NODE_HOLDS_ARRAY (result) && json_array_get_length (json_node_get_array (result)) <= max;
  for (guint i = 0; good && i < json_array_get_length (json_node_get_array (result)); i++)
    good = JSON_NODE_HOLDS_OBJECT (json_array_get_element (json_node_get_array (result), i));
  if (!good)
    return kata_error__set (err, KATA_E_PROTOCOL, "qemu", "qemu: what it answers to %s is no list of objects", command);
  *out = json_node_get_array (result);
  return 0;
}

/* "" where there is none: the vCPU can come. */
static const char *
path_of (JsonNode *entry)
{
  JsonNode *node = json_object_get_member (json_node_get_object (entry), "qom-path");
  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
    return "";
  return json_node_get_string (node);
}

static int
look (struct cpus *cpus, kata_qmp *qmp, int64_t deadline_us, kata_error **err)
{
  static const char command[] = "query-hotpluggable-cpus";
  cpus_clear (cpus);
  int code = kata_qmp__execute (qmp, command, NULL, &cpus->root, deadline_us, err);
  if (code == 0)
    code = kata_qemu__objects (&cpus->entries, cpus->root, command, CPUS_MAX, err);
  if (code < 0)
    return code;
  cpus->there = 0;
  for (guint i = 0; i < json_array_get_length (cpus->entries); i++)
    cpus->there += path_of (json_array_get_element (cpus->entries, i))[0] != '\0';
  return 0;
}

/* QEMU's own words about where it goes, back to it. */
char *
kata_qemu__cpu_arguments (JsonNode *entry, uint32_t n)
{
  JsonObject *object = json_node_get_object (entry);
  JsonNode *type = json_object_get_member (object, "type"), *props = json_object_get_member (object, "props");
  if (type == NULL || !JSON_NODE_HOLDS_VALUE (type) || json_node_get_value_type (type) != G_TYPE_STRING ||
      props == NULL || !JSON_NODE_HOLDS_OBJECT (props) ||
      json_object_get_size (json_node_get_object (props)) > PROPS_MAX)
    return NULL;
  g_autoptr (JsonObject) arguments = json_object_new ();
  g_autofree char *id = g_strdup_printf (KATA_QEMU_CPU, n);
  g_autoptr (GList) names = json_object_get_members (json_node_get_object (props));
  for (GList *name = names; name != NULL; name = name->next) {
    uint64_t value;
    if (!kata_qemu__number (json_node_get_object (props), name->data, &value))
      return NULL;
    json_object_set_int_member (arguments, name->data, (gint64) value);
  }
  json_object_set_string_member (arguments, "driver", json_node_get_string (type));
  json_object_set_string_member (arguments, "id", id);
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  json_node_set_object (root, arguments);
  return json_to_string (root, FALSE);
}

/* QEMU lists them from the last to the first; the first free one comes. */
static int
add_one (const struct cpus *cpus, kata_qmp *qmp, int64_t deadline_us, kata_error **err)
{
  guint count = json_array_get_length (cpus->entries);
  for (guint n = 0; n < count; n++) {
    JsonNode *entry = json_array_get_element (cpus->entries, count - 1 - n);
    if (path_of (entry)[0] != '\0')
      continue;
    g_autofree char *arguments = kata_qemu__cpu_arguments (entry, n);
    if (arguments == NULL)
      return kata_error__set (err, KATA_E_PROTOCOL, "qemu", "qemu: what it says of a vCPU that could come is unusable");
    return kata_qmp__execute (qmp, "device_add", arguments, NULL, deadline_us, err);
  }
  return kata_error__set (err, KATA_E_LIMIT, "vcpus", "qemu: no more than %u vCPUs are possible", cpus->there);
}

/* Those that came go, the last first: of those from the start the guest may need each. */
static const char *
last_that_came (const struct cpus *cpus)
{
  static const char came[] = "/machine/peripheral/";
  for (guint i = 0; i < json_array_get_length (cpus->entries); i++) {
    const char *path = path_of (json_array_get_element (cpus->entries, i));
    if (g_str_has_prefix (path, came))
      return path + strlen (came);
  }
  return NULL;
}

/* The guest is asked and has to answer. */
static int
remove_one (struct cpus *cpus, kata_qmp *qmp, const char *name, int64_t deadline_us, kata_error **err)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  json_object_set_string_member (object, "id", name);
  json_node_set_object (root, object);
  g_autofree char *arguments = json_to_string (root, FALSE), *id = g_strdup (name);
  int64_t until = kata_deadline__within (deadline_us, RELEASE_MS);
  uint32_t before = cpus->there;
  int code = 0;
  while (code == 0 && cpus->there >= before) {
    if (kata_deadline__now () >= until)
      return kata_error__set (err, KATA_E_TIMEOUT, "vcpus", "vCPU \"%s\": the guest did not let go of it within %d ms",
                              id, RELEASE_MS);
    /* Refused while an earlier request is under way. */
    kata_qmp__execute (qmp, "device_del", arguments, NULL, until, NULL);
    kata_qmp__wait_event (qmp, "DEVICE_DELETED", kata_deadline__within (until, LOOK_MS), NULL);
    code = look (cpus, qmp, deadline_us, err);
  }
  return code;
}

static int
change (struct cpus *cpus, kata_qmp *qmp, uint32_t vcpus, int64_t deadline_us, kata_error **err)
{
  int code = look (cpus, qmp, deadline_us, err);
  while (code == 0 && cpus->there < vcpus) {
    uint32_t before = cpus->there;
    code = add_one (cpus, qmp, deadline_us, err);
    if (code == 0)
      code = look (cpus, qmp, deadline_us, err);
    if (code == 0 && cpus->there <= before)
      code = kata_error__set (err, KATA_E_PROTOCOL, "qemu", "qemu: it took a vCPU and does not show it");
  }
  while (code == 0 && cpus->there > vcpus && last_that_came (cpus) != NULL)
    code = remove_one (cpus, qmp, last_that_came (cpus), deadline_us, err);
  return code;
}

static int
resize_vcpus (void *handle, uint32_t vcpus, uint32_t *now, const kata_backend_env *env, kata_error **err)
{
  kata_qemu_vm *vm = handle;
  struct cpus cpus = { 0 };
  g_autoptr (kata_qmp) qmp = NULL;
  if (kata_external_vm__ended (&vm->base))
    return kata_external_vm__ended_error (&vm->base, "change the number of vCPUs", err);
  int code = kata_qmp__open (&qmp, vm->base.dir_fd, vm->base.vmm.pidfd, env->deadline_us, err);
  if (code == 0)
    code = change (&cpus, qmp, vcpus, env->deadline_us, err);
  if (code == 0)
    *now = cpus.there;
  cpus_clear (&cpus);
  return code;
}

static int
tell (void *handle, uint32_t *vcpus, uint64_t *mib, const kata_backend_env *env, kata_error **err)
{
  kata_qemu_vm *vm = handle;
  struct cpus cpus = { 0 };
  g_autoptr (kata_qmp) qmp = NULL;
  if (kata_external_vm__ended (&vm->base))
    return kata_external_vm__ended_error (&vm->base, "tell its size", err);
  int code = kata_qmp__open (&qmp, vm->base.dir_fd, vm->base.vmm.pidfd, env->deadline_us, err);
  if (code == 0)
    code = look (&cpus, qmp, env->deadline_us, err);
  if (code == 0)
    code = kata_qemu__tell_memory (mib, vm, qmp, env->deadline_us, err);
  if (code == 0)
    *vcpus = cpus.there;
  cpus_clear (&cpus);
  return code;
}

const kata_backend_resize kata_qemu__resize = { sizeof (kata_backend_resize), resize_vcpus, kata_qemu__resize_memory,
                                                tell };
