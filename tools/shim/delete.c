/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* delete: the verb that containerd calls after each task's end, clean or not: nothing of the task is left afterwards. */
#include "verbs.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <kata/kata.h>

#include "place.h"
#include "messages/task.pb-c.h"
#include "rootfs.h"
#include "runtime.h"
#include "say.h"

/* containerd waits five seconds for the whole call. */
#define ENDING_MS 1500 /* a server that was told to go */
#define KILLED_MS 1000
#define MEMBER_MS 2000

/* Its pod lives on; the container may be there still, if the server could not remove it. */
static gboolean
remove_member (group *group, const options *options, char **error)
{
  kata_runtime *runtime = NULL;
  kata_sandbox *sandbox = NULL;
  kata_container *container = NULL;
  kata_error *err = NULL;
  int r = runtime_new_anyhow (&runtime, options, group, &err);
  if (r == 0)
    r = kata_sandbox_open (&sandbox, runtime, group->sandbox_id, &err);
  if (r == 0)
    r = kata_container_open (&container, sandbox, options->id, &err);
  if (r == 0)
    r = kata_container_delete (container, KATA_DELETE_FORCE, MEMBER_MS, &err);
  if (r < 0 && r != KATA_E_NOT_FOUND)
    *error = g_strdup (kata_error_get_message (err));
  kata_error_unref (err);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
  return *error == NULL;
}

static gboolean
remove_in_group (group *group, gboolean owner, const options *options, char **error)
{
  int r = group_lock (group, owner ? ENDING_MS : 0);
  if (r == -EWOULDBLOCK && owner) {
    cleanup_kill_server (group);
    r = group_lock (group, KILLED_MS);
  }
  if (r == -ENOENT)
    return cleanup_sandbox (group, options, error); /* the server has removed it just now */
  if (r == 0)
    return cleanup_group (group, options, error);
  if (!owner && remove_member (group, options, error))
    return TRUE;
  /* That fails when the machine has ended: its server is dying as well. */
  if (!owner && group_lock (group, KILLED_MS) == 0) {
    g_clear_pointer (error, g_free);
    return cleanup_group (group, options, error);
  }
  if (!owner)
    return FALSE;
  *error = g_strdup_printf ("\"%s\": its server does not end: %s", options->id, g_strerror (-r));
  return FALSE;
}

static gboolean
remove_task (const options *options, const char *bundle, char **error)
{
  place place = { 0 };
  group group = { .fd = -1 };
  g_autofree char *unread = NULL;
  /* Without its config.json a container can only have a pod of its own. */
  if (!place_read (&place, bundle, options->id, &unread)) {
    place.group = g_strdup (options->id);
    place.owner = TRUE;
  }
  group_name (&group, options, place.group);
  int r = group_open (&group);
  gboolean ok;
  if (r == 0)
    ok = remove_in_group (&group, place.owner, options, error);
  else
    ok = place.owner ? cleanup_sandbox (&group, options, error) : TRUE;
  group_clear (&group);
  place_clear (&place);
  r = rootfs_unmount (bundle);
  if (r < 0 && ok)
    *error = g_strdup_printf ("unmount \"%s/rootfs\": %s", bundle, g_strerror (-r));
  return ok && r == 0;
}

static gboolean
print_response (void)
{
  Shim__DeleteResponse response = SHIM__DELETE_RESPONSE__INIT;
  Shim__Timestamp stamp = SHIM__TIMESTAMP__INIT;
  uint8_t data[64];
  gint64 now = g_get_real_time ();
  stamp.seconds = now / G_USEC_PER_SEC;
  stamp.nanos = (int32_t) (now % G_USEC_PER_SEC) * 1000;
  response.exit_status = 128 + SIGKILL;
  response.exited_at = &stamp;
  size_t length = shim__delete_response__pack (&response, data);
  return write (STDOUT_FILENO, data, length) == (ssize_t) length;
}

int
verb_delete (options *options)
{
  g_autofree char *error = NULL;
  g_autofree char *here = g_get_current_dir ();
  const char *bundle = options->bundle ? options->bundle : here;
  if (!remove_task (options, bundle, &error)) {
    say_failure ("delete \"%s\": %s", options->id, error);
    return 1;
  }
  return print_response () ? 0 : 1;
}
