/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resize: memory of a running guest comes and goes by virtio-mem, from version 1.14 on; its vCPUs are those of the start. */
#include "backend/fc/vm.h"

#include <inttypes.h>
#include <string.h>

#include "backend/external-memory.h"
#include "base/error.h"
#include "base/json.h"

#define PATH     "/hotplug/memory"
#define MIB      (UINT64_C (1) << 20)
#define STEP_MIB 128u /* what Linux takes memory into use in; Firecracker would take steps of 2 MiB */

/* Those of the start are asked for together with memory. */
static int
resize_vcpus (void *handle, uint32_t vcpus, uint32_t *now, const kata_backend_env *env, kata_error **err)
{
  const kata_fc_vm *vm = handle;
  *now = vm->vcpus;
  return vcpus == vm->vcpus
             ? 0
             : kata_error__set (err, KATA_E_UNSUPPORTED, "vcpus",
                                "Firecracker's guests keep the %u vCPUs that they start with", vm->vcpus);
}

/* Of what can come, in MiB: what it was told last, and what the guest has taken. */
struct came {
  uint64_t asked, plugged;
};

static int
read_came (struct came *came, const char *body, uint64_t room, kata_error **err)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  const kata_json *root = NULL;
  int code = kata_json__parse (&root, arena, body, strlen (body), NULL, KATA_E_PROTOCOL, err);
  if (code < 0)
    return code;
  struct kata_json_reader reader = { .arena = arena, .code = KATA_E_PROTOCOL, .err = err };
  uint64_t total = kata_json__get_u64 (&reader, root, "total_size_mib");
  came->asked = kata_json__get_u64 (&reader, root, "requested_size_mib");
  came->plugged = kata_json__get_u64 (&reader, root, "plugged_size_mib");
  if (reader.result < 0)
    return reader.result;
  if (total != room || came->asked > total || came->plugged > total)
    return kata_error__set (err, KATA_E_PROTOCOL, PATH,
                            "%" PRIu64 " of %" PRIu64 " MiB, asked for %" PRIu64 "; it was given room for %" PRIu64,
                            came->plugged, total, came->asked, room);
  return 0;
}

static int
look (struct came *came, kata_fc_vm *vm, int64_t deadline_us, kata_error **err)
{
  g_autofree char *body = NULL;
  kata_error *error = NULL;
  int code = kata_fc__get (&body, &vm->base, PATH, deadline_us, err);
  if (code < 0)
    return code;
  code = read_came (came, body, vm->room_mib, &error);
  return code == 0 ? 0 : kata_error__wrap (err, error, PATH, "Firecracker, GET " PATH ": no size of memory");
}

static int
ask (kata_fc_vm *vm, uint64_t mib, int64_t deadline_us, kata_error **err)
{
  g_autofree char *body = g_strdup_printf ("{\"requested_size_mib\":%" PRIu64 "}", mib);
  const kata_fc_request request = { .method = "PATCH", .path = (char *) PATH, .body = body };
  return kata_fc__ask (&vm->base, &request, deadline_us, err);
}

/* The guest plugs and unplugs by itself, up to what it is told. */
static int
follow (kata_fc_vm *vm, uint64_t wanted, struct came *came, int64_t deadline_us, kata_error **err)
{
  struct kata_external_memory memory;
  int code = 0;
  kata_external_memory__begin (&memory, wanted * MIB, came->plugged * MIB, deadline_us);
  while (code == 0 && came->plugged != wanted) {
    if (kata_external_vm__ended (&vm->base))
      return kata_external_vm__ended_error (&vm->base, "change the memory", err);
    if (!kata_external_memory__wait (&memory, vm->base.vmm.pidfd))
      return kata_external_memory__short (&memory, err);
    kata_error *error = NULL;
    code = look (came, vm, deadline_us, &error);
    if (code < 0)
      return kata_external_memory__late (&memory, code, error, err);
    kata_external_memory__saw (&memory, came->plugged * MIB);
  }
  return code;
}

/* The caller keeps it between what the start had and what it made room for. */
static int
resize_memory (void *handle, uint64_t mib, uint64_t *now, const kata_backend_env *env, kata_error **err)
{
  kata_fc_vm *vm = handle;
  struct came came;
  uint64_t wanted = (mib - MIN (mib, vm->memory_mib) + STEP_MIB - 1) / STEP_MIB * STEP_MIB;
  if (kata_external_vm__ended (&vm->base))
    return kata_external_vm__ended_error (&vm->base, "change the memory", err);
  int code = look (&came, vm, env->deadline_us, err);
  if (code < 0)
    return code;
  if (came.asked != wanted)
    code = ask (vm, wanted, env->deadline_us, err);
  if (code == 0)
    code = follow (vm, wanted, &came, env->deadline_us, err);
  if (code == 0 || code == KATA_E_TIMEOUT) /* part of it came or went */
    *now = vm->memory_mib + came.plugged;
  return code;
}

static int
tell (void *handle, uint32_t *vcpus, uint64_t *mib, const kata_backend_env *env, kata_error **err)
{
  kata_fc_vm *vm = handle;
  struct came came;
  if (kata_external_vm__ended (&vm->base))
    return kata_external_vm__ended_error (&vm->base, "tell its size", err);
  int code = look (&came, vm, env->deadline_us, err);
  if (code < 0)
    return code;
  *vcpus = vm->vcpus;
  *mib = vm->memory_mib + came.plugged;
  return 0;
}

const kata_backend_resize kata_fc__resize = { sizeof (kata_backend_resize), resize_vcpus, resize_memory, tell };
