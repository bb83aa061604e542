/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resize: vCPUs and memory of a running guest. The VMM takes at once what it is told; what the guest made of it is asked afterwards, where the VMM can tell. */
#include "backend/clh/vm.h"

#include <string.h>

#include "backend/clh/config.h"
#include "backend/external-memory.h"
#include "base/error.h"
#include "base/json.h"

#define ACTION     "vm.resize"
#define MIB        (UINT64_C (1) << 20)
#define STEP_MIB   128u
#define RELEASE_MS 20000 /* how long the guest may take to let go of vCPUs */
#define STEP_MS    50

/* What was asked for last, and what the guest uses: version 51 says the former of both. */
struct size {
  uint64_t vcpus, bytes, later_bytes, used_bytes;
};

static int
read_size (struct size *size, const char *body, uint64_t least_bytes, kata_error **err)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  const kata_json *root = NULL;
  int code = kata_json__parse (&root, arena, body, strlen (body), NULL, KATA_E_PROTOCOL, err);
  if (code < 0)
    return code;
  struct kata_json_reader reader = { .arena = arena, .code = KATA_E_PROTOCOL, .err = err };
  const kata_json *config = kata_json__get_object (&reader, root, "config");
  const kata_json *cpus = kata_json__get_object (&reader, config, "cpus");
  const kata_json *memory = kata_json__get_object (&reader, config, "memory");
  size->vcpus = kata_json__get_u64 (&reader, cpus, "boot_vcpus");
  size->bytes = kata_json__get_u64 (&reader, memory, "size");
  size->later_bytes = kata_json__get_u64 (&reader, memory, "hotplugged_size");
  size->used_bytes = kata_json__get_u64 (&reader, root, "memory_actual_size");
  if (reader.result < 0)
    return reader.result;
  if (size->vcpus == 0 || size->bytes < least_bytes || size->bytes > (uint64_t) INT64_MAX ||
      size->later_bytes > (uint64_t) INT64_MAX)
    return kata_error__set (err, KATA_E_PROTOCOL, "vm.info", "%" G_GUINT64_FORMAT " vCPUs, %" G_GUINT64_FORMAT " bytes",
                            size->vcpus, size->bytes);
  return 0;
}

static int
look (struct size *size, kata_external_vm *vm, int64_t deadline_us, kata_error **err)
{
  g_autofree char *body = NULL;
  int code = kata_clh__get (&body, vm, "vm.info", deadline_us, err);
  if (code < 0)
    return code;
  kata_error *error = NULL;
  code = read_size (size, body, ((kata_clh_vm *) vm)->room.memory_mib * MIB, &error);
  return code == 0 ? 0 : kata_error__wrap (err, error, "vm.info", "Cloud Hypervisor, vm.info: no size of a machine");
}

/* ---- vCPUs ---- */

/*
 * Whether there are as many as was asked for last. The VMM tells of that number only; but as long as some are to go it is busy for any other than that of
 * those which are there, and of those it takes the number without a deed. So the number asked for last can be said again without harm, and no other can:
 * the old one would be taken, the VMM would forget the new one, and the guest lets go later all the same.
 */
static int
ask_settled (kata_external_vm *vm, uint64_t vcpus, bool *settled, int64_t deadline_us, kata_error **err)
{
  g_autofree char *body = g_strdup_printf ("{\"desired_vcpus\":%" G_GUINT64_FORMAT "}", vcpus);
  kata_error *error = NULL;
  int code = kata_clh__put (vm, ACTION, body, NULL, 0, deadline_us, &error);
  *settled = code == 0;
  if (code != 0 && code != KATA_E_BUSY)
    return kata_error__propagate (err, error);
  kata_error_unref (error);
  return 0;
}

