/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json: a plan as text for people and golden tests. */
#include "base/json-write.h"
#include "plan/build.h"

static const char *
word (const char *const *words, size_t n, int32_t index)
{
  return index >= 0 && (size_t) index < n ? words[index] : "?";
}
#define WORD(words, index) word ((words), G_N_ELEMENTS (words), (index))

void
kata_plan__write_storages (struct kata_json_writer *w, const struct kata_storage *storages, size_t n)
{
  kata_json_write__begin_array (w, "storages");
  for (size_t i = 0; i < n; i++) {
    kata_json_write__begin_object (w, NULL);
    kata_json_write__string (w, "driver", storages[i].driver);
    kata_json_write__string (w, "source", storages[i].source);
    kata_json_write__string (w, "fstype", storages[i].fstype);
    kata_json_write__string (w, "mount_point", storages[i].mount_point);
    kata_json_write__strv (w, "options", (const char *const *) storages[i].options);
    kata_json_write__end_object (w);
  }
  kata_json_write__end_array (w);
}

static void
write_boot (struct kata_json_writer *w, const kata_vm_plan *vm)
{
  kata_json_write__begin_object (w, "boot");
  kata_json_write__string (w, "kernel", vm->kernel);
  kata_json_write__string (w, "initrd", vm->initrd);
  kata_json_write__string (w, "image", vm->image);
  kata_json_write__string (w, "image_fstype", vm->image_fstype);
  kata_json_write__string (w, "firmware", vm->firmware);
  kata_json_write__string (w, "cmdline", vm->cmdline);
  kata_json_write__end_object (w);
}

static void
write_machine (struct kata_json_writer *w, const kata_vm_plan *vm)
{
  static const char *const accels[] = { "auto", "kvm", "tcg" };
  static const char *const isolations[] = { "process", "thread" };
  kata_json_write__begin_object (w, "machine");
  kata_json_write__string (w, "program", vm->hypervisor_path);
  kata_json_write__string (w, "type", vm->machine_type);
  kata_json_write__string (w, "accelerators", vm->machine_accelerators);
  kata_json_write__string (w, "cpu_features", vm->cpu_features);
  kata_json_write__string (w, "seccomp_sandbox", vm->seccomp_sandbox);
  kata_json_write__string (w, "accel", WORD (accels, vm->accel));
  kata_json_write__uint (w, "vcpus", vm->vcpus);
  kata_json_write__uint (w, "max_vcpus", vm->max_vcpus);
  kata_json_write__uint (w, "memory_mib", vm->memory_mib);
  kata_json_write__uint (w, "max_memory_mib", vm->max_memory_mib);
  if (vm->max_memory_mib > vm->memory_mib) {
    kata_json_write__uint (w, "memory_slots", vm->memory_slots);
    kata_json_write__bool (w, "virtio_mem", vm->virtio_mem);
  }
  kata_json_write__bool (w, "hugepages", vm->hugepages);
  kata_json_write__bool (w, "prealloc", vm->prealloc);
  if (vm->memory_shared != 0)
    kata_json_write__bool (w, "memory_shared", true);
  kata_json_write__bool (w, "memory_reporting", vm->memory_reporting);
  kata_json_write__string (w, "entropy_source", vm->entropy_source);
  kata_json_write__bool (w, "debug", vm->debug);
  kata_json_write__string (w, "isolation", WORD (isolations, vm->isolation));
  kata_json_write__strv (w, "confine_waive", vm->confine_waive);
  kata_json_write__end_object (w);
}

