/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run: run and exec: what has a foreground. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "verbs/args.h"
#include "verbs/attend.h"
#include "verbs/cgroup.h"
#include "verbs/create.h"
#include "verbs/process.h"
#include "verbs/wire.h"
#include "output.h"

int
oci_run (oci *oci, int argc, char **argv)
{
  create create = { .bundle = "." };
  int keep = 0;
  const arg_row rows[] = {
    { "bundle", 'b', ARG_TEXT, &create.bundle },
    { "console-socket", 0, ARG_TEXT, &create.console_socket },
    { "pid-file", 0, ARG_TEXT, &create.pid_file },
    { "preserve-fds", 0, ARG_TEXT, &create.preserve_fds },
    { "detach", 'd', ARG_FLAG, &create.detached },
    { "keep", 0, ARG_FLAG, &keep },
    { "no-pivot", 0, ARG_FLAG, NULL },
    { "no-new-keyring", 0, ARG_FLAG, NULL },
    { "no-subreaper", 0, ARG_FLAG, NULL },
    { NULL, 0, 0, NULL },
  };
  int first = args_parse_words (oci, rows, argc, argv, 1, 1);
  if (first < 0)
    return OCI_FAILED;
  create.id = argv[first];
  int rc = create_container (oci, OCI_NOT_RUN, &create);
  int made = rc == 0;
  if (made)
    rc = create_start (oci, OCI_NOT_RUN, &create.entry);
  int started = made && rc == 0;
  if (started && !create.detached)
    rc = attend_foreground (create.launch.pid, create.console_socket ? -1 : create.master);
  if (made && (!started || (!create.detached && !keep)) && create_remove (oci, OCI_FAILED, &create.entry, 1) != 0 &&
      started)
    rc = OCI_FAILED;
  create_clear (&create);
  return rc;
}

/* ---- exec ---- */

struct exec {
  process_change change;
  const char *process_file, *console_socket, *pid_file, *preserve_fds;
  int detached;
  int master, slave;
  char *process; /* JSON */
  int terminal;
  launch launch;
};

static int
exec_arguments (oci *oci, struct exec *exec, int argc, char **argv)
{
  const arg_row rows[] = {
    { "process", 'p', ARG_TEXT, &exec->process_file },
    { "console-socket", 0, ARG_TEXT, &exec->console_socket },
    { "pid-file", 0, ARG_TEXT, &exec->pid_file },
    { "preserve-fds", 0, ARG_TEXT, &exec->preserve_fds },
    { "detach", 'd', ARG_FLAG, &exec->detached },
    { "tty", 't', ARG_FLAG, &exec->change.terminal },
    { "cwd", 0, ARG_TEXT, &exec->change.cwd },
    { "env", 'e', ARG_TEXTS, &exec->change.env },
    { "user", 'u', ARG_TEXT, &exec->change.user },
    { "additional-gids", 'g', ARG_TEXTS, &exec->change.groups },
    { "cap", 'c', ARG_TEXTS, &exec->change.capabilities },
    { "no-new-privs", 0, ARG_FLAG, &exec->change.no_new_privileges },
    { "process-label", 0, ARG_IGNORED, NULL },
    { "apparmor", 0, ARG_IGNORED, NULL },
    { "cgroup", 0, ARG_IGNORED, NULL },
    { "ignore-paused", 0, ARG_FLAG, NULL },
    { "no-subreaper", 0, ARG_FLAG, NULL },
    { NULL, 0, 0, NULL },
  };
  int first = args_parse (oci, rows, argc, argv);
  if (first >= 0 && first == argc) {
    oci_fail (oci, OCI_FAILED, "exec: \"exec\" requires a minimum of 1 argument(s)");
    return -1;
  }
  if (first < 0)
    return -1;
  exec->change.args = argv + first + 1;
  if (argc > first + 1 && strcmp (argv[first + 1], "--") == 0)
    exec->change.args++;
  return first;
}

