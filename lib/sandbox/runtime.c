/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runtime: made from the configuration, the host and the guest image's manifest. */
#include "sandbox/runtime.h"

#include <errno.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "backend/call.h"
#include "base/fd.h"
#include "sandbox/directory.h"
#include "sandbox/settings.h"

#define MANIFEST_MAX ((size_t) 64 << 10)

int64_t
kata_runtime__deadline (int64_t timeout_ms, int64_t default_ms)
{
  if (timeout_ms == KATA_TIMEOUT_DEFAULT)
    timeout_ms = default_ms;
  if (timeout_ms == KATA_TIMEOUT_NONE)
    return INT64_MAX;
  return kata_deadline__within (INT64_MAX, MAX (timeout_ms, 0));
}

int64_t
kata_runtime__left_ms (int64_t deadline_us)
{
  if (deadline_us == INT64_MAX)
    return KATA_TIMEOUT_NONE;
  int64_t left = deadline_us - g_get_monotonic_time ();
  return left <= 0 ? 0 : (left + 999) / 1000;
}

static char *
default_state_dir (void)
{
  if (geteuid () == 0)
    return g_strdup ("/run/libkata");
  return g_strdup_printf ("/run/user/%u/libkata", (unsigned) geteuid ());
}

static void
look_at_host (kata_runtime *runtime)
{
  struct sysinfo info;
  struct utsname names;
  runtime->host.n_cpus = g_get_num_processors ();
  if (sysinfo (&info) == 0)
    runtime->host.memory_mib = (uint64_t) info.totalram * info.mem_unit >> 20;
  runtime->host.arch = uname (&names) == 0 ? kata_arena__strdup (runtime->arena, names.machine) : "";
  g_autofree char *nodes = NULL;
  if (g_file_get_contents ("/sys/devices/system/node/online", &nodes, NULL, NULL))
    runtime->host.numa_nodes = kata_arena__strdup (runtime->arena, g_strstrip (nodes));
}

/* True when there was a manifest, good or bad. */
static int
read_manifest (kata_runtime *runtime, const char *dir, bool *found, kata_error **err)
{
  g_autofree char *path = g_build_filename (dir, "guest.json", NULL);
  g_autofree char *text = NULL;
  gsize length = 0;
  *found = g_file_get_contents (path, &text, &length, NULL) && length <= MANIFEST_MAX;
  if (!*found)
    return 0;
  g_autoptr (kata_error) error = NULL;
  if (kata_guest_facts__parse (&runtime->guest, runtime->arena, dir, text, length, &error) != 0)
    return kata_error__wrap (err, g_steal_pointer (&error), path, "guest image's manifest \"%s\"", path);
  runtime->guest_manifest = g_steal_pointer (&path);
  return 0;
}

/* Beside the configured kernel, else where the installation has put it. A guest without a manifest may be able to do anything. */
static int
look_at_guest (kata_runtime *runtime, kata_error **err)
{
  g_autofree char *beside = kata_settings__guest_dir (runtime);
  const char *const dirs[] = { beside, beside == NULL ? KATA_DATADIR "/kata-containers" : NULL };
  for (size_t i = 0; i < G_N_ELEMENTS (dirs); i++) {
    bool found = false;
    int r = dirs[i] != NULL ? read_manifest (runtime, dirs[i], &found, err) : 0;
    if (r != 0 || found)
      return r;
  }
  runtime->guest.features = KATA_GUEST_ALL;
  return 0;
}

int
kata_runtime__new (kata_runtime **out, const kata_runtime_options *options, kata_error **err)
{
  kata_runtime *runtime = g_new0 (kata_runtime, 1);
  runtime->host_root = "";
  g_atomic_ref_count_init (&runtime->refs);
  runtime->log = (struct kata_log){ options->log, options->log_data, options->log_level };
  runtime->state_fd = -1;
  runtime->arena = kata_arena__new ();
  runtime->state_dir =
      options->state_dir != NULL ? g_canonicalize_filename (options->state_dir, "/") : default_state_dir ();
  runtime->hypervisor = g_strdup (options->hypervisor);
  look_at_host (runtime);
  int r = kata_settings__load (runtime, options->config_path, err);
  if (r == 0)
    kata_settings__choose_hypervisor (runtime);
  if (r == 0)
    r = kata_registry__new (&runtime->registry, err);
  if (r == 0)
    r = look_at_guest (runtime, err);
  if (r == 0)
    r = kata_directory__open_state (&runtime->state_fd, runtime->state_dir, err);
  if (r != 0) {
    kata_runtime__free (runtime);
    return r;
  }
  /* Only now: on failure the caller keeps its data. */
  runtime->log_data_free = options->log_data_free;
  *out = runtime;
  return 0;
}

void
kata_runtime__free (kata_runtime *runtime)
{
  kata_registry__free (runtime->registry);
  kata_settings__free (runtime->config);
  kata_arena__free (runtime->arena);
  kata_fd__close (runtime->state_fd);
  g_free (runtime->guest_manifest);
  g_free (runtime->why_not_builtin);
  g_free (runtime->hypervisor);
  g_free (runtime->state_dir);
  if (runtime->log_data_free != NULL)
    runtime->log_data_free (runtime->log.data);
  g_free (runtime);
}

int
kata_runtime__probe (kata_capabilities *caps, const kata_runtime *runtime, const kata_plan *plan, kata_error **err)
{
  const kata_backend_entry *entry = NULL;
  caps->size = sizeof *caps;
  int r = kata_registry__find (&entry, runtime->registry, plan->hypervisor, err);
  return r == 0 ? kata_backend__probe (entry, &plan->vm, caps, err) : r;
}
