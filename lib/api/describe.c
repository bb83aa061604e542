/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* describe: the settings in force and where they came from, as Kata's kata-env shows them. */
#include <sys/utsname.h>

#include "api/hypervisor.h"
#include "api/report.h"
#include "base/json-write.h"
#include "config/config.h"
#include "host/kvm.h"
#include "sandbox/runtime.h"
#include "sandbox/settings.h"

static void
write_runtime (struct kata_json_writer *w, kata_runtime *runtime)
{
  kata_json_write__begin_object (w, "runtime");
  kata_json_write__string (w, "version", kata_version ());
  kata_json_write__string (w, "state_dir", runtime->state_dir);
  kata_json_write__string (w, "config", kata_settings__path (runtime));
  kata_json_write__strv (w, "config_files", kata_config__files (runtime->config));
  kata_json_write__string (w, "hypervisor", kata_settings__hypervisor (runtime));
  kata_json_write__end_object (w);
}

static void
write_host (struct kata_json_writer *w, kata_runtime *runtime)
{
  struct utsname names;
  char reason[200] = "";
  bool kvm = kata_kvm__usable (NULL, reason, sizeof reason);
  kata_json_write__begin_object (w, "host");
  if (uname (&names) == 0)
    kata_json_write__string (w, "kernel", names.release);
  kata_json_write__string (w, "architecture", runtime->host.arch);
  kata_json_write__uint (w, "cpus", runtime->host.n_cpus);
  kata_json_write__uint (w, "memory_mib", runtime->host.memory_mib);
  kata_json_write__bool (w, "kvm", kvm);
  kata_json_write__string (w, "kvm_reason", kvm ? NULL : reason);
  kata_json_write__end_object (w);
}

static void
write_hypervisor (struct kata_json_writer *w, kata_runtime *runtime, const kata_vm_plan *plan)
{
  g_autoptr (kata_error) error = NULL;
  kata_hypervisor *hypervisor = NULL;
  const char *name = kata_settings__hypervisor (runtime);
  kata_json_write__begin_object (w, "hypervisor");
  kata_json_write__string (w, "name", name);
  if (kata_hypervisor_open (&hypervisor, runtime, name, &error) == 0) {
    kata_json_write__string (w, "version", hypervisor->caps.version);
    kata_json_write__string (w, "path", hypervisor->caps.path);
  } else {
    kata_json_write__string (w, "problem", kata_error_get_message (error));
  }
  kata_json_write__string (w, "machine_type", plan->machine_type);
  kata_json_write__string (w, "virtiofsd", plan->virtiofsd_path);
  kata_json_write__end_object (w);
  kata_hypervisor_unref (hypervisor);
}

static void
write_guest (struct kata_json_writer *w, kata_runtime *runtime, const kata_vm_plan *plan)
{
  kata_json_write__begin_object (w, "guest");
  kata_json_write__string (w, "manifest", runtime->guest_manifest);
  kata_json_write__string (w, "kernel", plan->kernel);
  kata_json_write__string (w, "initrd", plan->initrd);
  kata_json_write__string (w, "image", plan->image);
  kata_json_write__end_object (w);
}

int
kata_report__describe (char **json, kata_runtime *runtime, kata_error **err)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  kata_vm_plan plan = { .size = sizeof plan };
  struct kata_json_writer w;
  /* What cannot be found out is shown as missing; that the answer comes at all matters more. */
  kata_plan__probe (&plan, arena, runtime->config, kata_settings__hypervisor (runtime), &runtime->guest, NULL);
  kata_json_write__init (&w, false);
  kata_json_write__begin_object (&w, NULL);
  write_runtime (&w, runtime);
  write_host (&w, runtime);
  write_hypervisor (&w, runtime, &plan);
  write_guest (&w, runtime, &plan);
  kata_json_write__end_object (&w);
  *json = kata_json_write__finish (&w);
  return 0;
}
