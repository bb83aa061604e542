/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process: reads runtime-spec config.md#process. */
#include "oci/process.h"

#include <string.h>

#include "oci/read.h"

/* A process on its own: the struct and what owns its strings. */
struct owned_process {
  kata_oci_process process; /* first: the callers' pointer */
  kata_arena *arena;
};

static void
read_user (struct kata_json_reader *r, const kata_json *value, struct kata_oci_user *out)
{
  if (value == NULL)
    return;
  static const char *const known[] = { "uid", "gid", "umask", "additionalGids", "username", NULL };
  kata_json__warn_unknown (r, value, known);
  out->uid = kata_json__get_u32 (r, value, "uid");
  out->gid = kata_json__get_u32 (r, value, "gid");
  out->umask = kata_oci__get_u64 (r, value, "umask", 0777);
  out->username = kata_json__get_string (r, value, "username");
  const kata_json *gids = kata_json__get_array (r, value, "additionalGids");
  if (gids != NULL)
    out->additional_gids = kata_arena__new0 (r->arena, uint32_t, gids->n);
  KATA_FOREACH (gid, gids)
    out->additional_gids[out->n_additional_gids++] = (uint32_t) kata_json__u64 (r, gid, UINT32_MAX);
}

/* capabilities(7) of Linux 6.1, which has had no new ones since 5.9. */
static const char *const capabilities[] = { "AUDIT_CONTROL",   "AUDIT_READ",   "AUDIT_WRITE",
                                            "BLOCK_SUSPEND",   "BPF",          "CHECKPOINT_RESTORE",
                                            "CHOWN",           "DAC_OVERRIDE", "DAC_READ_SEARCH",
                                            "FOWNER",          "FSETID",       "IPC_LOCK",
                                            "IPC_OWNER",       "KILL",         "LEASE",
                                            "LINUX_IMMUTABLE", "MAC_ADMIN",    "MAC_OVERRIDE",
                                            "MKNOD",           "NET_ADMIN",    "NET_BIND_SERVICE",
                                            "NET_BROADCAST",   "NET_RAW",      "PERFMON",
                                            "SETFCAP",         "SETGID",       "SETPCAP",
                                            "SETUID",          "SYSLOG",       "SYS_ADMIN",
                                            "SYS_BOOT",        "SYS_CHROOT",   "SYS_MODULE",
                                            "SYS_NICE",        "SYS_PACCT",    "SYS_PTRACE",
                                            "SYS_RAWIO",       "SYS_RESOURCE", "SYS_TIME",
                                            "SYS_TTY_CONFIG",  "WAKE_ALARM",   NULL };

/* One that Linux has not is a warning and not an error since runtime-spec 1.1: engines are newer than kernels. */
static char **
read_capability_list (struct kata_json_reader *r, const kata_json *value, const char *name)
{
  char **list = kata_json__get_strv (r, value, name), **kept = list;
  const kata_json *array = kata_json__get (value, name);
  for (char **item = list; item != NULL && *item != NULL; item++) {
    if (strncmp (*item, "CAP_", 4) != 0)
      kata_json__fail (r, array, "\"%.64s\" is no capability; names begin with CAP_", *item);
    else if (!g_strv_contains (capabilities, *item + 4))
      kata_json__warn (r, array, "\"%.64s\" is no capability of Linux and has no effect", *item);
    else
      *kept++ = *item;
  }
  if (kept != NULL)
    *kept = NULL;
  return list;
}

static void
read_capabilities (struct kata_json_reader *r, const kata_json *value, struct kata_oci_capabilities *out)
{
  if (value == NULL)
    return;
  out->have = true;
  out->bounding = read_capability_list (r, value, "bounding");
  out->effective = read_capability_list (r, value, "effective");
  out->inheritable = read_capability_list (r, value, "inheritable");
  out->permitted = read_capability_list (r, value, "permitted");
  out->ambient = read_capability_list (r, value, "ambient");
}

static void
read_rlimits (struct kata_json_reader *r, const kata_json *array, kata_oci_process *out)
{
  if (array == NULL)
    return;
  out->rlimits = kata_arena__new0 (r->arena, struct kata_oci_rlimit, array->n);
  KATA_FOREACH (item, array) {
    struct kata_oci_rlimit *limit = &out->rlimits[out->n_rlimits];
    if (!kata_json__is (r, item, KATA_JSON_OBJECT))
      return;
    limit->type = kata_json__get_string_required (r, item, "type");
    limit->hard = kata_json__get_u64 (r, item, "hard");
    limit->soft = kata_json__get_u64 (r, item, "soft");
    if (limit->type == NULL)
      return;
    if (strncmp (limit->type, "RLIMIT_", 7) != 0)
      kata_json__fail (r, item, "\"%.64s\" is no limit; names begin with RLIMIT_", limit->type);
    if (limit->soft > limit->hard)
      kata_json__fail (r, item, "the soft limit is above the hard one");
    /* The specification wants an error for the same type twice. */
    for (size_t i = 0; i < out->n_rlimits; i++)
      if (strcmp (out->rlimits[i].type, limit->type) == 0)
        kata_json__fail (r, item, "%.64s is there twice", limit->type);
    out->n_rlimits++;
    if (out->n_rlimits > 64)
      kata_json__fail (r, array, "there are more limits than Linux knows");
    if (r->result < 0)
      return;
  }
}

