/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv: the command lines of firecracker and of its jailer. */
#include <string.h>

#include "backend/fc/jail.h"
#include "backend/fc/request.h"

#define JAIL_ID_MAX 64u

char *
kata_fc__jail_id (const char *id)
{
  char *made = g_strndup (id, JAIL_ID_MAX);
  for (char *c = made; *c != '\0'; c++)
    if (!g_ascii_isalnum (*c))
      *c = '-';
  return made;
}

/* Cgroup and network namespace are those that it is started in: without options of theirs the jailer leaves both alone. */
static void
add_jailer (GStrvBuilder *argv, const kata_vm_plan *p, const char *program, const char *jailer)
{
  g_autofree char *id = kata_fc__jail_id (p->id);
  g_autofree char *base = g_build_filename (p->dir, KATA_FC_JAIL, NULL);
  g_autofree char *uid = g_strdup_printf ("%u", p->jailer_uid);
  g_autofree char *gid = g_strdup_printf ("%u", p->jailer_gid);
  const char *const words[] = { jailer,  "--id", id,      "--exec-file", program,
                                "--uid", uid,    "--gid", gid,           "--chroot-base-dir",
                                base,    "--",   NULL };
  g_strv_builder_addv (argv, (const char **) words);
}

char **
kata_fc__argv (const kata_vm_plan *p, const char *program, const char *jailer)
{
  g_autoptr (GStrvBuilder) argv = g_strv_builder_new ();
  if (jailer != NULL)
    add_jailer (argv, p, program, jailer);
  else
    g_strv_builder_add (argv, program);
  g_strv_builder_add (argv, "--api-sock");
  g_strv_builder_add (argv, KATA_FC_API_SOCKET);
  if (p->seccomp_sandbox != NULL && strcmp (p->seccomp_sandbox, "off") == 0)
    g_strv_builder_add (argv, "--no-seccomp");
  return g_strv_builder_end (argv);
}
