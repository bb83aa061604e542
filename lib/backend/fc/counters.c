/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* counters: Firecracker's metrics: it is asked to write a line of them, which comes through a FIFO. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/fc/jail.h"
#include "base/error.h"
#include "base/fd.h"

/* What a FIFO holds; a line of version 1.12 is 10 KiB, and 2 KiB more for each device. */
#define TEXT_MAX 65536u
#define RETRY_MS 2
#define BEGINS   "{\"utc_timestamp_ms\""

/* A FIFO, not a file: Firecracker writes a line each minute, for ever, and what does not fit into one it drops. */
int
kata_fc__make_metrics (kata_external_vm *vm, const struct kata_fc_jail *jail, const kata_vm_plan *plan,
                       kata_error **err)
{
  static const char name[] = KATA_FC_METRICS;
  bool made = mkfifoat (vm->dir_fd, name, 0600) == 0;
  if (made && jail->root_fd >= 0)
    made = fchownat (vm->dir_fd, name, plan->jailer_uid, plan->jailer_gid, AT_SYMLINK_NOFOLLOW) == 0 &&
           linkat (vm->dir_fd, name, jail->root_fd, name, 0) == 0;
  return made ? 0 : kata_error__errno (err, KATA_E_IO, name, errno, "make %s/%s", vm->dir, name);
}

/* What one reads another cannot: of two processes that ask at once each would have a part of the lines. The lock goes with the descriptor. */
static int
take_turn (const kata_external_vm *vm, int fd, int64_t deadline_us, kata_error **err)
{
  while (flock (fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return kata_error__errno (err, KATA_E_IO, KATA_FC_METRICS, errno, "lock %s/%s", vm->dir, KATA_FC_METRICS);
    if (!kata_external__pause (vm->vmm.pidfd, RETRY_MS, deadline_us))
      return kata_error__set (err, KATA_E_TIMEOUT, KATA_FC_METRICS,
                              "Firecracker's metrics: another process reads them; try again");
  }
  return 0;
}

/* Appends what is there now, at most what a FIFO holds. */
static void
drain (int fd, GString *text)
{
  char buffer[4096];
  ssize_t n;
  while (text->len < TEXT_MAX && (n = read (fd, buffer, sizeof buffer)) > 0)
    g_string_append_len (text, buffer, n);
}

/* The last whole line, from where it begins: one before it that did not fit was cut off anywhere. NULL: there is none; g_free(). */
static char *
last_line (GString *text)
{
  const char *end = memrchr (text->str, '\n', text->len);
  if (end == NULL)
    return NULL;
  g_string_truncate (text, (gsize) (end - text->str));
  const char *start = g_strrstr_len (text->str, (gssize) text->len, BEGINS);
  return start != NULL ? g_strdup (start) : NULL;
}

static int
read_counters (void *handle, char **json, const kata_backend_env *env, kata_error **err)
{
  static const kata_fc_request flush = { "PUT", (char *) "/actions", (char *) "{\"action_type\":\"FlushMetrics\"}" };
  kata_external_vm *vm = handle;
  g_autoptr (GString) text = g_string_new (NULL);
  struct stat st;
  if (kata_external_vm__ended (vm))
    return kata_external_vm__ended_error (vm, "read its counters", err);
  kata_auto_fd int fd = openat (vm->dir_fd, KATA_FC_METRICS, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0 || fstat (fd, &st) != 0)
    return kata_error__errno (err, KATA_E_IO, KATA_FC_METRICS, errno, "open %s/%s", vm->dir, KATA_FC_METRICS);
  if (!S_ISFIFO (st.st_mode))
    return kata_error__set (err, KATA_E_PROTOCOL, KATA_FC_METRICS, "%s/%s is no FIFO", vm->dir, KATA_FC_METRICS);
  int code = take_turn (vm, fd, env->deadline_us, err);
  if (code < 0)
    return code;
  drain (fd, text); /* makes room */
  g_string_truncate (text, 0);
  code = kata_fc__ask (vm, &flush, env->deadline_us, err);
  if (code < 0)
    return code;
  drain (fd, text);
  *json = last_line (text);
  return *json != NULL ? 0
                       : kata_error__set (err, KATA_E_PROTOCOL, KATA_FC_METRICS,
                                          "Firecracker wrote no line of metrics that it was asked for");
}

const kata_backend_counters kata_fc__counters = { sizeof (kata_backend_counters), read_counters };