static void
read_lists (struct kata_json_reader *r, const kata_json *value, kata_oci_process *out)
{
  const kata_json *args = kata_json__get_array (r, value, "args"), *env = kata_json__get_array (r, value, "env");
  uint32_t items_max = r->items_max;
  r->items_max = KATA_OCI_ARGS_MAX;
  if (kata_json__is (r, args, KATA_JSON_ARRAY))
    out->args = kata_json__get_strv (r, value, "args");
  r->items_max = KATA_OCI_ENV_MAX;
  if (kata_json__is (r, env, KATA_JSON_ARRAY))
    out->env = kata_json__get_strv (r, value, "env");
  r->items_max = items_max;
  if (args == NULL || args->n == 0)
    kata_json__missing (r, value, "args");
  else if (out->args != NULL && out->args[0][0] == '\0')
    kata_json__fail (r, args->first, "is empty; the program's name is expected");
}

static void
read_console (struct kata_json_reader *r, const kata_json *size, kata_oci_process *out)
{
  out->console_height = (uint32_t) kata_json__u64 (r, kata_json__get (size, "height"), UINT16_MAX);
  out->console_width = (uint32_t) kata_json__u64 (r, kata_json__get (size, "width"), UINT16_MAX);
}

void
kata_oci__read_process (struct kata_json_reader *r, const kata_json *value, kata_oci_process *out)
{
  static const char *const known[] = { "terminal",
                                       "consoleSize",
                                       "user",
                                       "args",
                                       "env",
                                       "cwd",
                                       "capabilities",
                                       "rlimits",
                                       "commandLine",
                                       "noNewPrivileges",
                                       "apparmorProfile",
                                       "oomScoreAdj",
                                       "scheduler",
                                       "selinuxLabel",
                                       "ioPriority",
                                       "execCPUAffinity",
                                       NULL };
  static const char *const unused[] = { "scheduler", "ioPriority", "execCPUAffinity", "commandLine", NULL };
  if (!kata_json__is (r, value, KATA_JSON_OBJECT))
    return;
  kata_json__warn_unknown (r, value, known);
  for (const char *const *name = unused; *name != NULL; name++)
    if (kata_json__get (value, *name) != NULL)
      kata_json__warn (r, kata_json__get (value, *name), "cannot be sent to the guest's agent and has no effect");

  out->terminal = kata_json__get_bool (r, value, "terminal");
  read_console (r, kata_json__get_object (r, value, "consoleSize"), out);
  read_user (r, kata_json__get_object (r, value, "user"), &out->user);
  read_lists (r, value, out);
  out->cwd = kata_oci__get_absolute (r, value, "cwd");
  if (out->cwd == NULL)
    kata_json__missing (r, value, "cwd");
  read_capabilities (r, kata_json__get_object (r, value, "capabilities"), &out->capabilities);
  read_rlimits (r, kata_json__get_array (r, value, "rlimits"), out);
  out->no_new_privileges = kata_json__get_bool (r, value, "noNewPrivileges");
  out->apparmor_profile = kata_json__get_string (r, value, "apparmorProfile");
  out->oom_score_adj = kata_oci__get_i64 (r, value, "oomScoreAdj");
  if (out->oom_score_adj.value < -1000 || out->oom_score_adj.value > 1000)
    kata_json__fail (r, kata_json__get (value, "oomScoreAdj"), "is not in -1000 … 1000");
  out->selinux_label = kata_json__get_string (r, value, "selinuxLabel");
}

int
kata_oci_process__parse (kata_oci_process **out, const char *text, size_t len, kata_error **err)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  struct kata_json_reader reader;
  const kata_json *root = NULL;
  struct owned_process *owned = kata_arena__new0 (arena, struct owned_process, 1);

  int rc = kata_oci__read_text (&reader, &root, arena, text, len, err);
  if (rc < 0)
    return rc;
  kata_oci__read_process (&reader, root, &owned->process);
  if (reader.result < 0)
    return reader.result;
  owned->arena = g_steal_pointer (&arena);
  *out = &owned->process;
  return 0;
}

void
kata_oci_process__free (kata_oci_process *process)
{
  if (process != NULL)
    kata_arena__free (((struct owned_process *) process)->arena);
}
