/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* change: puts a caller's args, environment, directory, user and terminal into a process. */
#include "oci/change.h"

#include <errno.h>
#include <string.h>

#define TERMINAL_ROWS    24u
#define TERMINAL_COLUMNS 80u

static int
check_strings (const char *key, const char *const *strings, uint32_t max, kata_error **err)
{
  for (uint32_t i = 0; strings[i] != NULL; i++) {
    if (i >= max)
      return kata_error__set (err, KATA_E_LIMIT, key, "%s: more than %u entries", key, max);
    if (strnlen (strings[i], KATA_OCI_STRING_MAX + 1) > KATA_OCI_STRING_MAX)
      return kata_error__set (err, KATA_E_LIMIT, key, "%s[%u]: longer than %u bytes", key, i, KATA_OCI_STRING_MAX);
    /* It becomes a protobuf string, which is UTF-8. */
    if (!g_utf8_validate (strings[i], -1, NULL))
      return kata_error__set (err, KATA_E_INVALID, key, "%s[%u]: is not valid UTF-8", key, i);
  }
  return 0;
}

/* Variables of the same name are replaced, others added. */
static int
merge_env (kata_oci_process *process, kata_arena *arena, const char *const *env, kata_error **err)
{
  size_t n_old = process->env != NULL ? g_strv_length (process->env) : 0, n_new = g_strv_length ((char **) env);
  char **merged = kata_arena__new0 (arena, char *, n_old + n_new + 1);
  size_t n = 0;

  for (; n < n_old; n++)
    merged[n] = process->env[n];
  for (size_t i = 0; i < n_new; i++) {
    const char *equals = strchr (env[i], '=');
    size_t j, name = equals != NULL ? (size_t) (equals - env[i]) + 1 : 0;
    if (name <= 1)
      return kata_error__set (err, KATA_E_INVALID, "env", "env[%zu]: \"%.64s\" is not NAME=value", i, env[i]);
    for (j = 0; j < n; j++)
      if (strncmp (merged[j], env[i], name) == 0)
        break;
    merged[j] = kata_arena__strdup (arena, env[i]);
    n = MAX (n, j + 1);
  }
  if (n > KATA_OCI_ENV_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "env", "env: more than %u variables", KATA_OCI_ENV_MAX);
  process->env = merged;
  return 0;
}

static bool
parse_number (const char **text, uint32_t *out)
{
  char *end = NULL;
  if (!g_ascii_isdigit (**text))
    return false;
  errno = 0;
  guint64 number = g_ascii_strtoull (*text, &end, 10);
  /* (uid_t) -1 means "leave it alone" to the kernel. */
  if (errno != 0 || number >= UINT32_MAX)
    return false;
  *text = end;
  *out = (uint32_t) number;
  return true;
}

static int
set_user (kata_oci_process *process, const char *user, kata_error **err)
{
  const char *pos = user;
  uint32_t uid = 0, gid = 0;
  bool ok = parse_number (&pos, &uid);
  if (ok && *pos == ':') {
    pos++;
    ok = parse_number (&pos, &gid);
  }
  if (!ok || *pos != '\0')
    return kata_error__set (err, KATA_E_INVALID, "user",
                            "user: \"%.64s\" is neither uid nor uid:gid; names are not looked up, give numbers", user);
  process->user = (struct kata_oci_user){ .uid = uid, .gid = gid };
  /* Capabilities of root are not to be kept by whom the caller takes down to another user; they stay within reach of setuid programs. */
  if (uid != 0)
    process->capabilities.effective = process->capabilities.permitted = process->capabilities.ambient = NULL;
  return 0;
}

static void
set_terminal (kata_oci_process *process, kata_arena *arena, const struct kata_oci_change *change)
{
  process->terminal = true;
  if (change->rows > 0 || process->console_height == 0)
    process->console_height = change->rows > 0 ? change->rows : TERMINAL_ROWS;
  if (change->columns > 0 || process->console_width == 0)
    process->console_width = change->columns > 0 ? change->columns : TERMINAL_COLUMNS;
  for (char **variable = process->env; variable != NULL && *variable != NULL; variable++)
    if (strncmp (*variable, "TERM=", 5) == 0)
      return;
  process->env = kata_arena__strv_add (arena, process->env, "TERM=xterm");
}

int
kata_oci_process__change (kata_oci_process *process, kata_arena *arena, const struct kata_oci_change *change,
                          kata_error **err)
{
  int rc = 0;
  if (change->args != NULL) {
    if (change->args[0] == NULL || change->args[0][0] == '\0')
      return kata_error__set (err, KATA_E_INVALID, "args", "args: the program's name is missing");
    rc = check_strings ("args", change->args, KATA_OCI_ARGS_MAX, err);
    process->args = rc == 0 ? kata_arena__strv (arena, change->args) : NULL;
  }
  if (rc == 0 && change->env != NULL)
    rc = check_strings ("env", change->env, KATA_OCI_ENV_MAX, err);
  if (rc == 0 && change->env != NULL)
    rc = merge_env (process, arena, change->env, err);
  if (rc == 0 && change->user != NULL)
    rc = set_user (process, change->user, err);
  if (rc == 0 && change->cwd != NULL) {
    if (change->cwd[0] != '/' || strnlen (change->cwd, 4096) >= 4096 || !g_utf8_validate (change->cwd, -1, NULL))
      return kata_error__set (err, KATA_E_INVALID, "cwd", "cwd: \"%.64s\" is no absolute path", change->cwd);
    process->cwd = kata_arena__strdup (arena, change->cwd);
  }
  if (rc == 0 && (change->rows > UINT16_MAX || change->columns > UINT16_MAX))
    rc = kata_error__set (err, KATA_E_INVALID, "rows", "rows, columns: a terminal has at most %d", UINT16_MAX);
  if (rc == 0 && (change->terminal || process->terminal))
    set_terminal (process, arena, change);
  return rc;
}