static void
write_share (struct kata_json_writer *w, const kata_vm_plan *vm)
{
  static const char *const kinds[] = { "none", "virtio-fs", "virtio-9p" };
  kata_json_write__begin_object (w, "share");
  kata_json_write__string (w, "kind", WORD (kinds, vm->share_kind));
  kata_json_write__string (w, "directory", vm->share_dir);
  kata_json_write__string (w, "tag", vm->share_tag);
  if (vm->share_kind == KATA_SHARE_VIRTIOFS) {
    kata_json_write__string (w, "daemon", vm->virtiofsd_path);
    kata_json_write__string (w, "cache", vm->virtiofs_cache);
    kata_json_write__uint (w, "queue_size", vm->virtiofs_queue_size);
    kata_json_write__uint (w, "dax_mib", vm->virtiofs_cache_mib);
    kata_json_write__strv (w, "extra_args", vm->virtiofsd_args);
  } else if (vm->share_kind == KATA_SHARE_9P) {
    kata_json_write__uint (w, "msize", vm->msize_9p);
  }
  kata_json_write__end_object (w);
}

static void
write_disks (struct kata_json_writer *w, const kata_vm_plan *vm)
{
  static const char *const aios[] = { "threads", "native", "io_uring" };
  kata_json_write__begin_array (w, "disks");
  for (const kata_vm_disk *const *disk = vm->disks; disk != NULL && *disk != NULL; disk++) {
    kata_json_write__begin_object (w, NULL);
    kata_json_write__string (w, "id", (*disk)->id);
    kata_json_write__string (w, "path", (*disk)->path);
    kata_json_write__bool (w, "readonly", (*disk)->readonly);
    if ((*disk)->vhost_user != 0) {
      kata_json_write__bool (w, "vhost_user", true);
    } else {
      kata_json_write__string (w, "aio", WORD (aios, vm->block_aio));
      kata_json_write__bool (w, "cache_direct", vm->block_cache_direct);
    }
    if ((*disk)->port != 0)
      kata_json_write__uint (w, "port", (*disk)->port);
    kata_json_write__end_object (w);
  }
  kata_json_write__end_array (w);
}

static void
write_host_devices (struct kata_json_writer *w, const kata_vm_plan *vm)
{
  static const char *const buses[] = { "root-port", "switch-port" };
  if (vm->host_ports != 0) {
    kata_json_write__uint (w, "host_ports", vm->host_ports);
    kata_json_write__string (w, "host_ports_bus", WORD (buses, (int32_t) vm->host_late_bus));
  }
  if (vm->host_devices == NULL)
    return;
  kata_json_write__begin_array (w, "host_devices");
  for (const kata_vm_host_device *const *device = vm->host_devices; *device != NULL; device++) {
    kata_json_write__begin_object (w, NULL);
    kata_json_write__string (w, "id", (*device)->id);
    kata_json_write__string (w, "address", (*device)->address);
    kata_json_write__int (w, "iommu_group", (*device)->group);
    bool later = (*device)->port != 0;
    kata_json_write__string (w, "bus", WORD (buses, later ? (int32_t) vm->host_late_bus : (int32_t) vm->host_bus));
    if (later)
      kata_json_write__uint (w, "port", (*device)->port);
    kata_json_write__end_object (w);
  }
  kata_json_write__end_array (w);
}

/* For all disks alike; 0 = the hypervisor's default, no limit. */
static void
write_disk_limits (struct kata_json_writer *w, const kata_vm_plan *vm)
{
  kata_json_write__begin_object (w, "each_disk");
  kata_json_write__uint (w, "queues", vm->block_queues);
  kata_json_write__uint (w, "queue_size", vm->block_queue_size);
  kata_json_write__uint (w, "bytes_per_second", vm->disk_bytes);
  kata_json_write__uint (w, "bytes_once", vm->disk_bytes_once);
  kata_json_write__uint (w, "operations_per_second", vm->disk_ops);
  kata_json_write__uint (w, "operations_once", vm->disk_ops_once);
  kata_json_write__end_object (w);
  kata_json_write__uint (w, "disk_ports", vm->disk_ports);
}

