/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linux-json: namespaces, devices, seccomp and paths; which namespaces exist is the guest's decision. */
#include "linux-json.h"

#include "mem.h"

static void
write_id_mappings (struct kata_json_writer *json, const char *key, Grpc__LinuxIDMapping *const *maps, size_t count)
{
  if (count == 0)
    return;
  kata_json_write__begin_array (json, key);
  for (size_t i = 0; i < count; i++) {
    kata_json_write__begin_object (json, NULL);
    kata_json_write__uint (json, "hostID", maps[i]->hostid);
    kata_json_write__uint (json, "containerID", maps[i]->containerid);
    kata_json_write__uint (json, "size", maps[i]->size);
    kata_json_write__end_object (json);
  }
  kata_json_write__end_array (json);
}

static void
write_namespace (struct kata_json_writer *json, const char *type, const char *path)
{
  kata_json_write__begin_object (json, NULL);
  kata_json_write__string (json, "type", type);
  if (path)
    kata_json_write__string (json, "path", path);
  kata_json_write__end_object (json);
}

/*
 * The VM is the pod: its containers share the guest's network, host name and IPC, so those namespaces are not made anew, and
 * paths in the specification are the host's and mean nothing here. But a container with users of its own has no right to the guest's
 * IPC, and could not even mount mqueue: it gets its own.
 */
static int
write_namespaces (struct kata_json_writer *json, const Grpc__Linux *linux_, const struct spec_place *place,
                  struct fault *fault)
{
  static const char *const shared[] = { "network", "uts", "ipc", "time" };
  int pid = 0, user = 0, cgroup = 0, ipc = 0;
  for (size_t i = 0; linux_ && i < linux_->n_namespaces; i++) {
    const char *type = linux_->namespaces[i]->type;
    int known = text_is (type, "mount");
    pid |= text_is (type, "pid");
    user |= text_is (type, "user");
    ipc |= text_is (type, "ipc");
    cgroup |= text_is (type, "cgroup");
    for (size_t k = 0; k < sizeof shared / sizeof shared[0]; k++)
      known |= text_is (type, shared[k]);
    if (!known && !text_is (type, "pid") && !text_is (type, "user") && !text_is (type, "cgroup"))
      return fault_set (fault, TTRPC_INVALID_ARGUMENT, "linux.namespaces: unknown type \"%.40s\"", text_of (type));
  }
  kata_json_write__begin_array (json, "namespaces");
  write_namespace (json, "mount", NULL);
  if (pid || place->pidns_path)
    write_namespace (json, "pid", place->pidns_path);
  if (user)
    write_namespace (json, "user", NULL);
  if (user && ipc)
    write_namespace (json, "ipc", NULL);
  if (cgroup)
    write_namespace (json, "cgroup", NULL);
  kata_json_write__end_array (json);
  return 0;
}

static void
write_devices (struct kata_json_writer *json, const Grpc__Linux *linux_)
{
  if (linux_->n_devices == 0)
    return;
  kata_json_write__begin_array (json, "devices");
  for (size_t i = 0; i < linux_->n_devices; i++) {
    const Grpc__LinuxDevice *device = linux_->devices[i];
    kata_json_write__begin_object (json, NULL);
    kata_json_write__string (json, "path", device->path);
    kata_json_write__string (json, "type", device->type);
    kata_json_write__int (json, "major", device->major);
    kata_json_write__int (json, "minor", device->minor);
    if (device->filemode)
      kata_json_write__uint (json, "fileMode", device->filemode);
    kata_json_write__uint (json, "uid", device->uid);
    kata_json_write__uint (json, "gid", device->gid);
    kata_json_write__end_object (json);
  }
  kata_json_write__end_array (json);
}

static void
write_seccomp_args (struct kata_json_writer *json, const Grpc__LinuxSyscall *call)
{
  if (call->n_args == 0)
    return;
  kata_json_write__begin_array (json, "args");
  for (size_t i = 0; i < call->n_args; i++) {
    kata_json_write__begin_object (json, NULL);
    kata_json_write__uint (json, "index", call->args[i]->index);
    kata_json_write__uint (json, "value", call->args[i]->value);
    kata_json_write__uint (json, "valueTwo", call->args[i]->valuetwo);
    kata_json_write__string (json, "op", call->args[i]->op);
    kata_json_write__end_object (json);
  }
  kata_json_write__end_array (json);
}

static void
write_seccomp (struct kata_json_writer *json, const Grpc__LinuxSeccomp *seccomp)
{
  kata_json_write__begin_object (json, "seccomp");
  kata_json_write__string (json, "defaultAction", seccomp->defaultaction);
  json_file_strings (json, "architectures", seccomp->architectures, seccomp->n_architectures);
  json_file_strings (json, "flags", seccomp->flags, seccomp->n_flags);
  kata_json_write__begin_array (json, "syscalls");
  for (size_t i = 0; i < seccomp->n_syscalls; i++) {
    const Grpc__LinuxSyscall *call = seccomp->syscalls[i];
    kata_json_write__begin_object (json, NULL);
    json_file_strings (json, "names", call->names, call->n_names);
    kata_json_write__string (json, "action", call->action);
    if (call->has_errnoret && call->errnoret)
      kata_json_write__uint (json, "errnoRet", call->errnoret);
    write_seccomp_args (json, call);
    kata_json_write__end_object (json);
  }
  kata_json_write__end_array (json);
  kata_json_write__end_object (json);
}

int
linux_json (struct kata_json_writer *json, const Grpc__Linux *linux_, const struct spec_place *place,
            struct fault *fault)
{
  kata_json_write__begin_object (json, "linux");
  if (write_namespaces (json, linux_, place, fault) < 0)
    return -1;
  if (place->cgroups_path)
    kata_json_write__string (json, "cgroupsPath", place->cgroups_path);
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
      kata_json_write__string (json, "rootfsPropagation", linux_->rootfspropagation);
    json_file_strings (json, "maskedPaths", linux_->maskedpaths, linux_->n_maskedpaths);
    json_file_strings (json, "readonlyPaths", linux_->readonlypaths, linux_->n_readonlypaths);
  }
  kata_json_write__end_object (json);
  return 0;
}
