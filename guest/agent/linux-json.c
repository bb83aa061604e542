/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linux-json: namespaces, devices, seccomp and paths; which namespaces exist is the guest's decision. */
#include "linux-json.h"

#include "mem.h"

static void
write_id_mappings (struct json *json, const char *key, Grpc__LinuxIDMapping *const *maps, size_t count)
{
  if (count == 0)
    return;
  json_open_array (json, key);
  for (size_t i = 0; i < count; i++) {
    json_open_object (json, NULL);
    json_uint (json, "hostID", maps[i]->hostid);
    json_uint (json, "containerID", maps[i]->containerid);
    json_uint (json, "size", maps[i]->size);
    json_close_object (json);
  }
  json_close_array (json);
}

static void
write_namespace (struct json *json, const char *type, const char *path)
{
  json_open_object (json, NULL);
  json_string (json, "type", type);
  if (path)
    json_string (json, "path", path);
  json_close_object (json);
}

/*
 * The VM is the pod: its containers share the guest's network, host name and IPC, so those namespaces are not made anew, and
 * paths in the specification are the host's and mean nothing here.
 */
static int
write_namespaces (struct json *json, const Grpc__Linux *linux_, const struct spec_place *place, struct fault *fault)
{
  static const char *const shared[] = { "network", "uts", "ipc", "time" };
  int pid = 0, user = 0, cgroup = 0;
  for (size_t i = 0; linux_ && i < linux_->n_namespaces; i++) {
    const char *type = linux_->namespaces[i]->type;
    int known = text_is (type, "mount");
    pid |= text_is (type, "pid");
    user |= text_is (type, "user");
    cgroup |= text_is (type, "cgroup");
    for (size_t k = 0; k < sizeof shared / sizeof shared[0]; k++)
      known |= text_is (type, shared[k]);
    if (!known && !text_is (type, "pid") && !text_is (type, "user") && !text_is (type, "cgroup"))
      return fault_set (fault, TTRPC_INVALID_ARGUMENT, "linux.namespaces: unknown type \"%.40s\"", text_of (type));
  }
  json_open_array (json, "namespaces");
  write_namespace (json, "mount", NULL);
  if (pid || place->pidns_path)
    write_namespace (json, "pid", place->pidns_path);
  if (user)
    write_namespace (json, "user", NULL);
  if (cgroup)
    write_namespace (json, "cgroup", NULL);
  json_close_array (json);
  return 0;
}

static void
write_devices (struct json *json, const Grpc__Linux *linux_)
{
  if (linux_->n_devices == 0)
    return;
  json_open_array (json, "devices");
  for (size_t i = 0; i < linux_->n_devices; i++) {
    const Grpc__LinuxDevice *device = linux_->devices[i];
    json_open_object (json, NULL);
    json_string (json, "path", device->path);
    json_string (json, "type", device->type);
    json_int (json, "major", device->major);
    json_int (json, "minor", device->minor);
    if (device->filemode)
      json_uint (json, "fileMode", device->filemode);
    json_uint (json, "uid", device->uid);
    json_uint (json, "gid", device->gid);
    json_close_object (json);
  }
  json_close_array (json);
}

static void
write_seccomp_args (struct json *json, const Grpc__LinuxSyscall *call)
{
  if (call->n_args == 0)
    return;
  json_open_array (json, "args");
  for (size_t i = 0; i < call->n_args; i++) {
    json_open_object (json, NULL);
    json_uint (json, "index", call->args[i]->index);
    json_uint (json, "value", call->args[i]->value);
    json_uint (json, "valueTwo", call->args[i]->valuetwo);
    json_string (json, "op", call->args[i]->op);
    json_close_object (json);
  }
  json_close_array (json);
}

static void
write_seccomp (struct json *json, const Grpc__LinuxSeccomp *seccomp)
{
  json_open_object (json, "seccomp");
  json_string (json, "defaultAction", seccomp->defaultaction);
  json_strings (json, "architectures", seccomp->architectures, seccomp->n_architectures);
  json_strings (json, "flags", seccomp->flags, seccomp->n_flags);
  json_open_array (json, "syscalls");
  for (size_t i = 0; i < seccomp->n_syscalls; i++) {
    const Grpc__LinuxSyscall *call = seccomp->syscalls[i];
    json_open_object (json, NULL);
    json_strings (json, "names", call->names, call->n_names);
    json_string (json, "action", call->action);
    if (call->has_errnoret && call->errnoret)
      json_uint (json, "errnoRet", call->errnoret);
    write_seccomp_args (json, call);
    json_close_object (json);
  }
  json_close_array (json);
  json_close_object (json);
}

int
linux_json (struct json *json, const Grpc__Linux *linux_, const struct spec_place *place, struct fault *fault)
{
  json_open_object (json, "linux");
  if (write_namespaces (json, linux_, place, fault) < 0)
    return -1;
  if (place->cgroups_path)
    json_string (json, "cgroupsPath", place->cgroups_path);
  if (linux_) {
    if (linux_->intelrdt && text_of (linux_->intelrdt->l3cacheschema)[0])
      return fault_set (fault, TTRPC_INVALID_ARGUMENT, "linux.intelRdt: a guest has no cache allocation");
    write_id_mappings (json, "uidMappings", linux_->uidmappings, linux_->n_uidmappings);
    write_id_mappings (json, "gidMappings", linux_->gidmappings, linux_->n_gidmappings);
    write_devices (json, linux_);
    if (linux_->resources)
      resources_json (json, "resources", linux_->resources);
    if (linux_->seccomp && text_of (linux_->seccomp->defaultaction)[0])
      write_seccomp (json, linux_->seccomp);
    if (text_of (linux_->rootfspropagation)[0])
      json_string (json, "rootfsPropagation", linux_->rootfspropagation);
    json_strings (json, "maskedPaths", linux_->maskedpaths, linux_->n_maskedpaths);
    json_strings (json, "readonlyPaths", linux_->readonlypaths, linux_->n_readonlypaths);
  }
  json_close_object (json);
  return 0;
}
