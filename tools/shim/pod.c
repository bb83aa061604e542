/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pod: the virtual machine behind the service, and the containers' root file systems on the host: made and removed. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "devices.h"
#include "place.h"
#include "rootfs.h"
#include "runtime.h"
#include "say.h"
#include "service.h"

/* The first of the processes that are the machine; without one (the null hypervisor) it is this one. */
static uint32_t
machine_pid (kata_sandbox *sandbox)
{
  char *json = NULL;
  uint32_t pid = 0;
  if (kata_sandbox_inspect (&json, sandbox, NULL) == 0)
    pid = runtime_first_pid (json);
  kata_free (json);
  return pid > 0 ? pid : (uint32_t) getpid ();
}

gboolean
pod_may_have (const kata_placement *placement, char **why)
{
  if (placement->role == KATA_PLACEMENT_CONTAINER || *placement->network_namespace ||
      (placement->flags & KATA_PLACEMENT_NETWORK_NEW))
    return TRUE;
  *why = g_strdup ("config.json: $.linux.namespaces has no network: a virtual machine cannot have the host's network "
                   "(hostNetwork, --net-host)");
  return FALSE;
}

kata_container_options
pod_container_options (const task *task)
{
  kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;
  options.id = task->id;
  options.bundle = task->bundle;
  options.flags = task->init->terminal ? KATA_CONTAINER_TERMINAL : 0;
  options.rootfs = task->root.path;
  options.rootfs_fstype = task->root.type;
  options.rootfs_options = (const char *const *) task->root.options;
  return options;
}

static int
make (service *service, task *task, kata_error **err, char **why)
{
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  const kata_container_options first = pod_container_options (task);
  kata_sandbox *sandbox = NULL;
  int r = 0;
  if (!runtime_keep_config (service->options, service->group, why))
    return KATA_E_IO;
  if (!service->runtime)
    r = runtime_new (&service->runtime, service->options, service->group, err);
  if (r < 0)
    return r;
  options.id = service->group->sandbox_id;
  const kata_placement *placement = task->place.placement;
  options.hostname = *placement->hostname ? placement->hostname : task->id;
  options.annotations = (const char *const *) task->place.annotations;
  options.limit_cpu_milli = placement->cpu_milli;
  options.limit_memory_bytes = placement->memory_bytes;
  options.cgroup = placement->cgroup;
  /* One without a path is what hooks made of it, or empty: only lo, which a guest has by itself. */
  g_autofree char *held = service->holder.pid > 0 ? holder_path (&service->holder) : NULL;
  options.network = *placement->network_namespace ? placement->network_namespace : held;
  g_auto (GStrv) groups = g_strsplit (placement->vfio_groups, " ", -1);
  g_autoptr (GPtrArray) devices = devices_of (groups);
  options.host_devices = (const kata_host_device *const *) devices->pdata;
  options.first_container = &first;
  r = kata_sandbox_create (&sandbox, service->runtime, &options, err);
  if (r == 0)
    r = kata_sandbox_start (sandbox, KATA_TIMEOUT_DEFAULT, err);
  if (r < 0) {
    if (sandbox)
      kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, NULL);
    kata_sandbox_unref (sandbox);
    return r;
  }
  g_mutex_lock (&service->lock);
  service->sandbox = sandbox;
  service->pid = machine_pid (sandbox);
  g_mutex_unlock (&service->lock);
  attend_sandbox (service, sandbox);
  return 0;
}

static gboolean
is_shutting (service *service)
{
  g_mutex_lock (&service->lock);
  gboolean shutting = service->shutting;
  g_mutex_unlock (&service->lock);
  return shutting;
}

kata_sandbox *
pod_enter (service *service, task *task, kata_error **err, char **why)
{
  kata_sandbox *sandbox = NULL;
  g_mutex_lock (&service->pod);
  if (is_shutting (service)) /* nobody would remove what is made now */
    *why = g_strdup ("the shim is shutting down");
  else if (!service->sandbox && !task->owner)
    *why = g_strdup_printf ("the pod \"%s\" has no running virtual machine that \"%s\" could join", service->group->id,
                            task->id);
  else if (service->sandbox && task->owner)
    *why = g_strdup_printf ("the pod \"%s\" has a virtual machine already", service->group->id);
  else if (service->sandbox || make (service, task, err, why) == 0)
    sandbox = kata_sandbox_ref (service->sandbox);
  g_mutex_unlock (&service->pod);
  return sandbox;
}

static gboolean
others_left (service *service, task *task)
{
  GHashTableIter iter;
  gpointer other;
  gboolean left = FALSE;
  g_mutex_lock (&service->lock);
  g_hash_table_iter_init (&iter, service->tasks);
  while (g_hash_table_iter_next (&iter, NULL, &other))
    left |= other != (gpointer) task;
  g_mutex_unlock (&service->lock);
  return left;
}

void
pod_leave (service *service, task *task)
{
  kata_error *err = NULL;
  g_mutex_lock (&service->pod);
  kata_sandbox *sandbox = NULL;
  if (service->sandbox && (task->owner || !others_left (service, task))) {
    g_mutex_lock (&service->lock);
    sandbox = g_steal_pointer (&service->sandbox);
    service->pid = 0;
    g_mutex_unlock (&service->lock);
  }
  if (sandbox && kata_sandbox_stop (sandbox, KATA_TIMEOUT_DEFAULT, &err) < 0) {
    say ("%s", kata_error_get_message (err));
    err = kata_error_unref (err);
  }
  if (sandbox && kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &err) < 0)
    say ("%s", kata_error_get_message (err));
  kata_error_unref (err);
  kata_sandbox_unref (sandbox);
  if (!service->sandbox)
    holder_end (&service->holder);
  g_mutex_unlock (&service->pod);
}

static char *
record_name (task *task)
{
  return g_strdup_printf (GROUP_ROOTFS "%s", task->id);
}

/* Written down first: whoever cleans up after us finds it. */
gboolean
pod_mount (service *service, task *task, Shim__Mount *const *mounts, size_t n, char **why)
{
  g_autofree char *name = record_name (task);
  if (n == 0)
    return TRUE;
  int r = group_write (service->group, name, task->bundle);
  if (r < 0) {
    *why = g_strdup_printf ("root file system: note it in \"%s\": %s", service->group->path, g_strerror (-r));
    return FALSE;
  }
  task->mounted = TRUE;
  if (rootfs_mount (task->bundle, mounts, n, why))
    return TRUE;
  pod_unmount (service, task);
  return FALSE;
}

gboolean
pod_root (service *service, task *task, Shim__Mount *const *mounts, size_t n, char **why)
{
  if (!root_device_take (&task->root, mounts, n, why))
    return FALSE;
  return task->root.path || pod_mount (service, task, mounts, n, why);
}

void
pod_unmount (service *service, task *task)
{
  g_autofree char *name = record_name (task);
  root_device_clear (&task->root);
  if (!task->mounted)
    return;
  int r = rootfs_unmount (task->bundle);
  if (r < 0)
    say ("unmount \"%s/rootfs\": %s", task->bundle, g_strerror (-r));
  else
    group_forget (service->group, name);
  task->mounted = r < 0;
}
