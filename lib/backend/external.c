/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* external: programs, files and journal records for adapters of external VMMs; logs are in external-log.c, sockets in external-socket.c. */
#include "backend/external.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include <kata/runtime.h>

#include "base/error.h"
#include "base/fd.h"

#define OUTPUT_MAX      16384
#define ARGS_MAX        3
#define DESCRIPTORS_MAX ((rlim_t) 1 << 20)

static const char *const program_dirs[] = {
  "/usr/local/bin", "/usr/local/sbin", "/usr/bin",      "/usr/sbin",     "/bin",
  "/sbin",          "/usr/libexec",    "/usr/lib/qemu", "/opt/kata/bin", "/opt/kata/libexec"
};

static bool
is_program (const char *path)
{
  struct stat st;
  return stat (path, &st) == 0 && S_ISREG (st.st_mode) && access (path, X_OK) == 0;
}

int
kata_external__find (char **out, const char *configured, const char *key, const char *const *names, const char *remedy,
                     kata_error **err)
{
  if (configured != NULL && configured[0] != '\0') {
    if (configured[0] != '/')
      return kata_error__set (err, KATA_E_CONFIG, key, "%s: \"%s\" is not an absolute path", key, configured);
    struct stat st;
    if (stat (configured, &st) < 0)
      return kata_error__set (err, KATA_E_HOST, key, "%s: \"%s\": %s; %s", key, configured, g_strerror (errno), remedy);
    if (!is_program (configured))
      return kata_error__set (err, KATA_E_HOST, key, "%s: \"%s\" is not an executable file; %s", key, configured,
                              remedy);
    *out = g_strdup (configured);
    return 0;
  }
  for (size_t n = 0; names[n] != NULL; n++) {
    if (names[n][0] == '/') {
      if (is_program (names[n])) {
        *out = g_strdup (names[n]);
        return 0;
      }
      continue;
    }
    for (size_t d = 0; d < G_N_ELEMENTS (program_dirs); d++) {
      g_autofree char *path = g_build_filename (program_dirs[d], names[n], NULL);
      if (is_program (path)) {
        *out = g_steal_pointer (&path);
        return 0;
      }
    }
  }
  return kata_error__set (err, KATA_E_HOST, key, "%s: there is no %s on this host; %s", key, names[0], remedy);
}

/* Reads until the pipe closes, the buffer is full or the deadline passes. */
static int
read_all (int fd, GString *text, int64_t deadline_us, const char *program, kata_error **err)
{
  char buf[4096];
  for (;;) {
    struct pollfd poller = { .fd = fd, .events = POLLIN };
    int n = poll (&poller, 1, kata_deadline__poll_ms (deadline_us));
    if (n < 0 && errno == EINTR)
      continue;
    if (n == 0)
      return kata_error__set (err, KATA_E_TIMEOUT, program, "%s does not answer", program);
    ssize_t got = read (fd, buf, sizeof buf);
    if (got <= 0 || text->len >= OUTPUT_MAX)
      return 0;
    g_string_append_len (text, buf, MIN (got, (ssize_t) (OUTPUT_MAX - text->len)));
  }
}

int
kata_external__output (char **out, const char *program, const char *arg, int64_t deadline_us, kata_error **err)
{
  const char *const args[] = { arg, NULL };
  return kata_external__output_of (out, program, args, deadline_us, err);
}

int
kata_external__run (char **out, kata_exit_status *status, const char *program, const char *const *args,
                    int64_t deadline_us, kata_error **err)
{
  const char *argv[ARGS_MAX + 2] = { program };
  for (size_t i = 0; i < ARGS_MAX && args[i] != NULL; i++)
    argv[i + 1] = args[i];
  int pipes[2];
  if (pipe2 (pipes, O_CLOEXEC) < 0)
    return kata_error__errno (err, KATA_E_IO, NULL, errno, "run %s: make a pipe", program);
  kata_auto_fd int in = pipes[0];
  kata_auto_fd int pipe_out = pipes[1];
  kata_child_options options = KATA_CHILD_OPTIONS_INIT;
  kata_child child = { .pidfd = -1 };
  options.program = program;
  options.argv = argv;
  options.stdout_fd = options.stderr_fd = pipe_out;
  int code = kata_child__spawn (&child, &options, err);
  if (code < 0)
    return code;
  kata_fd__closep (&pipe_out);
  g_autoptr (GString) text = g_string_new (NULL);
  *status = (kata_exit_status){ 0 };
  code = read_all (in, text, deadline_us, program, err);
  kata_fd__closep (&in); /* who has more to say than is read ends by that, and does not wait */
  if (code == 0)
    code = kata_pidfd__wait (child.pidfd, deadline_us, err);
  if (code == 0)
    kata_pidfd__reap (child.pidfd, status);
  kata_child__discard (&child);
  if (code < 0)
    return code;
  *out = g_strdup (g_strstrip (text->str));
  return 0;
}

int
kata_external__output_of (char **out, const char *program, const char *const *args, int64_t deadline_us,
                          kata_error **err)
{
  g_autofree char *text = NULL;
  kata_exit_status status;
  int code = kata_external__run (&text, &status, program, args, deadline_us, err);
  if (code < 0)
    return code;
  if (status.code != 0 || status.signal != 0 || text[0] == '\0') {
    g_autofree char *how = kata_exit_status__text (&status);
    return kata_error__set (err, KATA_E_HOST, program, "%s %s: %s: %.300s", program, args[0], how, text);
  }
  *out = g_steal_pointer (&text);
  return 0;
}

