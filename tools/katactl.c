/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* katactl: the command line of libkata for people: the table of commands and the choice among them. */
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "verbs/oci.h"
#include "options.h"
#include "output.h"

#define EXAMPLES(...)                                                                                                  \
  (const char *const[])                                                                                                \
  {                                                                                                                    \
    __VA_ARGS__, NULL                                                                                                  \
  }

const command ctl_commands[] = {
  { "run", NULL, "(--rootfs DIR | --bundle DIR) [--] COMMAND [ARGUMENT...]",
    "Run a container in a virtual machine of its own.",
    EXAMPLES ("katactl run --rootfs DIR -- uname -a", "one command; nothing is left",                    //
              "katactl run -it --rootfs DIR -- sh", "a shell",                                           //
              "echo hi | katactl run -i --rootfs DIR -- cat", "with standard input",                     //
              "katactl run -d --name web --memory 512M --bundle DIR", "an OCI bundle in the background", //
              "katactl run -v /srv/data:/data:ro --rootfs DIR -- ls /data", "with a directory of the host"),
    cmd_run },
  { "exec", NULL, "ID [--] COMMAND [ARGUMENT...]", "Run one more process in a container that runs.",
    EXAMPLES ("katactl exec web -- ps", "one command", "katactl exec -it web -- sh", "a shell"), cmd_exec },
  { "list", "ps", "", "Show all sandboxes.",
    EXAMPLES ("katactl list", "a table", "katactl list -q", "only the ids", "katactl list --json", "for programs"),
    cmd_list },
  { "inspect", NULL, "ID", "Show everything known of a sandbox, as JSON.",
    EXAMPLES ("katactl inspect web", "state, containers, plan, processes, timing"), cmd_inspect },
  { "logs", NULL, "ID", "Show what a detached container wrote.",
    EXAMPLES ("katactl logs web", "both streams, each to ours", "katactl logs -f -n 10 web",
              "the last lines, and go on"),
    cmd_logs },
  { "stats", NULL, "[ID...]", "Show what containers use.",
    EXAMPLES ("katactl stats", "all that run", "katactl stats --watch web", "again and again"), cmd_stats },
  { "pause", NULL, "ID...", "Stop the CPUs of a virtual machine (ID/CONTAINER: freeze one container).",
    EXAMPLES ("katactl pause web", "its memory stays"), cmd_pause },
  { "resume", NULL, "ID...", "Let a paused virtual machine or container go on.",
    EXAMPLES ("katactl resume web", "as before"), cmd_resume },
  { "snapshot", NULL, "ID DIR", "Write a paused sandbox into an empty directory.",
    EXAMPLES ("mkdir -m 700 /var/tmp/web && katactl snapshot web /var/tmp/web", "it stays paused"), cmd_snapshot },
  { "restore", NULL, "DIR", "Make a sandbox, paused, from what `snapshot` wrote.",
    EXAMPLES ("katactl restore /var/tmp/web && katactl resume web", "with the options that it was run with"),
    cmd_restore },
  { "refresh", NULL, "ID...", "Give the guest what came into its network namespace since, and take what went.",
    EXAMPLES ("katactl refresh web", "after `docker network connect` or `ip -n ... addr add`"), cmd_refresh },
  { "resize", NULL, "ID", "Give a running machine more or fewer processors, or more memory.",
    EXAMPLES ("katactl resize --vcpus 2 web", "where default_maxvcpus allows it", "katactl resize web",
              "how large it is, and how large it can become"),
    cmd_resize },
  { "disk", NULL, "add|remove ID DISK", "Give a virtual machine one more disk (ID=PATH[:ro]), or take one away.",
    EXAMPLES ("katactl disk add web data=/var/lib/data.img", "containers created from now on can name it", //
              "katactl disk remove web data", "closes the file"),
    cmd_disk },
  { "device", NULL, "add|remove ID DEVICE", "Give a running guest a PCI device of the host, or take one away.",
    EXAMPLES ("katactl device add web 0000:01:00.0", "bound to vfio-pci; hot_plug_vfio makes room for it", //
              "katactl device remove web 0000:01:00.0", "the host can have it again"),
    cmd_device },
  { "kill", NULL, "ID...", "Send a signal to a container.",
    EXAMPLES ("katactl kill web", "SIGKILL", "katactl kill -s HUP web", "any other"), cmd_kill },
  { "stop", NULL, "ID...", "End containers and their virtual machine; they stay listed.",
    EXAMPLES ("katactl stop web", "SIGTERM, after 10 seconds SIGKILL", "katactl stop -t 0 web", "at once"), cmd_stop },
  { "delete", "rm", "ID...", "Remove sandboxes with everything they have on the host.",
    EXAMPLES ("katactl delete web", "one that has ended", "katactl delete -f web db", "two that may run"), cmd_delete },
  { "wait", NULL, "ID...", "Wait until a container has ended; print its exit status.",
    EXAMPLES ("katactl wait web", "prints for example 0", "katactl wait --timeout 30s web", "not for ever"), cmd_wait },
  { "plan", NULL, "", "Show what `run` would decide, as JSON; makes nothing.",
    EXAMPLES ("katactl plan --cpus 2 --memory 1G", "and the hypervisor's command line"), cmd_plan },
  { "check", NULL, "", "Can this host run containers in virtual machines? What to do if not?",
    EXAMPLES ("katactl check", "exit code 1 when something required is missing"), cmd_check },
  { "env", NULL, "", "Show settings in force, versions, host, hypervisor, kernel and image.",
    EXAMPLES ("katactl env --json", "for a bug report"), cmd_env },
  { "hypervisor", NULL, "[list|choose]", "Show what the hypervisors can do on this host, and which one fits.",
    EXAMPLES ("katactl hypervisor list", "the capabilities of each", //
              "katactl hypervisor choose --require pause,kvm", "best first, with reasons"),
    cmd_hypervisor },
  { "recover", "cleanup", "", "Undo what processes that were killed have left.",
    EXAMPLES ("katactl recover", "leaves alone what runs", "katactl recover --all", "removes every sandbox"),
    cmd_recover },
  { "monitor", NULL, "", "Serve Prometheus metrics and the status of all sandboxes over HTTP.",
    EXAMPLES ("katactl monitor", "on 127.0.0.1:8090", "katactl monitor --listen [::1]:9090",
              "elsewhere on the loopback"),
    cmd_monitor },
  { "version", NULL, "", "Show the versions of katactl and libkata.",
    EXAMPLES ("katactl version --json", "for programs"), cmd_version },
  { "help", NULL, "[COMMAND]", "Show the commands, or the options of one.",
    EXAMPLES ("katactl help run", "as katactl run --help"), cmd_help },
  { "supervise", NULL, "ID", "Take over a detached container whose supervisor was killed.", NULL, cmd_supervise, 1 },
  { NULL, NULL, NULL, NULL, NULL, NULL, 0 },
};