/* @plan->vm.nics are known once the machine was launched. */
static void
write_network (struct kata_json_writer *w, const kata_plan *plan)
{
  static const char *const modes[] = { "none", "namespace", "new", "user", "dan" };
  static const char *const models[] = { "tcfilter", "macvtap", "none" };
  const struct kata_network_plan *network = &plan->network;
  kata_json_write__begin_object (w, "network");
  kata_json_write__string (w, "mode", WORD (modes, network->mode));
  if (network->mode == KATA_NETWORK_DAN) {
    kata_json_write__string (w, "file", network->path);
  } else if (network->path[0] != '\0') {
    kata_json_write__string (w, "namespace", network->path);
    kata_json_write__string (w, "model", WORD (models, network->model));
  }
  if (network->mode != KATA_NETWORK_NONE) {
    kata_json_write__uint (w, "queues", network->queues);
    kata_json_write__bool (w, "vhost", network->vhost);
    kata_json_write__uint (w, "ports", plan->vm.nic_ports);
  }
  kata_json_write__end_object (w);
}

static void
write_agent (struct kata_json_writer *w, const kata_plan *plan)
{
  static const char *const kinds[] = { "vsock", "hybrid-vsock", "serial", "null" };
  kata_json_write__begin_object (w, "agent");
  kata_json_write__string (w, "channel", WORD (kinds, plan->vm.agent_kind));
  kata_json_write__uint (w, "port", plan->vm.agent_port);
  if (plan->vm.agent_kind == KATA_AGENT_SERIAL)
    kata_json_write__uint (w, "serial_ports", plan->vm.agent_serial_ports);
  kata_json_write__string (w, "hostname", plan->hostname);
  kata_json_write__strv (w, "dns", (const char *const *) plan->dns);
  kata_json_write__string (w, "guest_hook_path", plan->guest_hook_path);
  kata_json_write__strv (w, "kernel_modules", (const char *const *) plan->kernel_modules);
  kata_json_write__bool (w, "seccomp", plan->guest_seccomp);
  kata_plan__write_storages (w, plan->storages, plan->n_storages);
  kata_json_write__end_object (w);
}

static void
write_cgroup (struct kata_json_writer *w, const kata_plan *plan)
{
  if (plan->cgroup[0] == '\0')
    return;
  kata_json_write__begin_object (w, "cgroup");
  kata_json_write__string (w, "path", plan->cgroup);
  kata_json_write__bool (w, "caller", plan->cgroup_caller);
  kata_json_write__uint (w, "cpu_milli", plan->cgroup_cpu_milli);
  kata_json_write__end_object (w);
}

static void
write_timeouts (struct kata_json_writer *w, const kata_plan *plan)
{
  kata_json_write__begin_object (w, "timeouts_ms");
  kata_json_write__int (w, "start", plan->start_timeout_ms);
  kata_json_write__int (w, "request", plan->request_timeout_ms);
  kata_json_write__int (w, "create_container", plan->create_container_timeout_ms);
  kata_json_write__int (w, "stop", plan->stop_timeout_ms);
  kata_json_write__end_object (w);
}

char *
kata_plan__to_json (const kata_plan *plan)
{
  struct kata_json_writer w;
  kata_json_write__init (&w, true);
  kata_json_write__begin_object (&w, NULL);
  kata_json_write__string (&w, "id", plan->id);
  kata_json_write__string (&w, "hypervisor", plan->hypervisor);
  kata_json_write__string (&w, "directory", plan->vm.dir);
  write_machine (&w, &plan->vm);
  write_boot (&w, &plan->vm);
  write_share (&w, &plan->vm);
  write_disks (&w, &plan->vm);
  write_disk_limits (&w, &plan->vm);
  write_host_devices (&w, &plan->vm);
  write_network (&w, plan);
  write_agent (&w, plan);
  write_cgroup (&w, plan);
  write_timeouts (&w, plan);
  kata_json_write__strv (&w, "warnings", (const char *const *) plan->warnings);
  kata_json_write__end_object (&w);
  return kata_json_write__finish (&w);
}