/* Builds from after version 53 (commit 3cd8abcd8) want the mark that the guest takes off before it lets go. */
static int
not_gone (kata_external_vm *vm, uint64_t vcpus, kata_error **err)
{
  g_autofree char *log = kata_external__tail (vm->dir_fd, KATA_CLH_LOG, KATA_EXTERNAL_TAIL_MAX);
  bool ignored = strstr (log, "not marked for removal") != NULL;
  return kata_error__set (err, KATA_E_TIMEOUT, "vcpus",
                          "the guest was asked to let go of all vCPUs but %" G_GUINT64_FORMAT
                          ", and in time (%d ms at most) Cloud Hypervisor has not seen it do so; %s",
                          vcpus, RELEASE_MS,
                          ignored
                              ? "its log says that the guest did and that it took no notice, which is a fault of this "
                                "build: its vCPUs cannot be changed any more"
                              : "that cannot be called back: no other number can be set until it has");
}

static int
await_settled (kata_external_vm *vm, uint64_t vcpus, int64_t deadline_us, kata_error **err)
{
  int64_t until = kata_deadline__within (deadline_us, RELEASE_MS);
  for (bool first = true;; first = false) {
    bool settled;
    kata_error *error = NULL;
    int code = ask_settled (vm, vcpus, &settled, deadline_us, &error);
    if (code == KATA_E_TIMEOUT &&
        !first) { /* the last question's answer came too late; the guest is why there was one */
      kata_error_unref (error);
      return not_gone (vm, vcpus, err);
    }
    if (code < 0)
      return kata_error__propagate (err, error);
    if (settled)
      return 0;
    if (!kata_external__pause (vm->vmm.pidfd, STEP_MS, until))
      return not_gone (vm, vcpus, err);
  }
}

static int
resize_vcpus (void *handle, uint32_t vcpus, uint32_t *now, const kata_backend_env *env, kata_error **err)
{
  kata_external_vm *vm = handle;
  struct size size;
  if (kata_external_vm__ended (vm))
    return kata_external_vm__ended_error (vm, "change the number of vCPUs", err);
  int code = look (&size, vm, env->deadline_us, err);
  if (code == 0)
    code = await_settled (vm, size.vcpus, env->deadline_us, err);
  if (code == 0 && vcpus != size.vcpus) {
    g_autofree char *body = g_strdup_printf ("{\"desired_vcpus\":%u}", vcpus);
    code = kata_clh__put (vm, ACTION, body, NULL, 0, env->deadline_us, err);
    if (code == 0 && vcpus < size.vcpus)
      code = await_settled (vm, vcpus, env->deadline_us, err);
  }
  if (code == 0)
    *now = vcpus;
  return code;
}

/* ---- memory ---- */

static int
ask_memory (kata_external_vm *vm, uint64_t bytes, int64_t deadline_us, kata_error **err)
{
  g_autofree char *body = g_strdup_printf ("{\"desired_ram\":%" G_GUINT64_FORMAT "}", bytes);
  return kata_clh__put (vm, ACTION, body, NULL, 0, deadline_us, err);
}

static uint64_t
round_up (uint64_t bytes)
{
  const uint64_t step = STEP_MIB * MIB;
  return (bytes + step - 1) / step * step;
}

/* Each time that memory comes takes a slot, however little it is; there is no number of them to set. */
static int
no_slot (kata_error *refusal, kata_error **err)
{
  int code = kata_error__set (err, KATA_E_LIMIT, "hypervisor.clh.enable_virtio_mem",
                              "%s; memory comes by ACPI 8 times at most, and as often as need be where "
                              "hypervisor.clh.enable_virtio_mem was true at the start",
                              kata_error_get_message (refusal));
  kata_error_unref (refusal);
  return code;
}

/*
 * By ACPI it comes and stays: told less, the VMM would only write that down, for a boot that never comes. It has no word for whether the guest took it.
 * Shared memory is a file, and the VMM's files are bounded for its logs' sake.
 */
