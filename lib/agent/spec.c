/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spec: a planned specification as the agent's message. Hooks are not sent: planning has dropped them. */
#include "agent/spec.h"

#include "agent/message.h"

static Grpc__Mount **
make_mounts (kata_arena *arena, const kata_oci_spec *spec)
{
  Grpc__Mount **list = kata_arena__new0 (arena, Grpc__Mount *, spec->n_mounts);
  for (size_t i = 0; i < spec->n_mounts; i++) {
    const struct kata_oci_mount *mount = &spec->mounts[i];
    Grpc__Mount *m = kata_message__new (arena, Grpc__Mount, grpc__mount__init);
    m->destination = (char *) mount->destination;
    m->source = (char *) mount->source;
    m->type = (char *) mount->type;
    kata_message__strv (m, options, mount->options);
    list[i] = m;
  }
  return list;
}

static Grpc__Root *
make_root (kata_arena *arena, const kata_oci_spec *spec)
{
  Grpc__Root *m = kata_message__new (arena, Grpc__Root, grpc__root__init);
  m->path = (char *) spec->root_path;
  kata_message__set (m, readonly, spec->root_readonly);
  return m;
}

static Grpc__LinuxIDMapping **
make_mappings (kata_arena *arena, const struct kata_oci_id_mapping *mappings, size_t n)
{
  Grpc__LinuxIDMapping **list = kata_arena__new0 (arena, Grpc__LinuxIDMapping *, n);
  for (size_t i = 0; i < n; i++) {
    Grpc__LinuxIDMapping *m = kata_message__new (arena, Grpc__LinuxIDMapping, grpc__linux_idmapping__init);
    kata_message__set (m, containerid, mappings[i].container_id);
    kata_message__set (m, hostid, mappings[i].host_id);
    kata_message__set (m, size, mappings[i].size);
    list[i] = m;
  }
  return list;
}

static void
set_namespaces (kata_arena *arena, Grpc__Linux *out, const struct kata_oci_linux *linux_)
{
  out->n_namespaces = linux_->n_namespaces;
  out->namespaces = kata_arena__new0 (arena, Grpc__LinuxNamespace *, linux_->n_namespaces);
  for (size_t i = 0; i < linux_->n_namespaces; i++) {
    Grpc__LinuxNamespace *m = kata_message__new (arena, Grpc__LinuxNamespace, grpc__linux_namespace__init);
    m->type = (char *) linux_->namespaces[i].type;
    m->path = (char *) linux_->namespaces[i].path;
    out->namespaces[i] = m;
  }
}

static void
set_devices (kata_arena *arena, Grpc__Linux *out, const struct kata_oci_linux *linux_)
{
  out->n_devices = linux_->n_devices;
  out->devices = kata_arena__new0 (arena, Grpc__LinuxDevice *, linux_->n_devices);
  for (size_t i = 0; i < linux_->n_devices; i++) {
    const struct kata_oci_device *device = &linux_->devices[i];
    Grpc__LinuxDevice *m = kata_message__new (arena, Grpc__LinuxDevice, grpc__linux_device__init);
    m->path = (char *) device->path;
    m->type = (char *) device->type;
    kata_message__set (m, major, device->major);
    kata_message__set (m, minor, device->minor);
    /* 0666 is what the specification's runtimes make of an absent mode. */
    kata_message__set (m, filemode, device->file_mode.have ? (uint32_t) device->file_mode.value : 0666);
    kata_message__set (m, uid, (uint32_t) device->uid.value);
    kata_message__set (m, gid, (uint32_t) device->gid.value);
    out->devices[i] = m;
  }
}

static Grpc__LinuxSyscall *
make_syscall (kata_arena *arena, const struct kata_oci_seccomp_rule *rule)
{
  Grpc__LinuxSyscall *m = kata_message__new (arena, Grpc__LinuxSyscall, grpc__linux_syscall__init);
  kata_message__strv (m, names, rule->names);
  m->action = (char *) rule->action;
  if (rule->errno_ret.have)
    kata_message__set (m, errnoret, (uint32_t) rule->errno_ret.value);
  m->n_args = rule->n_args;
  m->args = kata_arena__new0 (arena, Grpc__LinuxSeccompArg *, rule->n_args);
  for (size_t i = 0; i < rule->n_args; i++) {
    Grpc__LinuxSeccompArg *arg = kata_message__new (arena, Grpc__LinuxSeccompArg, grpc__linux_seccomp_arg__init);
    kata_message__set (arg, index, rule->args[i].index);
    kata_message__set (arg, value, rule->args[i].value);
    kata_message__set (arg, valuetwo, rule->args[i].value_two);
    arg->op = (char *) rule->args[i].op;
    m->args[i] = arg;
  }
  return m;
}

static Grpc__LinuxSeccomp *
make_seccomp (kata_arena *arena, const struct kata_oci_seccomp *seccomp)
{
  if (!seccomp->have)
    return NULL;
  Grpc__LinuxSeccomp *m = kata_message__new (arena, Grpc__LinuxSeccomp, grpc__linux_seccomp__init);
  m->defaultaction = (char *) seccomp->default_action;
  kata_message__strv (m, architectures, seccomp->architectures);
  kata_message__strv (m, flags, seccomp->flags);
  m->n_syscalls = seccomp->n_rules;
  m->syscalls = kata_arena__new0 (arena, Grpc__LinuxSyscall *, seccomp->n_rules);
  for (size_t i = 0; i < seccomp->n_rules; i++)
    m->syscalls[i] = make_syscall (arena, &seccomp->rules[i]);
  return m;
}

