/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process-json: writes one process; leaves out what has no meaning in the guest (the host's LSM labels). */
#include "process-json.h"

#include <sys/resource.h>

#include "mem.h"

/* As systemd gives to a service. */
#define FILES_SOFT 1024
#define FILES_HARD 524288

static void
write_user (struct kata_json_writer *json, const Grpc__User *user)
{
  kata_json_write__begin_object (json, "user");
  kata_json_write__uint (json, "uid", user ? user->uid : 0);
  kata_json_write__uint (json, "gid", user ? user->gid : 0);
  if (user && user->n_additionalgids > 0) {
    kata_json_write__begin_array (json, "additionalGids");
    for (size_t i = 0; i < user->n_additionalgids; i++)
      kata_json_write__uint (json, NULL, user->additionalgids[i]);
    kata_json_write__end_array (json);
  }
  kata_json_write__end_object (json);
}

static void
write_capabilities (struct kata_json_writer *json, const Grpc__LinuxCapabilities *caps)
{
  kata_json_write__begin_object (json, "capabilities");
  json_file_strings (json, "bounding", caps->bounding, caps->n_bounding);
  json_file_strings (json, "effective", caps->effective, caps->n_effective);
  json_file_strings (json, "inheritable", caps->inheritable, caps->n_inheritable);
  json_file_strings (json, "permitted", caps->permitted, caps->n_permitted);
  json_file_strings (json, "ambient", caps->ambient, caps->n_ambient);
  kata_json_write__end_object (json);
}

static void
write_rlimit (struct kata_json_writer *json, const char *type, uint64_t hard, uint64_t soft)
{
  kata_json_write__begin_object (json, NULL);
  kata_json_write__string (json, "type", type);
  kata_json_write__uint (json, "hard", hard);
  kata_json_write__uint (json, "soft", soft);
  kata_json_write__end_object (json);
}

/* The agent's own limit on descriptors is raised for its pipes; what a container inherits must not depend on that. */
static void
write_rlimits (struct kata_json_writer *json, const Grpc__Process *process)
{
  struct rlimit own;
  int have_files = 0;
  kata_json_write__begin_array (json, "rlimits");
  for (size_t i = 0; i < process->n_rlimits; i++) {
    const Grpc__POSIXRlimit *limit = process->rlimits[i];
    have_files |= text_is (limit->type, "RLIMIT_NOFILE");
    write_rlimit (json, limit->type, limit->hard, limit->soft);
  }
  if (!have_files && getrlimit (RLIMIT_NOFILE, &own) == 0)
    write_rlimit (json, "RLIMIT_NOFILE", own.rlim_max < FILES_HARD ? own.rlim_max : FILES_HARD, FILES_SOFT);
  kata_json_write__end_array (json);
}

int
process_json (struct kata_json_writer *json, const char *key, const Grpc__Process *process, struct fault *fault)
{
  const char *cwd = process ? text_of (process->cwd) : "";
  if (!process || process->n_args == 0 || !process->args[0][0])
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "the process has no args: give the command to run");
  if (process->n_args > PROCESS_ARGS_MAX || process->n_env > PROCESS_ARGS_MAX)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "the process has more than %d args or env entries",
                      PROCESS_ARGS_MAX);
  if (*cwd && *cwd != '/')
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "process.cwd \"%.200s\" is not absolute", cwd);
  kata_json_write__begin_object (json, key);
  kata_json_write__bool (json, "terminal", process->terminal);
  if (process->terminal && process->consolesize && process->consolesize->height && process->consolesize->width) {
    kata_json_write__begin_object (json, "consoleSize");
    kata_json_write__uint (json, "height", process->consolesize->height);
    kata_json_write__uint (json, "width", process->consolesize->width);
    kata_json_write__end_object (json);
  }
  write_user (json, process->user);
  json_file_strings (json, "args", process->args, process->n_args);
  json_file_strings (json, "env", process->env, process->n_env);
  kata_json_write__string (json, "cwd", *cwd ? cwd : "/");
  if (process->capabilities)
    write_capabilities (json, process->capabilities);
  write_rlimits (json, process);
  kata_json_write__bool (json, "noNewPrivileges", process->nonewprivileges);
  if (process->oomscoreadj)
    kata_json_write__int (json, "oomScoreAdj", process->oomscoreadj);
  kata_json_write__end_object (json);
  return 0;
}