static int
by_acpi (kata_external_vm *vm, uint64_t bytes, struct size *size, int64_t deadline_us, kata_error **err)
{
  struct rlimit before;
  kata_error *error = NULL;
  if (bytes <= size->bytes)
    return 0;
  uint64_t wanted = size->bytes + round_up (bytes - size->bytes);
  int code = kata_external__lift_bound (vm->vmm.identity.pid, &before, err);
  if (code < 0)
    return code;
  code = ask_memory (vm, wanted, deadline_us, &error);
  if (!kata_external_vm__ended (vm))
    kata_external__set_bound (vm->vmm.identity.pid, &before);
  if (code == 0)
    size->bytes = wanted;
  else if (code == KATA_E_VMM && strstr (kata_error_get_message (error), "slot") != NULL)
    return no_slot (error, err);
  return code == 0 ? 0 : kata_error__propagate (err, error);
}

static uint64_t
plugged (const struct size *size)
{
  return size->used_bytes - MIN (size->used_bytes, size->bytes);
}

/* The guest plugs and unplugs by itself, up to what it is told; the VMM refuses to tell it the same twice. */
static int
by_virtio_mem (kata_external_vm *vm, uint64_t bytes, struct size *size, int64_t deadline_us, kata_error **err)
{
  struct kata_external_memory memory;
  uint64_t wanted = round_up (bytes - MIN (bytes, size->bytes));
  int code = size->later_bytes != wanted ? ask_memory (vm, size->bytes + wanted, deadline_us, err) : 0;
  if (code == 0)
    code = look (size, vm, deadline_us, err);
  kata_external_memory__begin (&memory, wanted, code == 0 ? plugged (size) : 0, deadline_us);
  while (code == 0 && plugged (size) != wanted) {
    if (kata_external_vm__ended (vm))
      return kata_external_vm__ended_error (vm, "change the memory", err);
    if (!kata_external_memory__wait (&memory, vm->vmm.pidfd))
      return kata_external_memory__short (&memory, err);
    kata_error *error = NULL;
    code = look (size, vm, deadline_us, &error);
    if (code < 0)
      return kata_external_memory__late (&memory, code, error, err);
    kata_external_memory__saw (&memory, plugged (size));
  }
  return code;
}

static uint64_t
memory_mib (kata_external_vm *vm, const struct size *size)
{
  return (size->bytes + (((kata_clh_vm *) vm)->room.virtio_mem ? plugged (size) : 0)) / MIB;
}

static int
resize_memory (void *handle, uint64_t mib, uint64_t *now, const kata_backend_env *env, kata_error **err)
{
  kata_external_vm *vm = handle;
  const bool virtio_mem = ((kata_clh_vm *) vm)->room.virtio_mem;
  struct size size;
  if (kata_external_vm__ended (vm))
    return kata_external_vm__ended_error (vm, "change the memory", err);
  int code = look (&size, vm, env->deadline_us, err);
  bool looked = code == 0;
  if (looked)
    code = (virtio_mem ? by_virtio_mem : by_acpi) (vm, mib * MIB, &size, env->deadline_us, err);
  if (looked && (code == 0 || code == KATA_E_TIMEOUT)) /* part of it came or went */
    *now = memory_mib (vm, &size);
  return code;
}

/* ---- both ---- */

static int
tell (void *handle, uint32_t *vcpus, uint64_t *mib, const kata_backend_env *env, kata_error **err)
{
  kata_external_vm *vm = handle;
  struct size size;
  bool settled;
  if (kata_external_vm__ended (vm))
    return kata_external_vm__ended_error (vm, "tell its size", err);
  int code = look (&size, vm, env->deadline_us, err);
  if (code == 0)
    code = ask_settled (vm, size.vcpus, &settled, env->deadline_us, err);
  if (code < 0)
    return code;
  *vcpus = settled && size.vcpus <= UINT32_MAX ? (uint32_t) size.vcpus : 0;
  *mib = memory_mib (vm, &size);
  return 0;
}

const kata_backend_resize kata_clh__resize = { sizeof (kata_backend_resize), resize_vcpus, resize_memory, tell };
