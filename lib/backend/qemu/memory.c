/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory: a DIMM put into a running machine, or its virtio-mem device told another size; and the wait until the guest has taken it. */
#include "backend/qemu/resize.h"

#include <string.h>
#include <sys/resource.h>

#include "backend/external-memory.h"
#include "backend/qemu/builder.h"
#include "base/error.h"

#define MIB     (UINT64_C (1) << 20)
#define TAKE_MS 30000 /* how long the guest may take to take what came */
#define STEP_MS 50
#define UNDO_MS 2000
#define ENTRIES 1024u
/* ACPI: _OST's word for a device that came, and what says that it is under way. */
#define OST_CAME        1u
#define OST_IN_PROGRESS 0x80u

struct kata_qemu_room
kata_qemu__room (const kata_vm_plan *p)
{
  return (struct kata_qemu_room){
    .memory_mib = p->memory_mib,
    .max_memory_mib = p->max_memory_mib,
    .slots = (uint32_t) MIN (p->memory_slots, KATA_QEMU_SLOTS_MAX),
    .virtio_mem = p->virtio_mem != 0,
    .memfd = kata_qemu__has_backend (p),
    .hugepages = p->hugepages != 0,
    .prealloc = p->prealloc != 0,
  };
}

const char *
kata_qemu__memory_type (bool memfd)
{
  return memfd ? "memory-backend-memfd" : "memory-backend-ram";
}

void
kata_qemu__dimm_arguments (char **back, char **dimm, const struct kata_qemu_room *room, uint32_t n, uint64_t mib)
{
  *back =
      g_strdup_printf ("{\"qom-type\":\"%s\",\"id\":\"" KATA_QEMU_DIMM_BACK "\",\"size\":%" G_GUINT64_FORMAT "%s%s%s}",
                       kata_qemu__memory_type (room->memfd), n, mib * MIB, room->memfd ? ",\"share\":true" : "",
                       room->hugepages ? ",\"hugetlb\":true" : "", room->prealloc ? ",\"prealloc\":true" : "");
  *dimm = g_strdup_printf (
      "{\"driver\":\"pc-dimm\",\"id\":\"" KATA_QEMU_DIMM "\",\"memdev\":\"" KATA_QEMU_DIMM_BACK "\"}", n, n);
}

/* What came: its size in all, how many DIMMs, and the lowest number that none of them has. */
struct came {
  uint64_t bytes;
  uint32_t dimms, free;
};

static const char *
text_of (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);
  bool text = node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING;
  return text ? json_node_get_string (node) : "";
}

static bool
has_dimm (JsonArray *devices, uint32_t n)
{
  g_autofree char *id = g_strdup_printf (KATA_QEMU_DIMM, n);
  for (guint i = 0; i < json_array_get_length (devices); i++) {
    JsonNode *data = json_object_get_member (json_array_get_object_element (devices, i), "data");
    if (data != NULL && JSON_NODE_HOLDS_OBJECT (data) && strcmp (text_of (json_node_get_object (data), "id"), id) == 0)
      return true;
  }
  return false;
}

static int
count (struct came *came, JsonArray *devices, kata_error **err)
{
  *came = (struct came){ .free = 1 };
  for (guint i = 0; i < json_array_get_length (devices); i++) {
    JsonNode *data = json_object_get_member (json_array_get_object_element (devices, i), "data");
    const char *type = text_of (json_array_get_object_element (devices, i), "type");
    uint64_t size;
    if (strcmp (type, "dimm") != 0 && strcmp (type, "virtio-mem") != 0) /* an image */
      continue;
    if (data == NULL || !JSON_NODE_HOLDS_OBJECT (data) ||
        !kata_qemu__number (json_node_get_object (data), "size", &size) ||
        __builtin_add_overflow (came->bytes, size, &came->bytes))
      return kata_error__set (err, KATA_E_PROTOCOL, "qemu", "qemu: a memory device has no size");
    came->dimms += strcmp (type, "dimm") == 0;
  }
  while (has_dimm (devices, came->free))
    came->free++;
  return 0;
}

