/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* main: kata-runtime's words before the verb, and the choice among the verbs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verbs/args.h"
#include "verbs/oci.h"

static const oci_verb verbs[] = {
  { "create", oci_create, "--bundle DIR [--pid-file FILE] [--console-socket SOCKET] ID" },
  { "start", oci_start, "ID" },
  { "state", oci_state, "ID" },
  { "kill", oci_kill, "[--all] ID [SIGNAL]" },
  { "delete", oci_delete, "[--force] ID" },
  { "run", oci_run, "--bundle DIR [--detach] [--pid-file FILE] [--console-socket SOCKET] ID" },
  { "exec", oci_exec, "[--process FILE | options] ID [COMMAND ARGUMENT...]" },
  { "ps", oci_ps, "[--format table|json] ID" },
  { "list", oci_list, "[--format table|json] [--quiet]" },
  { "events", oci_events, "[--stats] [--interval DURATION] ID" },
  { "pause", oci_pause, "ID" },
  { "resume", oci_resume, "ID" },
  { "update", oci_update, "[--resources FILE | options] ID" },
  { "features", oci_features, "" },
  { "spec", oci_spec, "[--bundle DIR]" },
  { "keep", oci_keep, NULL },
  { NULL, NULL, NULL },
};

int
oci_is_called (const char *name)
{
  static const char *const names[] = { "kata-runtime", "kata-oci", "kata-qemu", "kata-fc", "kata", NULL };
  const char *slash = strrchr (name, '/');
  return g_strv_contains (names, slash ? slash + 1 : name);
}

static int
print_usage (void)
{
  puts ("kata-runtime: an OCI runtime whose containers run in virtual machines; the words of runc\n\n"
        "usage: kata-runtime [--root DIR] [--log FILE] [--log-format text|json] [--debug] [--kata-config FILE] VERB "
        "...\n");
  for (const oci_verb *verb = verbs; verb->name; verb++)
    if (verb->usage)
      printf ("  %-9s %s\n", verb->name, verb->usage);
  return OCI_OK;
}

static int
print_version (void)
{
  printf ("kata-runtime version %s\ncommit: libkata %s\nspec: %s\n", KATACTL_VERSION, kata_version (),
          OCI_SPEC_VERSION);
  return OCI_OK;
}

/* Engines call us with next to no environment. */
static void
set_path (void)
{
  if (!getenv ("PATH"))
    setenv ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
}

/* Rootless engines run us as root of a user namespace, where /run is not ours; they say where it is, as to runc. */
static char *
user_state_dir (void)
{
  g_autofree char *map = NULL;
  const char *folder = getenv ("XDG_RUNTIME_DIR");
  unsigned long inside = 0, outside = 0, count = 0;
  if (!folder || *folder != '/' || !g_file_get_contents ("/proc/self/uid_map", &map, NULL, NULL) ||
      sscanf (map, "%lu %lu %lu", &inside, &outside, &count) != 3 || (inside == outside && count >= 4294967295UL))
    return NULL;
  return g_build_filename (folder, "libkata", NULL);
}

static int
choose (oci *oci, int argc, char **argv)
{
  int version = 0, help = 0;
  const arg_row rows[] = {
    { "root", 0, ARG_TEXT, &oci->ctl.state_dir },
    { "log", 0, ARG_TEXT, &oci->log },
    { "log-format", 0, ARG_TEXT, &oci->log_format },
    { "log-level", 0, ARG_TEXT, &oci->log_level },
    { "debug", 0, ARG_FLAG, &oci->debug },
    { "systemd-cgroup", 0, ARG_FLAG, &oci->systemd_cgroup },
    { "cgroup-manager", 0, ARG_IGNORED, NULL },
    { "rootless", 0, ARG_IGNORED, NULL },
    { "criu", 0, ARG_IGNORED, NULL },
    { "kata-config", 0, ARG_TEXT, &oci->ctl.config },
    { "hypervisor", 0, ARG_TEXT, &oci->ctl.hypervisor },
    { "version", 'v', ARG_FLAG, &version },
    { "help", 'h', ARG_FLAG, &help },
    { NULL, 0, 0, NULL },
  };
  int first = args_parse (oci, rows, argc, argv);
  if (first < 0)
    return OCI_FAILED;
  if (version)
    return print_version ();
  if (help || first == argc || strcmp (argv[first], "help") == 0)
    return print_usage ();
  for (const oci_verb *verb = verbs; verb->name; verb++)
    if (strcmp (verb->name, argv[first]) == 0)
      return verb->run (oci, argc - first, argv + first);
  return oci_fail (oci, OCI_FAILED, "no such verb: \"%s\"; kata-runtime --help lists them", argv[first]);
}

int
oci_main (int argc, char **argv)
{
  oci oci = { .ctl = { .argc = argc, .argv = argv, .report_fd = -1, .started_us = g_get_monotonic_time () } };
  set_path ();
  g_autofree char *state_dir = user_state_dir ();
  oci.ctl.state_dir = state_dir;
  int rc = choose (&oci, argc, argv);
  if (fflush (stdout) != 0 && rc == OCI_OK)
    rc = OCI_FAILED;
  kata_runtime_unref (oci.ctl.runtime);
  return rc;
}
