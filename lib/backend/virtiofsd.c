/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtiofsd: find, command line, start. */
#include "backend/virtiofsd.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>

#include "backend/capability.h"
#include "base/error.h"
#include "base/fd.h"

static char *
key_of (const char *hypervisor, const char *name)
{
  return g_strdup_printf ("hypervisor.%s.%s", hypervisor, name);
}

/* Of all VMMs that share by virtio-fs one has 9p besides. */
static const char *
remedy_for (const char *hypervisor)
{
  return strcmp (hypervisor, "qemu") == 0
             ? "install virtiofsd (Debian 12: qemu-system-common), set the key, or set shared_fs = \"virtio-9p\""
             : "install virtiofsd (Debian 12: qemu-system-common) or set the key";
}

/* Finds the program, g_free(). KATA_E_HOST. */
static int
find (char **out, const char *hypervisor, const char *configured, kata_error **err)
{
  static const char *const names[] = { "virtiofsd", NULL };
  g_autofree char *key = key_of (hypervisor, "virtio_fs_daemon");
  return kata_external__find (out, configured, key, names, remedy_for (hypervisor), err);
}

/* Asks --version. */
static int
find_kind (struct kata_virtiofsd *server, int64_t deadline_us, kata_error **err)
{
  g_autofree char *text = NULL;
  g_autofree char *key = key_of (server->hypervisor, "virtio_fs_daemon");
  int code = kata_external__output (&text, server->program, "--version", deadline_us, err);
  if (code < 0)
    return code;
  if (strstr (text, "virtiofsd") == NULL)
    return kata_error__set (err, KATA_E_HOST, key, "%s: \"%s\" is no virtiofsd: it calls itself \"%.80s\"; %s", key,
                            server->program, text, remedy_for (server->hypervisor));
  /* Only the C one tells the FUSE interface it was built with. */
  server->kind = strstr (text, "FUSE kernel interface") != NULL ? KATA_VIRTIOFSD_C : KATA_VIRTIOFSD_RUST;
  return 0;
}

/* A configured argument is refused if it would undo what we rely on. */
static bool
is_forbidden (const char *arg)
{
  static const char *const options[] = {
    "--socket-path", "--fd", "--shared-dir", "--sandbox", "--seccomp", "--daemonize", "--print-capabilities",
    "-o=",           NULL
  };
  static const char *const words[] = { "source=", "sandbox=", "modcaps=", "allow_root", NULL };
  for (size_t i = 0; options[i] != NULL; i++)
    if (g_str_has_prefix (arg, options[i]))
      return true;
  for (size_t i = 0; words[i] != NULL; i++)
    if (strstr (arg, words[i]) != NULL)
      return true;
  return false;
}

static int
add_configured (GPtrArray *argv, const struct kata_virtiofsd *server, const kata_vm_plan *plan, kata_error **err)
{
  g_autofree char *key = key_of (server->hypervisor, "virtio_fs_extra_args");
  for (size_t i = 0; plan->virtiofsd_args != NULL && plan->virtiofsd_args[i] != NULL; i++) {
    const char *arg = plan->virtiofsd_args[i];
    if (is_forbidden (arg))
      return kata_error__set (err, KATA_E_CONFIG, key, "%s: \"%s\" is set by the library; remove it", key, arg);
    /* Kata's default configuration speaks to the Rust server; this one of its options the C server spells in another way. */
    if (server->kind == KATA_VIRTIOFSD_C && strcmp (arg, "--announce-submounts") == 0) {
      g_ptr_array_add (argv, g_strdup ("-o"));
      arg = "announce_submounts";
    }
    g_ptr_array_add (argv, g_strdup (arg));
  }
  return 0;
}

static int
cache_mode (const char **out, const struct kata_virtiofsd *server, const char *mode, kata_error **err)
{
  g_autofree char *key = key_of (server->hypervisor, "virtio_fs_cache");
  if (mode == NULL || mode[0] == '\0')
    mode = "auto";
  bool never = strcmp (mode, "never") == 0 || strcmp (mode, "none") == 0;
  bool metadata = strcmp (mode, "metadata") == 0;
  if (!never && !metadata && strcmp (mode, "auto") != 0 && strcmp (mode, "always") != 0)
    return kata_error__set (err, KATA_E_CONFIG, key, "%s: \"%s\" is none of auto, always, never, metadata", key, mode);
  if (never)
    mode = server->kind == KATA_VIRTIOFSD_C ? "none" : "never";
  else if (metadata && server->kind == KATA_VIRTIOFSD_C)
    mode = "none"; /* the next stricter one that it has */
  *out = mode;
  return 0;
}

void
kata_virtiofsd__probe (const char *hypervisor, const kata_vm_plan *plan, kata_capabilities *caps)
{
  g_autofree char *program = NULL;
  g_autoptr (kata_error) error = NULL;
  int code = find (&program, hypervisor, plan->virtiofsd_path, &error);
  struct kata_virtiofsd server = { hypervisor, program, KATA_VIRTIOFSD_C };
  if (code == 0)
    code = find_kind (&server, kata_deadline__within (INT64_MAX, KATA_EXTERNAL_VERSION_MS), &error);
  if (code == 0 && geteuid () != 0)
    code = kata_error__set (&error, KATA_E_PERMISSION, NULL, "virtiofsd needs root to keep the owners of files");
  if (code == 0)
    kata_capabilities__grant (caps, KATA_CAP_FS_SHARE_VIRTIOFS);
  else
    kata_capabilities__lack (caps, KATA_CAP_FS_SHARE_VIRTIOFS, "%s", kata_error_get_message (error));
}