static int
look (struct came *came, kata_qmp *qmp, int64_t deadline_us, kata_error **err)
{
  static const char command[] = "query-memory-devices";
  g_autoptr (JsonNode) result = NULL;
  JsonArray *devices = NULL;
  int code = kata_qmp__execute (qmp, command, NULL, &result, deadline_us, err);
  if (code == 0)
    code = kata_qemu__objects (&devices, result, command, ENTRIES, err);
  return code == 0 ? count (came, devices, err) : code;
}

/* How many DIMMs the guest has not yet spoken of; it speaks through ACPI's _OST. */
static int
count_untaken (uint32_t *out, kata_qmp *qmp, int64_t deadline_us, kata_error **err)
{
  static const char command[] = "query-acpi-ospm-status";
  g_autoptr (JsonNode) result = NULL;
  JsonArray *slots = NULL;
  int code = kata_qmp__execute (qmp, command, NULL, &result, deadline_us, err);
  if (code == 0)
    code = kata_qemu__objects (&slots, result, command, ENTRIES, err);
  if (code < 0)
    return code;
  *out = 0;
  for (guint i = 0; i < json_array_get_length (slots); i++) {
    JsonObject *slot = json_array_get_object_element (slots, i);
    const char *device = text_of (slot, "device");
    uint64_t source = 0, status = 0;
    if (!g_str_has_prefix (device, "dimm"))
      continue;
    if (!kata_qemu__number (slot, "source", &source) || !kata_qemu__number (slot, "status", &status))
      return kata_error__set (err, KATA_E_PROTOCOL, "qemu", "qemu: what it says of slot \"%s\" is unusable", device);
    if (source == OST_CAME && status != 0 && status != OST_IN_PROGRESS)
      return kata_error__set (err, KATA_E_GUEST, "memory_mib",
                              "\"%s\": the guest refuses the memory (status %" G_GUINT64_FORMAT
                              " of ACPI's _OST); see its console",
                              device, status);
    *out += source != OST_CAME || status != 0;
  }
  return 0;
}

static int
wait_taken (kata_qemu_vm *vm, kata_qmp *qmp, int64_t deadline_us, kata_error **err)
{
  int64_t until = kata_deadline__within (deadline_us, TAKE_MS);
  for (;;) {
    uint32_t untaken = 0;
    int code = count_untaken (&untaken, qmp, until, err);
    if (code < 0 || untaken == 0)
      return code;
    if (kata_external_vm__ended (&vm->base))
      return kata_external_vm__ended_error (&vm->base, "add memory", err);
    if (!kata_external__pause (vm->base.vmm.pidfd, STEP_MS, until))
      return kata_error__set (err, KATA_E_TIMEOUT, "memory_mib",
                              "the guest did not take the memory that came within %d ms; its kernel needs "
                              "CONFIG_ACPI_HOTPLUG_MEMORY",
                              TAKE_MS);
  }
}

/* The VMM's files are bounded, for its logs' sake; what backs memory is one too. */
static int
add_back (kata_qemu_vm *vm, kata_qmp *qmp, const char *back, int64_t deadline_us, kata_error **err)
{
  pid_t pid = (pid_t) vm->base.vmm.identity.pid;
  struct rlimit bounded;
  bool lift = !kata_external_vm__ended (&vm->base) && prlimit (pid, RLIMIT_FSIZE, NULL, &bounded) == 0 &&
              bounded.rlim_cur < bounded.rlim_max;
  if (lift) {
    const struct rlimit lifted = { bounded.rlim_max, bounded.rlim_max };
    prlimit (pid, RLIMIT_FSIZE, &lifted, NULL);
  }
  int code = kata_qmp__execute (qmp, "object-add", back, NULL, deadline_us, err);
  if (lift && !kata_external_vm__ended (&vm->base))
    prlimit (pid, RLIMIT_FSIZE, &bounded, NULL);
  return code;
}