bool
kata_external__parse_version (const char *text, unsigned version[3])
{
  for (const char *p = text; *p != '\0'; p++) {
    if (!g_ascii_isdigit (*p))
      continue;
    unsigned v[3] = { 0 };
    if (sscanf (p, "%5u.%5u.%5u", &v[0], &v[1], &v[2]) >= 2) {
      memcpy (version, v, sizeof v);
      return true;
    }
    while (g_ascii_isdigit (p[1]))
      p++;
  }
  return false;
}

int
kata_external__find_version (char **out, unsigned version[3], const char *configured,
                             const kata_external_program *wanted, int64_t deadline_us, kata_error **err)
{
  g_autofree char *path = NULL;
  g_autofree char *text = NULL;
  unsigned least[3];
  int code = kata_external__find (&path, configured, wanted->key, wanted->names, wanted->remedy, err);
  if (code < 0)
    return code;
  kata_error *cause = NULL;
  code = kata_external__output (&text, path, wanted->arg, deadline_us, &cause);
  if (code < 0)
    return kata_error__wrap (err, cause, wanted->key, "%s: \"%s\" cannot be run", wanted->key, path);
  kata_external__parse_version (wanted->least, least);
  if (!g_str_has_prefix (text, wanted->says) || !kata_external__parse_version (text, version))
    return kata_error__set (err, KATA_E_HOST, wanted->key,
                            "%s: \"%s\" is not what is looked for: it calls itself \"%.80s\"; %s", wanted->key, path,
                            text, wanted->remedy);
  if (version[0] < least[0] || (version[0] == least[0] && version[1] < least[1]))
    return kata_error__set (err, KATA_E_HOST, wanted->key, "%s: \"%s\" is version %u.%u, %s is needed", wanted->key,
                            path, version[0], version[1], wanted->least);
  *out = g_steal_pointer (&path);
  return 0;
}

int
kata_external__check_seen (const kata_vm_disk *disk, const char *path, int source, kata_error **err)
{
  struct stat wanted, seen;
  if (fstat (source, &wanted) == 0 && stat (path, &seen) == 0 && wanted.st_dev == seen.st_dev &&
      wanted.st_ino == seen.st_ino)
    return 0;
  return kata_error__set (err, KATA_E_HOST, disk->path,
                          "disk \"%s\": \"%s\" cannot be shown to the hypervisor, which was started in another mount "
                          "namespace",
                          disk->id, disk->path);
}

int
kata_external__open_file (int *fd, const char *path, bool writable, const char *key, kata_error **err)
{
  struct stat st;
  kata_auto_fd int opened = open (path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (opened < 0 || fstat (opened, &st) < 0)
    return kata_error__errno (err, KATA_E_GUEST, key, errno, "%s: \"%s\"", key, path);
  if (!S_ISREG (st.st_mode) && !S_ISBLK (st.st_mode))
    return kata_error__set (err, KATA_E_GUEST, key, "%s: \"%s\" is not a file", key, path);
  if (S_ISREG (st.st_mode) && st.st_size == 0)
    return kata_error__set (err, KATA_E_GUEST, key, "%s: \"%s\" is empty", key, path);
  *fd = kata_fd__steal (&opened);
  return 0;
}

int
kata_external__open_dir (int *dir_fd, const char *dir, kata_error **err)
{
  int fd = open (dir, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return kata_error__errno (err, KATA_E_IO, dir, errno, "sandbox directory %s", dir);
  *dir_fd = fd;
  return 0;
}

int
kata_external__record_file (const char *dir, const char *name, const kata_backend_env *env, kata_error **err)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);
  kata_undo undo = { .size = sizeof undo, .kind = KATA_UNDO_FILE, .role = name, .path = path };
  return env->record (env->journal, &undo, err);
}

int
kata_external__record_process (void *data, const kata_pid_identity *identity, kata_error **err)
{
  const struct kata_external_record *record = data;
  kata_undo undo = { .size = sizeof undo,
                     .kind = KATA_UNDO_PROCESS,
                     .role = record->role,
                     .pid = identity->pid,
                     .start_time = identity->start_time };
  return record->env->record (record->env->journal, &undo, err);
}

kata_child_rlimit
kata_external__descriptors (void)
{
  kata_child_rlimit out = { RLIMIT_NOFILE, { 0, 0 } };
  if (getrlimit (RLIMIT_NOFILE, &out.limit) == 0)
    out.limit.rlim_cur = MAX (out.limit.rlim_cur, MIN (out.limit.rlim_max, DESCRIPTORS_MAX));
  return out;
}

kata_child_rlimit
kata_external__locked_memory (void)
{
  kata_child_rlimit out = { RLIMIT_MEMLOCK, { RLIM_INFINITY, RLIM_INFINITY } };
  if (getrlimit (RLIMIT_MEMLOCK, &out.limit) == 0)
    out.limit.rlim_cur = out.limit.rlim_max;
  return out;
}

void
kata_external__debug (const kata_backend_env *env, const char *format, ...)
{
  if (env->log == NULL)
    return;
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  env->log (env->log_data, KATA_LOG_DEBUG, text);
}