static int
exec_prepare (oci *oci, struct exec *exec, entry *entry)
{
  g_autofree char *why = NULL;
  if (exec->preserve_fds && strcmp (exec->preserve_fds, "0") != 0)
    return oci_fail (oci, OCI_NOT_RUN,
                     "--preserve-fds %s: descriptors of the host cannot be handed into a virtual machine",
                     exec->preserve_fds);
  if (exec->process_file) {
    exec->process = entry_read_file (AT_FDCWD, exec->process_file, 0);
    if (!exec->process)
      return oci_fail (oci, OCI_NOT_RUN, "--process \"%s\": %s", exec->process_file, g_strerror (errno));
  } else {
    if (!*exec->change.args)
      return oci_fail (oci, OCI_NOT_RUN, "exec: process args cannot be empty");
    if (entry_load_config (oci, entry) < 0)
      return oci_fail (oci, OCI_NOT_RUN, "the state of \"%s\" has no config.json", entry->id);
    exec->process = process_compose (entry->config, &exec->change, &why);
    if (!exec->process)
      return oci_fail (oci, OCI_NOT_RUN, "%s", why);
  }
  exec->terminal = process_has_terminal (exec->process);
  if (exec->terminal && exec->detached && !exec->console_socket)
    return oci_fail (oci, OCI_NOT_RUN, "cannot allocate tty if the engine gives no --console-socket");
  if (exec->terminal && launch_terminal (&exec->master, &exec->slave) < 0)
    return oci_fail (oci, OCI_NOT_RUN, "cannot make a terminal: %s", g_strerror (errno));
  return 0;
}

static int
exec_start (oci *oci, struct exec *exec, const entry *entry)
{
  g_autofree char *netns = g_strdup_printf ("/proc/%" G_GINT64_FORMAT "/ns/net", entry->pid);
  exec->launch = (launch){ .network_namespace = netns,
                           .rootfs = entry->rootfs,
                           .rootfs_fd = -1,
                           .tty_fd = exec->slave,
                           .pid = -1,
                           .control_fd = -1 };
  if (!entry_lives (entry))
    return oci_fail (oci, OCI_NOT_RUN, "cannot exec in a stopped container");
  if (entry->rootfs)
    exec->launch.rootfs_fd = open (entry->rootfs, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int rc = launch_proxy (oci, OCI_NOT_RUN, &exec->launch);
  if (exec->launch.rootfs_fd >= 0)
    close (exec->launch.rootfs_fd);
  if (rc != 0)
    return rc;
  if (entry->cgroup)
    cgroup_enter (oci, entry->cgroup, exec->launch.pid);
  const int streams[] = { exec->launch.control_fd, STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
  const int terminal[] = { exec->launch.control_fd, exec->slave };
  JsonBuilder *request = wire_request ("exec", entry->id);
  wire_add_text (request, "process", exec->process);
  wire_add_int (request, "terminal", exec->terminal);
  rc = wire_call (oci, OCI_NOT_RUN, entry->sandbox, request, exec->terminal ? terminal : streams,
                  exec->terminal ? 2 : 4, NULL);
  if (rc < 0)
    rc = oci_fail (oci, OCI_NOT_RUN, "cannot exec in a stopped container");
  return rc;
}

static int
exec_hand_out (oci *oci, const struct exec *exec)
{
  if (exec->console_socket && launch_send_console (exec->console_socket, exec->master) < 0)
    return oci_fail (oci, OCI_NOT_RUN, "--console-socket \"%s\": %s", exec->console_socket, g_strerror (errno));
  if (exec->pid_file && launch_write_pid (exec->pid_file, exec->launch.pid) < 0)
    return oci_fail (oci, OCI_NOT_RUN, "--pid-file \"%s\": %s", exec->pid_file, g_strerror (errno));
  return 0;
}

static void
exec_clear (struct exec *exec)
{
  const int fds[] = { exec->master, exec->slave, exec->launch.control_fd };
  for (size_t i = 0; i < G_N_ELEMENTS (fds); i++)
    if (fds[i] >= 0)
      close (fds[i]);
  g_free (exec->process);
  GPtrArray *const lists[] = { exec->change.env, exec->change.groups, exec->change.capabilities };
  for (size_t i = 0; i < G_N_ELEMENTS (lists); i++)
    if (lists[i])
      g_ptr_array_unref (lists[i]);
}

int
oci_exec (oci *oci, int argc, char **argv)
{
  struct exec exec = { .master = -1, .slave = -1, .launch = { .control_fd = -1, .pid = -1 } };
  entry entry = { 0 };
  int first = exec_arguments (oci, &exec, argc, argv);
  int rc = first < 0 ? OCI_FAILED : entry_load (oci, argv[first], &entry) == OCI_OK ? 0 : OCI_NOT_RUN;
  if (rc == 0)
    rc = exec_prepare (oci, &exec, &entry);
  if (rc == 0)
    rc = exec_start (oci, &exec, &entry);
  if (rc == 0)
    rc = exec_hand_out (oci, &exec);
  if (rc != 0)
    launch_undo (&exec.launch);
  if (exec.slave >= 0)
    close (exec.slave);
  exec.slave = -1;
  if (rc == 0 && !exec.detached)
    rc = attend_foreground (exec.launch.pid, exec.console_socket ? -1 : exec.master);
  exec_clear (&exec);
  entry_clear (&entry);
  return rc;
}