static int
add_dimm (kata_qemu_vm *vm, kata_qmp *qmp, const struct came *came, uint64_t mib, int64_t deadline_us, kata_error **err)
{
  const struct kata_qemu_room *room = &vm->room;
  g_autofree char *back = NULL, *dimm = NULL;
  if (came->dimms >= room->slots)
    return kata_error__set (err, KATA_E_LIMIT, "hypervisor.qemu.memory_slots",
                            "hypervisor.qemu.memory_slots: memory came %u times, more is not possible; set it higher "
                            "for the next sandbox",
                            came->dimms);
  kata_qemu__dimm_arguments (&back, &dimm, room, came->free, mib);
  int code = add_back (vm, qmp, back, deadline_us, err);
  if (code < 0)
    return code;
  code = kata_qmp__execute (qmp, "device_add", dimm, NULL, deadline_us, err);
  if (code < 0) {
    g_autofree char *id = g_strdup_printf ("{\"id\":\"" KATA_QEMU_DIMM_BACK "\"}", came->free);
    kata_qmp__execute (qmp, "object-del", id, NULL, kata_deadline__within (INT64_MAX, UNDO_MS), NULL);
  }
  return code;
}

/* Up to the next step; never less than there is. */
static int
by_dimm (kata_qemu_vm *vm, kata_qmp *qmp, uint64_t mib, struct came *came, int64_t deadline_us, kata_error **err)
{
  uint64_t there = vm->room.memory_mib + came->bytes / MIB;
  int code = 0;
  if (mib > there) {
    uint64_t more = (mib - there + KATA_QEMU_STEP_MIB - 1) / KATA_QEMU_STEP_MIB * KATA_QEMU_STEP_MIB;
    code = add_dimm (vm, qmp, came, more, deadline_us, err);
  }
  if (code == 0)
    code = wait_taken (vm, qmp, deadline_us, err);
  return code == 0 ? look (came, qmp, deadline_us, err) : code;
}

/* The guest plugs and unplugs by itself, up to what it is told. */
static int
by_virtio_mem (kata_qemu_vm *vm, kata_qmp *qmp, uint64_t mib, struct came *came, int64_t deadline_us, kata_error **err)
{
  uint64_t wanted = (mib - MIN (mib, vm->room.memory_mib)) * MIB, step = KATA_QEMU_STEP_MIB * MIB;
  wanted = (wanted + step - 1) / step * step;
  struct kata_external_memory memory;
  g_autofree char *arguments = g_strdup_printf ("{\"path\":\"/machine/peripheral/" KATA_QEMU_VMEM
                                                "\",\"property\":\"requested-size\",\"value\":%" G_GUINT64_FORMAT "}",
                                                wanted);
  int code = kata_qmp__execute (qmp, "qom-set", arguments, NULL, deadline_us, err);
  kata_external_memory__begin (&memory, wanted, came->bytes, deadline_us);
  while (code == 0 && came->bytes != wanted) {
    if (kata_external_vm__ended (&vm->base))
      return kata_external_vm__ended_error (&vm->base, "change the memory", err);
    if (!kata_external_memory__wait (&memory, vm->base.vmm.pidfd))
      return kata_external_memory__short (&memory, err);
    kata_error *error = NULL;
    code = look (came, qmp, deadline_us, &error);
    if (code < 0)
      return kata_external_memory__late (&memory, code, error, err);
    kata_external_memory__saw (&memory, came->bytes);
  }
  return code;
}

int
kata_qemu__resize_memory (void *handle, uint64_t mib, uint64_t *now, const kata_backend_env *env, kata_error **err)
{
  kata_qemu_vm *vm = handle;
  struct came came;
  g_autoptr (kata_qmp) qmp = NULL;
  if (kata_external_vm__ended (&vm->base))
    return kata_external_vm__ended_error (&vm->base, "change the memory", err);
  int code = kata_qmp__open (&qmp, vm->base.dir_fd, vm->base.vmm.pidfd, env->deadline_us, err);
  if (code == 0)
    code = look (&came, qmp, env->deadline_us, err);
  bool looked = code == 0;
  if (code == 0)
    code = (vm->room.virtio_mem ? by_virtio_mem : by_dimm) (vm, qmp, mib, &came, env->deadline_us, err);
  if (code == 0 || (code == KATA_E_TIMEOUT && looked && vm->room.virtio_mem)) /* part of it came or went */
    *now = vm->room.memory_mib + came.bytes / MIB;
  return code;
}

int
kata_qemu__tell_memory (uint64_t *mib, kata_qemu_vm *vm, kata_qmp *qmp, int64_t deadline_us, kata_error **err)
{
  struct came came;
  int code = look (&came, qmp, deadline_us, err);
  if (code == 0)
    *mib = vm->room.memory_mib + came.bytes / MIB;
  return code;
}
