/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process-file: written by hand, read by lib/oci, which trusts nothing. */
#include "sandbox/process-file.h"

#include "base/json-write.h"
#include "host/beneath.h"

char *
kata_process_file__name (const char *container_id)
{
  return g_strdup_printf ("%s.process", container_id);
}

static void
write_strv (struct kata_json_writer *w, const char *name, char **values)
{
  if (values != NULL)
    kata_json_write__strv (w, name, (const char *const *) values);
}

static void
write_text (struct kata_json_writer *w, const char *name, const char *value)
{
  if (value != NULL)
    kata_json_write__string (w, name, value);
}

static void
write_user (struct kata_json_writer *w, const struct kata_oci_user *user)
{
  kata_json_write__begin_object (w, "user");
  kata_json_write__uint (w, "uid", user->uid);
  kata_json_write__uint (w, "gid", user->gid);
  if (user->umask.have)
    kata_json_write__uint (w, "umask", user->umask.value);
  kata_json_write__begin_array (w, "additionalGids");
  for (size_t i = 0; i < user->n_additional_gids; i++)
    kata_json_write__uint (w, NULL, user->additional_gids[i]);
  kata_json_write__end_array (w);
  write_text (w, "username", user->username);
  kata_json_write__end_object (w);
}

static void
write_capabilities (struct kata_json_writer *w, const struct kata_oci_capabilities *capabilities)
{
  if (!capabilities->have)
    return;
  kata_json_write__begin_object (w, "capabilities");
  write_strv (w, "bounding", capabilities->bounding);
  write_strv (w, "effective", capabilities->effective);
  write_strv (w, "inheritable", capabilities->inheritable);
  write_strv (w, "permitted", capabilities->permitted);
  write_strv (w, "ambient", capabilities->ambient);
  kata_json_write__end_object (w);
}

static void
write_rlimits (struct kata_json_writer *w, const kata_oci_process *process)
{
  kata_json_write__begin_array (w, "rlimits");
  for (size_t i = 0; i < process->n_rlimits; i++) {
    kata_json_write__begin_object (w, NULL);
    kata_json_write__string (w, "type", process->rlimits[i].type);
    kata_json_write__uint (w, "hard", process->rlimits[i].hard);
    kata_json_write__uint (w, "soft", process->rlimits[i].soft);
    kata_json_write__end_object (w);
  }
  kata_json_write__end_array (w);
}

char *
kata_process_file__format (const kata_oci_process *process)
{
  struct kata_json_writer w;
  kata_json_write__init (&w, false);
  kata_json_write__begin_object (&w, NULL);
  kata_json_write__string (&w, "ociVersion", "1.2.0");
  kata_json_write__begin_object (&w, "process");
  kata_json_write__bool (&w, "terminal", process->terminal);
  write_user (&w, &process->user);
  write_strv (&w, "args", process->args);
  write_strv (&w, "env", process->env);
  write_text (&w, "cwd", process->cwd);
  write_capabilities (&w, &process->capabilities);
  write_rlimits (&w, process);
  kata_json_write__bool (&w, "noNewPrivileges", process->no_new_privileges);
  write_text (&w, "apparmorProfile", process->apparmor_profile);
  if (process->oom_score_adj.have)
    kata_json_write__int (&w, "oomScoreAdj", process->oom_score_adj.value);
  write_text (&w, "selinuxLabel", process->selinux_label);
  kata_json_write__end_object (&w);
  kata_json_write__begin_object (&w, "root");
  kata_json_write__string (&w, "path", "rootfs");
  kata_json_write__end_object (&w);
  kata_json_write__end_object (&w);
  return kata_json_write__finish (&w);
}

int
kata_process_file__read (kata_oci_spec **out, int dirfd, const char *container_id, kata_error **err)
{
  g_autofree char *name = kata_process_file__name (container_id);
  g_autofree char *text = NULL;
  size_t length = 0;
  int r = kata_beneath__read (dirfd, name, KATA_OCI_BYTES_MAX, &text, &length);
  if (r != 0)
    return kata_error__errno (err, KATA_E_CORRUPT, container_id, -r, "read what container \"%s\" runs", container_id);
  g_autoptr (kata_error) error = NULL;
  if (kata_oci_spec__parse (out, text, length, &error) == 0)
    return 0;
  return kata_error__set (err, KATA_E_CORRUPT, container_id, "what is kept of container \"%s\" cannot be trusted: %s",
                          container_id, kata_error_get_message (error));
}
