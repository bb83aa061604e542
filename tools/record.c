/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* record: what katactl keeps of a named or detached run beside the library's state: who supervises it, how it ended, its log. */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "metrics/socket.h"
#include "members.h"
#include "output.h"

#define RECORD_FOLDER ".katactl"
/* The only names that katactl makes in a record; nothing else is ever removed. */
static const char *const record_files[] = { METRICS_SOCKET, "lock", "log", "log.1", "status.json", "status.json.new" };

char *
record_directory (ctl *ctl, const char *id)
{
  return g_build_filename (kata_runtime_get_state_dir (ctl->runtime), RECORD_FOLDER, id, NULL);
}

static int
open_lock (const char *directory, int flags)
{
  g_autofree char *path = g_build_filename (directory, "lock", NULL);
  return open (path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
}

/* The pid is for people; what counts is the lock, which the kernel drops with the process. */
static int
hold_lock (int fd)
{
  if (fd < 0)
    return -1;
  if (flock (fd, LOCK_EX | LOCK_NB) < 0) {
    int saved = errno;
    close (fd);
    errno = saved;
    return -1;
  }
  g_autofree char *pid = g_strdup_printf ("%d\n", (int) getpid ());
  if (ftruncate (fd, 0) < 0 || pwrite (fd, pid, strlen (pid), 0) < 0)
    return fd; /* the lock is held all the same */
  return fd;
}

static void
write_status (const char *directory, const char *command, int exit_status, const char *error, int64_t finished)
{
  g_autofree char *path = g_build_filename (directory, "status.json", NULL);
  g_autofree char *fresh = g_build_filename (directory, "status.json.new", NULL);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "command");
  json_builder_add_string_value (builder, command ? command : "");
  json_builder_set_member_name (builder, "exit_status");
  json_builder_add_int_value (builder, exit_status);
  json_builder_set_member_name (builder, "finished");
  json_builder_add_int_value (builder, finished);
  if (error) {
    json_builder_set_member_name (builder, "error");
    json_builder_add_string_value (builder, error);
  }
  json_builder_end_object (builder);
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  JsonNode *root = json_builder_get_root (builder);
  json_generator_set_root (generator, root);
  if (json_generator_to_file (generator, fresh, NULL))
    g_rename (fresh, path); /* readers see the old or the new one, never half of it */
  json_node_unref (root);
}

int
record_begin (ctl *ctl, const char *id, const char *const *command)
{
  record_remove (ctl, id); /* left by an earlier run of this name */
  g_autofree char *directory = record_directory (ctl, id);
  if (g_mkdir_with_parents (directory, 0700) < 0)
    return -1;
  int fd = hold_lock (open_lock (directory, O_CREAT));
  if (fd < 0)
    return -1;
  g_autofree char *line = command ? g_strjoinv (" ", (char **) command) : NULL;
  write_status (directory, line, -1, NULL, 0);
  return fd;
}

int
record_take_over (ctl *ctl, const char *id)
{
  g_autofree char *directory = record_directory (ctl, id);
  return hold_lock (open_lock (directory, 0));
}

void
record_finish (ctl *ctl, const char *id, int exit_status, const char *error)
{
  g_autofree char *directory = record_directory (ctl, id);
  record_status before;
  record_read (ctl, id, &before);
  write_status (directory, before.command, exit_status, error, g_get_real_time () / G_USEC_PER_SEC);
  record_status_clear (&before);
}

int
record_is_supervised (ctl *ctl, const char *id)
{
  g_autofree char *directory = record_directory (ctl, id);
  int fd = open_lock (directory, 0);
  if (fd < 0)
    return 0;
  int held = flock (fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
  close (fd);
  return held;
}

void
record_read (ctl *ctl, const char *id, record_status *status)
{
  *status = (record_status){ .exit_status = -1 };
  g_autofree char *directory = record_directory (ctl, id);
  g_autofree char *path = g_build_filename (directory, "status.json", NULL);
  g_autofree char *text = NULL;
  if (!g_file_get_contents (path, &text, NULL, NULL))
    return;
  g_autoptr (JsonParser) parser = NULL;
  JsonObject *object = members_parse (text, &parser);
  status->exists = object != NULL;
  status->exit_status = (int) members_int (object, "exit_status", -1);
  status->finished = members_int (object, "finished", 0);
  status->command = g_strdup (members_string (object, "command"));
  status->error = g_strdup (members_string (object, "error"));
}

void
record_status_clear (record_status *status)
{
  g_free (status->command);
  g_free (status->error);
  *status = (record_status){ .exit_status = -1 };
}

int
record_wait_supervisor (ctl *ctl, const char *id, int64_t timeout_ms)
{
  int64_t until = timeout_ms == KATA_TIMEOUT_NONE ? INT64_MAX : g_get_monotonic_time () + timeout_ms * 1000;
  for (int64_t pause = 5000; record_is_supervised (ctl, id); pause = MIN (pause * 2, 100 * 1000)) {
    if (g_get_monotonic_time () >= until)
      return -1;
    g_usleep ((gulong) pause);
  }
  return 0;
}

void
record_remove (ctl *ctl, const char *id)
{
  g_autofree char *directory = record_directory (ctl, id);
  for (size_t i = 0; i < G_N_ELEMENTS (record_files); i++) {
    g_autofree char *path = g_build_filename (directory, record_files[i], NULL);
    g_unlink (path);
  }
  g_rmdir (directory);
  g_autofree char *folder = g_path_get_dirname (directory);
  g_rmdir (folder); /* only when it was the last one */
}

void
record_sweep (ctl *ctl, char *const *ids)
{
  g_autofree char *folder = g_build_filename (kata_runtime_get_state_dir (ctl->runtime), RECORD_FOLDER, NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir)))
    if (!g_strv_contains ((const char *const *) ids, name) && !record_is_supervised (ctl, name))
      record_remove (ctl, name);
  g_rmdir (folder);
}
