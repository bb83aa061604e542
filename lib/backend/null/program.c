/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* program: true, false, exit, echo, cat, sleep, bytes, env, sh -c; everything blocking can be killed and paused. */
#include "backend/null/program.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KILLED        (-1)
#define NOT_FOUND     127
#define PAUSE_STEP_MS 10

/* Waits for @fd (-1 = only for time to pass), a kill, or @timeout_ms. Returns 1, 0 or KILLED. */
static int
wait_for (struct null_program *p, int fd, short events, int timeout_ms)
{
  for (;;) {
    gboolean paused = g_atomic_int_get (&p->paused) != 0;
    struct pollfd fds[] = { { p->kill_fd, POLLIN, 0 }, { paused ? -1 : fd, events, 0 } };
    int n = poll (fds, 2, paused ? PAUSE_STEP_MS : timeout_ms);
    if (n < 0 && errno != EINTR)
      return KILLED;
    if (fds[0].revents != 0)
      return KILLED;
    if (n > 0)
      return 1;
    if (n == 0 && !paused)
      return 0;
  }
}

static int
put (struct null_program *p, int fd, const char *data, size_t len)
{
  while (len > 0) {
    if (wait_for (p, fd, POLLOUT, -1) == KILLED)
      return KILLED;
    ssize_t n = send (fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      continue;
    if (n < 0)
      return 1;
    data += n;
    len -= (size_t) n;
  }
  return 0;
}

static int
run_cat (struct null_program *p)
{
  g_autofree char *buffer = g_malloc (65536);
  for (;;) {
    if (wait_for (p, p->in, POLLIN, -1) == KILLED)
      return KILLED;
    ssize_t n = read (p->in, buffer, 65536);
    if (n <= 0)
      return 0;
    int code = put (p, p->out, buffer, (size_t) n);
    if (code != 0)
      return code;
  }
}

static int
run_sleep (struct null_program *p, const char *seconds)
{
  double wanted = seconds != NULL ? g_ascii_strtod (seconds, NULL) : 0;
  int ms = wanted > 2000000 || strcmp (seconds != NULL ? seconds : "", "infinity") == 0 ? -1 : (int) (wanted * 1000);
  return wait_for (p, -1, 0, ms) == KILLED ? KILLED : 0;
}

/* `bytes N`: N bytes of a pattern that repeats every 251, so that a lost or doubled chunk shows. */
static int
run_bytes (struct null_program *p, const char *count)
{
  guint64 left = count != NULL ? g_ascii_strtoull (count, NULL, 10) : 0;
  g_autofree char *buffer = g_malloc (251 * 256);
  for (size_t i = 0; i < 251 * 256; i++)
    buffer[i] = (char) (i % 251);
  while (left > 0) {
    size_t n = (size_t) MIN (left, 251 * 256);
    int code = put (p, p->out, buffer, n);
    if (code != 0)
      return code;
    left -= n;
  }
  return 0;
}

static int
run_echo (struct null_program *p, char **words)
{
  int fd = p->out;
  g_autoptr (GString) line = g_string_new (NULL);
  for (; *words != NULL; words++) {
    if (strcmp (*words, ">&2") == 0 || strcmp (*words, "1>&2") == 0)
      fd = p->err;
    else
      g_string_append_printf (line, "%s%s", line->len > 0 ? " " : "", *words);
  }
  g_string_append_c (line, '\n');
  return put (p, fd, line->str, line->len);
}

static int run_words (struct null_program *p, char **words);

/* `sh -c`: commands between semicolons, words as a shell quotes them; stops at `exit` and when killed. */
static int
run_script (struct null_program *p, const char *script)
{
  int code = 0;
  g_auto (GStrv) commands = g_strsplit (script != NULL ? script : "", ";", -1);
  for (char **c = commands; *c != NULL; c++) {
    g_auto (GStrv) words = NULL;
    if (*g_strstrip (*c) == '\0')
      continue;
    if (!g_shell_parse_argv (*c, NULL, &words, NULL))
      return 2;
    code = run_words (p, words);
    if (code == KILLED || strcmp (words[0], "exit") == 0)
      return code;
  }
  return code;
}

static int
run_words (struct null_program *p, char **words)
{
  g_autofree char *name = g_path_get_basename (words[0]);
  if (strcmp (name, "true") == 0)
    return 0;
  if (strcmp (name, "false") == 0)
    return 1;
  if (strcmp (name, "exit") == 0)
    return words[1] != NULL ? (int) (g_ascii_strtoull (words[1], NULL, 10) & 0xff) : 0;
  if (strcmp (name, "echo") == 0)
    return run_echo (p, words + 1);
  if (strcmp (name, "cat") == 0)
    return run_cat (p);
  if (strcmp (name, "sleep") == 0)
    return run_sleep (p, words[1]);
  if (strcmp (name, "bytes") == 0)
    return run_bytes (p, words[1]);
  if (strcmp (name, "sh") == 0 && words[1] != NULL && strcmp (words[1], "-c") == 0)
    return run_script (p, words[2]);
  return strcmp (name, "sh") == 0 ? run_cat (p) : NOT_FOUND;
}

gboolean
kata_null_program__exists (const char *name)
{
  static const char *const known[] = { "true", "false", "exit", "echo", "cat", "sleep", "bytes", "sh", NULL };
  g_autofree char *base = g_path_get_basename (name);
  return g_strv_contains (known, base);
}

int
kata_null_program__run (struct null_program *program)
{
  return run_words (program, program->args);
}
