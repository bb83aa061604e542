/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spec-process: a process as the agent's message. */
#include "agent/message.h"
#include "agent/spec.h"

static Grpc__User *
make_user (kata_arena *arena, const struct kata_oci_user *user)
{
  Grpc__User *m = kata_message__new (arena, Grpc__User, grpc__user__init);
  kata_message__set (m, uid, user->uid);
  kata_message__set (m, gid, user->gid);
  m->n_additionalgids = user->n_additional_gids;
  m->additionalgids = user->additional_gids;
  m->username = (char *) user->username;
  return m;
}

static Grpc__LinuxCapabilities *
make_capabilities (kata_arena *arena, const struct kata_oci_capabilities *capabilities)
{
  if (!capabilities->have)
    return NULL;
  Grpc__LinuxCapabilities *m = kata_message__new (arena, Grpc__LinuxCapabilities, grpc__linux_capabilities__init);
  kata_message__strv (m, bounding, capabilities->bounding);
  kata_message__strv (m, effective, capabilities->effective);
  kata_message__strv (m, inheritable, capabilities->inheritable);
  kata_message__strv (m, permitted, capabilities->permitted);
  kata_message__strv (m, ambient, capabilities->ambient);
  return m;
}

static Grpc__POSIXRlimit **
make_rlimits (kata_arena *arena, const kata_oci_process *process)
{
  Grpc__POSIXRlimit **list = kata_arena__new0 (arena, Grpc__POSIXRlimit *, process->n_rlimits);
  for (size_t i = 0; i < process->n_rlimits; i++) {
    Grpc__POSIXRlimit *m = kata_message__new (arena, Grpc__POSIXRlimit, grpc__posixrlimit__init);
    m->type = (char *) process->rlimits[i].type;
    kata_message__set (m, hard, process->rlimits[i].hard);
    kata_message__set (m, soft, process->rlimits[i].soft);
    list[i] = m;
  }
  return list;
}

static Grpc__Box *
make_console (kata_arena *arena, const kata_oci_process *process)
{
  if (process->console_height == 0 || process->console_width == 0)
    return NULL;
  Grpc__Box *m = kata_message__new (arena, Grpc__Box, grpc__box__init);
  kata_message__set (m, height, process->console_height);
  kata_message__set (m, width, process->console_width);
  return m;
}

Grpc__Process *
kata_agent_spec__process (kata_arena *arena, const kata_oci_process *process)
{
  Grpc__Process *m = kata_message__new (arena, Grpc__Process, grpc__process__init);
  kata_message__set (m, terminal, process->terminal);
  m->consolesize = make_console (arena, process);
  m->user = make_user (arena, &process->user);
  kata_message__strv (m, args, process->args);
  kata_message__strv (m, env, process->env);
  m->cwd = (char *) process->cwd;
  m->capabilities = make_capabilities (arena, &process->capabilities);
  m->n_rlimits = process->n_rlimits;
  m->rlimits = make_rlimits (arena, process);
  kata_message__set (m, nonewprivileges, process->no_new_privileges);
  m->apparmorprofile = (char *) process->apparmor_profile;
  kata_message__set_optional (m, oomscoreadj, process->oom_score_adj);
  m->selinuxlabel = (char *) process->selinux_label;
  return m;
}