const command *
ctl_find_command (const char *name)
{
  for (const command *c = ctl_commands; c->name; c++)
    if (strcmp (c->name, name) == 0 || (c->alias && strcmp (c->alias, name) == 0))
      return c;
  return NULL;
}

static int
unknown_command (ctl *ctl, const char *name)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (const command *c = ctl_commands; c->name; c++)
    if (!c->hidden)
      g_ptr_array_add (names, (void *) c->name);
  g_ptr_array_add (names, NULL);
  const char *nearest = options_nearest (name, (const char *const *) names->pdata);
  if (nearest)
    return output_usage (ctl, "there is no command \"%s\"; did you mean \"%s\"?", name, nearest);
  return output_usage (ctl, "there is no command \"%s\"", name);
}

static int
choose (ctl *ctl)
{
  int version = 0;
  const option_row rows[] = {
    { 0, "version", OPTION_FLAG, &version, NULL, NULL },
    { 0, NULL, 0, NULL, NULL, NULL },
  };
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  int rc = options_parse (ctl, rows, words, ctl->argc, ctl->argv, OPTIONS_STOP_AT_ARGUMENT);
  if (rc >= 0)
    return rc;
  if (version)
    return cmd_version (ctl, 1, ctl->argv);
  if (words->len == 0)
    return output_usage (ctl, "a command is missing");
  const char *name = words->pdata[0];
  ctl->command_index = ctl->argc - (int) words->len;
  ctl->command = ctl_find_command (name);
  if (!ctl->command)
    return unknown_command (ctl, name);
  return ctl->command->run (ctl, (int) words->len, ctl->argv + ctl->command_index);
}

/* What the caller closed stays so (reading and writing fail there), but is no place for a file or a pipe of ours. */
static void
keep_standard_streams (void)
{
  int fd;
  do
    fd = open ("/dev/null", fcntl (STDIN_FILENO, F_GETFD) < 0 ? O_WRONLY : O_RDONLY);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0)
    close (fd);
}

int
main (int argc, char **argv)
{
  keep_standard_streams ();
  ctl ctl = { .argc = argc, .argv = argv, .report_fd = -1, .started_us = g_get_monotonic_time () };
  setlocale (LC_CTYPE, "");
  if (oci_is_called (argv[0]))
    return oci_main (argc, argv);
  if (argc > 1 && strcmp (argv[1], "oci") == 0)
    return oci_main (argc - 1, argv + 1);
  int rc = choose (&ctl);
  /* A full disk or a closed pipe must not look like success. */
  if (fflush (stdout) != 0 && rc == CTL_OK)
    rc = CTL_FAILED;
  kata_runtime_unref (ctl.runtime);
  return rc;
}
