/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-run: `katactl run`: one container in a virtual machine of its own, in the foreground or detached. */
#include <stdio.h>
#include <unistd.h>

#include "options.h"
#include "output.h"
#include "session.h"
#include "supervise.h"

struct run_flags {
  int detach, interactive, remove, trace;
  uint32_t report_fd; /* 0 = none */
  int64_t timeout_ms;
};

static int
parse (ctl *ctl, request *request, struct run_flags *flags, GPtrArray *arguments, int argc, char **argv)
{
  const option_row rows[] = {
    REQUEST_ROWS (request),
    { 'd', "detach", OPTION_FLAG, &flags->detach, NULL, "run in the background, print the id" },
    { 'i', "interactive", OPTION_FLAG, &flags->interactive, NULL, "give it our standard input (else it is empty)" },
    { 't', "tty", OPTION_FLAG, &request->terminal, NULL, "give it a terminal" },
    { 0, "rm", OPTION_FLAG, &flags->remove, NULL, "remove it at the end, although it has a name or is detached" },
    { 'v', "volume", OPTION_STRINGS, &request->volume_words, "SRC:DST[:ro]",
      "a directory or file of the host; may be repeated" },
    { 'e', "env", OPTION_STRINGS, &request->env_words, "NAME[=VALUE]", "environment variable; may be repeated" },
    { 'w', "workdir", OPTION_STRING, &request->cwd, "DIR", "working directory in the container" },
    { 'u', "user", OPTION_STRING, &request->user, "UID[:GID]", "user and group, as numbers" },
    { 0, "pids", OPTION_COUNT, &request->pids, "N", "at most so many processes" },
    { 0, "read-only", OPTION_FLAG, &request->readonly, NULL, "the root file system cannot be written" },
    { 0, "timeout", OPTION_DURATION, &flags->timeout_ms, "DURATION",
      "kill it after so long, for example 30s; exit code 124" },
    { 0, "trace-timing", OPTION_FLAG, &flags->trace, NULL, "say on stderr how long each part took" },
    { 0, SUPERVISE_OPTION, OPTION_COUNT, &flags->report_fd, "FD", NULL },
    { 0, NULL, 0, NULL, NULL, NULL },
  };
  int rc = options_parse (ctl, rows, arguments, argc, argv, OPTIONS_STOP_AT_ARGUMENT);
  if (rc >= 0)
    return rc;
  if (!request->rootfs && !request->bundle)
    return output_usage (ctl, "what should run? give --rootfs DIR or --bundle DIR");
  if (!request->bundle && arguments->len == 0)
    return output_usage (ctl, "a command is missing behind the options");
  if (request->terminal && flags->interactive && !flags->detach && !isatty (STDIN_FILENO))
    return output_usage (ctl, "-t: standard input is no terminal; leave out -t");
  return -1;
}

static int
spawn (ctl *ctl)
{
  g_autofree char *id = NULL;
  int rc = supervise_spawn (ctl, ctl->argv, ctl->command_index, &id);
  if (rc == CTL_OK && ctl->json)
    output_done (ctl, id, "run");
  else if (rc == CTL_OK)
    printf ("%s\n", id);
  return rc;
}

static int
run (ctl *ctl, request *request, const struct run_flags *flags)
{
  if (flags->detach && !flags->report_fd)
    return spawn (ctl);
  if (flags->report_fd)
    supervise_enter (ctl, (int) flags->report_fd);
  job_block_signals (); /* before the library may make threads */
  if (!ctl_runtime (ctl))
    return CTL_FAILED;
  timing *timing = timing_new (ctl->started_us, flags->trace);
  timing_mark (timing, "configuration");
  session session = {
    .job = { .ctl = ctl, .timeout_ms = flags->timeout_ms, .terminal = request->terminal },
    .request = request,
    .interactive = flags->interactive,
    .keep = (request->name || flags->detach) && !flags->remove,
    .detached = flags->detach,
    .timing = timing,
  };
  int rc = session_run (&session);
  timing_free (timing);
  return rc;
}

int
cmd_run (ctl *ctl, int argc, char **argv)
{
  request request = { 0 };
  struct run_flags flags = { 0 };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  int rc = parse (ctl, &request, &flags, arguments, argc, argv);
  if (rc < 0)
    rc = request_build (ctl, &request, arguments);
  if (rc < 0)
    rc = run (ctl, &request, &flags);
  request_clear (&request);
  return rc;
}
