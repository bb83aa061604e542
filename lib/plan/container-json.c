/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* container-json: a container's plan as text for people and golden tests: the parts of the specification that planning changes. */
#include "base/json-write.h"
#include "plan/build.h"
#include "plan/container.h"

static void
write_shares (struct kata_json_writer *w, const kata_container_plan *plan)
{
  kata_json_write__begin_array (w, "shares");
  for (size_t i = 0; i < plan->n_shares; i++) {
    kata_json_write__begin_object (w, NULL);
    kata_json_write__string (w, "source", plan->shares[i].source);
    kata_json_write__string (w, "path", plan->shares[i].path);
    kata_json_write__bool (w, "readonly", plan->shares[i].readonly);
    kata_json_write__bool (w, "recursive", plan->shares[i].recursive);
    kata_json_write__end_object (w);
  }
  kata_json_write__end_array (w);
}

static void
write_mounts (struct kata_json_writer *w, const kata_oci_spec *spec)
{
  kata_json_write__begin_array (w, "mounts");
  for (size_t i = 0; i < spec->n_mounts; i++) {
    kata_json_write__begin_object (w, NULL);
    kata_json_write__string (w, "destination", spec->mounts[i].destination);
    kata_json_write__string (w, "type", spec->mounts[i].type);
    kata_json_write__string (w, "source", spec->mounts[i].source);
    kata_json_write__strv (w, "options", (const char *const *) spec->mounts[i].options);
    kata_json_write__end_object (w);
  }
  kata_json_write__end_array (w);
}

static void
write_process (struct kata_json_writer *w, const kata_container_plan *plan)
{
  const kata_oci_process *process = &plan->spec->process;
  kata_json_write__begin_object (w, "process");
  kata_json_write__bool (w, "terminal", plan->terminal);
  kata_json_write__uint (w, "rows", plan->rows);
  kata_json_write__uint (w, "columns", plan->columns);
  kata_json_write__uint (w, "uid", process->user.uid);
  kata_json_write__uint (w, "gid", process->user.gid);
  kata_json_write__strv (w, "args", (const char *const *) process->args);
  kata_json_write__strv (w, "env", (const char *const *) process->env);
  kata_json_write__string (w, "cwd", process->cwd);
  kata_json_write__end_object (w);
}

static void
write_i64 (struct kata_json_writer *w, const char *name, struct kata_oci_i64 value)
{
  if (value.have)
    kata_json_write__int (w, name, value.value);
}

static void
write_linux (struct kata_json_writer *w, const struct kata_oci_linux *linux_)
{
  kata_json_write__begin_object (w, "linux");
  kata_json_write__string (w, "cgroupsPath", linux_->cgroups_path);
  kata_json_write__begin_array (w, "namespaces");
  for (size_t i = 0; i < linux_->n_namespaces; i++)
    kata_json_write__string (w, NULL, linux_->namespaces[i].type);
  kata_json_write__end_array (w);
  kata_json_write__uint (w, "device_rules", linux_->resources.n_devices);
  write_i64 (w, "memory_limit", linux_->resources.memory.limit);
  write_i64 (w, "cpu_quota", linux_->resources.cpu.quota);
  write_i64 (w, "pids_limit", linux_->resources.pids_limit);
  kata_json_write__bool (w, "seccomp", linux_->seccomp.have);
  kata_json_write__end_object (w);
}

char *
kata_container_plan__to_json (const kata_container_plan *plan)
{
  struct kata_json_writer w;
  kata_json_write__init (&w, true);
  kata_json_write__begin_object (&w, NULL);
  kata_json_write__string (&w, "id", plan->id);
  kata_json_write__string (&w, "root", plan->spec->root_path);
  kata_json_write__bool (&w, "root_readonly", plan->spec->root_readonly);
  kata_json_write__bool (&w, "sandbox_pidns", plan->sandbox_pidns);
  write_shares (&w, plan);
  kata_plan__write_storages (&w, plan->storages, plan->n_storages);
  write_process (&w, plan);
  write_mounts (&w, plan->spec);
  write_linux (&w, &plan->spec->linux_);
  kata_json_write__strv (&w, "warnings", (const char *const *) plan->warnings);
  kata_json_write__end_object (&w);
  return kata_json_write__finish (&w);
}