static Grpc__Linux *
make_linux (kata_arena *arena, const struct kata_oci_linux *linux_)
{
  Grpc__Linux *m = kata_message__new (arena, Grpc__Linux, grpc__linux__init);
  m->n_uidmappings = linux_->n_uid_mappings;
  m->uidmappings = make_mappings (arena, linux_->uid_mappings, linux_->n_uid_mappings);
  m->n_gidmappings = linux_->n_gid_mappings;
  m->gidmappings = make_mappings (arena, linux_->gid_mappings, linux_->n_gid_mappings);
  m->n_sysctl = linux_->n_sysctl;
  m->sysctl = kata_arena__new0 (arena, Grpc__Linux__SysctlEntry *, linux_->n_sysctl);
  for (size_t i = 0; i < linux_->n_sysctl; i++) {
    m->sysctl[i] = kata_message__new (arena, Grpc__Linux__SysctlEntry, grpc__linux__sysctl_entry__init);
    m->sysctl[i]->key = (char *) linux_->sysctl[i].name;
    m->sysctl[i]->value = (char *) linux_->sysctl[i].value;
  }
  m->resources = kata_agent_spec__resources (arena, &linux_->resources);
  m->cgroupspath = (char *) linux_->cgroups_path;
  set_namespaces (arena, m, linux_);
  set_devices (arena, m, linux_);
  m->seccomp = make_seccomp (arena, &linux_->seccomp);
  m->rootfspropagation = (char *) linux_->rootfs_propagation;
  kata_message__strv (m, maskedpaths, linux_->masked_paths);
  kata_message__strv (m, readonlypaths, linux_->readonly_paths);
  m->mountlabel = (char *) linux_->mount_label;
  return m;
}

Grpc__Spec *
kata_agent_spec__spec (kata_arena *arena, const kata_oci_spec *spec)
{
  Grpc__Spec *m = kata_message__new (arena, Grpc__Spec, grpc__spec__init);
  m->version = (char *) spec->oci_version;
  m->process = spec->have_process ? kata_agent_spec__process (arena, &spec->process) : NULL;
  m->root = make_root (arena, spec);
  m->hostname = (char *) spec->hostname;
  m->n_mounts = spec->n_mounts;
  m->mounts = make_mounts (arena, spec);
  m->n_annotations = spec->n_annotations;
  m->annotations = kata_arena__new0 (arena, Grpc__Spec__AnnotationsEntry *, spec->n_annotations);
  for (size_t i = 0; i < spec->n_annotations; i++) {
    m->annotations[i] = kata_message__new (arena, Grpc__Spec__AnnotationsEntry, grpc__spec__annotations_entry__init);
    m->annotations[i]->key = (char *) spec->annotations[i].name;
    m->annotations[i]->value = (char *) spec->annotations[i].value;
  }
  m->linux = make_linux (arena, &spec->linux_);
  return m;
}

Grpc__Storage **
kata_agent_spec__storages (kata_arena *arena, const struct kata_storage *storages, size_t n)
{
  Grpc__Storage **list = kata_arena__new0 (arena, Grpc__Storage *, n);
  for (size_t i = 0; i < n; i++) {
    Grpc__Storage *m = kata_message__new (arena, Grpc__Storage, grpc__storage__init);
    m->driver = (char *) storages[i].driver;
    m->source = (char *) storages[i].source;
    m->fstype = (char *) storages[i].fstype;
    m->mount_point = (char *) storages[i].mount_point;
    kata_message__strv (m, options, storages[i].options);
    kata_message__strv (m, driver_options, storages[i].driver_options);
    kata_message__set (m, shared, storages[i].shared);
    list[i] = m;
  }
  return list;
}

/* By type: "blk" is found by the id, the others by their path in the guest. */
Grpc__Device **
kata_agent_spec__devices (kata_arena *arena, const struct kata_guest_device *devices, size_t n)
{
  Grpc__Device **list = kata_arena__new0 (arena, Grpc__Device *, n);
  for (size_t i = 0; i < n; i++) {
    Grpc__Device *m = kata_message__new (arena, Grpc__Device, grpc__device__init);
    m->id = (char *) devices[i].address;
    m->vm_path = (char *) devices[i].address;
    m->type = (char *) devices[i].type;
    m->container_path = (char *) devices[i].container_path;
    list[i] = m;
  }
  return list;
}

Grpc__KernelModule **
kata_agent_spec__modules (kata_arena *arena, char *const *modules, size_t *n)
{
  size_t count = modules != NULL ? g_strv_length ((char **) modules) : 0;
  Grpc__KernelModule **list = kata_arena__new0 (arena, Grpc__KernelModule *, count);
  for (size_t i = 0; i < count; i++) {
    g_auto (GStrv) words = g_strsplit (modules[i], " ", -1);
    char **copy = kata_arena__strv (arena, (const char *const *) words);
    Grpc__KernelModule *m = kata_message__new (arena, Grpc__KernelModule, grpc__kernel_module__init);
    m->name = copy[0];
    kata_message__strv (m, parameters, copy + 1);
    list[i] = m;
  }
  *n = count;
  return list;
}