/*
 * The C server takes its options as one comma-separated list and undoes "\" escapes in it; a directory with a comma or a backslash must not be
 * read as two options.
 */
static char *
escape_for_c (const char *path)
{
  GString *out = g_string_new (NULL);
  for (const char *p = path; *p != '\0'; p++) {
    if (*p == ',' || *p == '\\')
      g_string_append_c (out, '\\');
    g_string_append_c (out, *p);
  }
  return g_string_free (out, FALSE);
}

int
kata_virtiofsd__argv (char ***out, const struct kata_virtiofsd *server, const kata_vm_plan *plan, uint64_t nofile,
                      kata_error **err)
{
  const char *cache = NULL;
  if (plan->share_dir == NULL || plan->share_dir[0] != '/')
    return kata_error__set (err, KATA_E_INVALID, "share_dir", "virtio-fs: no absolute directory to share");
  int code = cache_mode (&cache, server, plan->virtiofs_cache, err);
  if (code < 0)
    return code;
  GPtrArray *argv = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (argv, g_strdup (server->program));
  g_ptr_array_add (argv, g_strdup ("--fd=3"));
  if (server->kind == KATA_VIRTIOFSD_C) {
    g_autofree char *dir = escape_for_c (plan->share_dir);
    /* flock and POSIX locks stay local to the guest: nobody else writes below the share meanwhile. */
    g_ptr_array_add (argv, g_strdup ("-o"));
    g_ptr_array_add (argv, g_strdup_printf ("source=%s,cache=%s,sandbox=namespace,xattr,log_level=%s", dir, cache,
                                            plan->debug ? "info" : "warn"));
  } else {
    g_ptr_array_add (argv, g_strdup_printf ("--shared-dir=%s", plan->share_dir));
    g_ptr_array_add (argv, g_strdup_printf ("--cache=%s", cache));
    g_ptr_array_add (argv, g_strdup ("--sandbox=namespace"));
    g_ptr_array_add (argv, g_strdup ("--seccomp=kill"));
    g_ptr_array_add (argv, g_strdup ("--xattr"));
    g_ptr_array_add (argv, g_strdup_printf ("--log-level=%s", plan->debug ? "info" : "warn"));
  }
  /* Both want to raise the limit to a million, which a host without CAP_SYS_RESOURCE refuses. */
  g_ptr_array_add (argv, g_strdup_printf ("--rlimit-nofile=%" G_GUINT64_FORMAT, nofile));
  code = add_configured (argv, server, plan, err);
  g_ptr_array_add (argv, NULL);
  if (code < 0) {
    g_strfreev ((char **) g_ptr_array_free (argv, FALSE));
    return code;
  }
  *out = (char **) g_ptr_array_free (argv, FALSE);
  return 0;
}

int
kata_virtiofsd__start (kata_child *out, const char *hypervisor, const kata_vm_plan *plan, int dir_fd,
                       const kata_backend_env *env, kata_error **err)
{
  g_autofree char *program = NULL;
  g_auto (GStrv) argv = NULL;
  kata_auto_fd int log = -1, sock = -1;
  struct rlimit nofile = { 1024, 1024 };
  getrlimit (RLIMIT_NOFILE, &nofile);
  int code = find (&program, hypervisor, plan->virtiofsd_path, err);
  struct kata_virtiofsd server = { hypervisor, program, KATA_VIRTIOFSD_C };
  if (code == 0)
    code = find_kind (&server, kata_deadline__within (env->deadline_us, KATA_EXTERNAL_VERSION_MS), err);
  if (code == 0)
    code = kata_virtiofsd__argv (&argv, &server, plan, MIN (nofile.rlim_max, 1000000), err);
  if (code == 0)
    code = kata_external__log_file (&log, dir_fd, plan->dir, KATA_VIRTIOFSD_LOG, env, err);
  if (code == 0)
    code = kata_external__record_file (plan->dir, KATA_VIRTIOFSD_SOCKET, env, err);
  if (code == 0)
    code = kata_external__listen (&sock, dir_fd, KATA_VIRTIOFSD_SOCKET, SOCK_STREAM, err);
  if (code < 0)
    return code;
  struct kata_external_record record = { "virtiofsd", env };
  kata_child_options options = KATA_CHILD_OPTIONS_INIT;
  const kata_child_fd fds[] = { { sock, 3 } };
  const kata_child_rlimit descriptors = kata_external__descriptors ();
  options.rlimits = &descriptors;
  options.n_rlimits = 1;
  options.program = program;
  options.argv = (const char *const *) argv;
  options.stderr_fd = options.stdout_fd = log;
  options.fds = fds;
  options.n_fds = 1;
  options.record = kata_external__record_process;
  options.record_data = &record;
  return kata_child__spawn (out, &options, err);
}
