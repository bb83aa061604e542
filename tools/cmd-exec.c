/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-exec: `katactl exec`: one more process in a container that runs. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "job.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "request.h"
#include "resolve.h"
#include "stream.h"
#include "supervise.h"
#include "terminal.h"

struct exec {
  job job; /* first: the job's address is this one's */
  int detach, interactive, terminal;
  uint32_t report_fd; /* 0 = none */
  int64_t timeout_ms;
  const char *cwd, *user;
  GPtrArray *env_words, *env;
  kata_sandbox *sandbox;
  kata_container *container;
  kata_exec_options options;
};

static int
start_failed (struct exec *exec, const kata_error *err)
{
  int code = kata_error_get_code (err), rc = CTL_FAILED;
  const char *key = kata_error_get_key (err);
  int about_program = key && strstr (key, "process.args") != NULL;
  if (about_program && code == KATA_E_NOT_FOUND)
    rc = CTL_NO_PROGRAM;
  else if (about_program && code == KATA_E_PERMISSION)
    rc = CTL_NOT_EXECUTABLE;
  return output_error_as (exec->job.ctl, rc, err);
}

static int
outcome (struct exec *exec, int rc, int status, const kata_error *err)
{
  job *job = &exec->job;
  if (g_atomic_int_get (&job->timed_out))
    return output_fail (job->ctl, CTL_TIMED_OUT, "timed out after %.3g s; the process was killed",
                        (double) job->timeout_ms / 1000);
  if (g_atomic_int_get (&job->output_closed))
    return CTL_SIGNAL_BASE + 13; /* SIGPIPE */
  return rc == 0 ? status : output_error (job->ctl, NULL, err);
}

static int
attend (struct exec *exec, kata_process *process)
{
  job *job = &exec->job;
  CTL_AUTO (error) err = NULL;
  int status = 0;
  sink out = exec->detach ? sink_null () : sink_fd (STDOUT_FILENO);
  sink error = exec->detach ? sink_null () : sink_fd (STDERR_FILENO);
  streams_options options = { .out = &out,
                              .err = exec->terminal ? NULL : &error,
                              .input = exec->interactive && !exec->detach ? STDIN_FILENO : -1,
                              .closed_fd = exec->detach ? -1 : job->closed_fd };
  if (exec->detach) {
    g_atomic_int_set (&job->reported, 1);
    supervise_report (job->ctl, kata_process_get_id (process));
  } else if (exec->terminal && exec->interactive) {
    terminal_raw ();
  }
  streams *streams = streams_start (process, &options);
  if (!exec->interactive && !exec->terminal)
    kata_process_close_stdin (process, KATA_TIMEOUT_DEFAULT, NULL); /* fails only when it has ended already */
  int rc = kata_process_wait (process, &status, KATA_TIMEOUT_NONE, &err);
  streams_finish (streams, rc < 0, NULL);
  job_set_process (job, NULL);
  terminal_restore ();
  return outcome (exec, rc, status, err);
}

static int
work (job *job)
{
  struct exec *exec = (struct exec *) job;
  CTL_AUTO (process) process = NULL;
  CTL_AUTO (error) err = NULL;
  progress *progress = progress_begin (job->ctl, "starting the process");
  int rc = kata_container_exec (&process, exec->container, &exec->options, KATA_TIMEOUT_DEFAULT, &err);
  progress_end (&progress);
  if (rc < 0)
    return start_failed (exec, err);
  job_set_process (job, process); /* from here on the signals and the clock are the process's: none falls between */
  if (job_interrupted (job)) {
    kata_process_signal (process, 9, KATA_TIMEOUT_DEFAULT, NULL);
    if (g_atomic_int_get (&job->timed_out))
      return outcome (exec, 0, 0, NULL);
    return CTL_SIGNAL_BASE + g_atomic_int_get (&job->interrupted);
  }
  return attend (exec, process);
}

static int
parse (ctl *ctl, struct exec *exec, GPtrArray *arguments, int argc, char **argv)
{
  const option_row rows[] = {
    { 'd', "detach", OPTION_FLAG, &exec->detach, NULL, "do not wait for it; its output is thrown away" },
    { 'i', "interactive", OPTION_FLAG, &exec->interactive, NULL, "give it our standard input (else it is empty)" },
    { 't', "tty", OPTION_FLAG, &exec->terminal, NULL, "give it a terminal" },
    { 'e', "env", OPTION_STRINGS, &exec->env_words, "NAME[=VALUE]", "environment variable; may be repeated" },
    { 'w', "workdir", OPTION_STRING, &exec->cwd, "DIR", "working directory" },
    { 'u', "user", OPTION_STRING, &exec->user, "UID[:GID]", "user and group, as numbers" },
    { 0, "timeout", OPTION_DURATION, &exec->timeout_ms, "DURATION",
      "kill it after so long, for example 30s; exit code 124" },
    { 0, SUPERVISE_OPTION, OPTION_COUNT, &exec->report_fd, "FD", NULL },
    { 0, NULL, 0, NULL, NULL, NULL },
  };
  int rc = options_parse (ctl, rows, arguments, argc, argv, OPTIONS_STOP_AT_ARGUMENT);
  if (rc >= 0)
    return rc;
  /* "exec ID -- CMD": the first "--" ended no options, it stands behind the id. */
  if (arguments->len > 1 && g_str_equal (arguments->pdata[1], "--"))
    g_ptr_array_remove_index (arguments, 1);
  if (arguments->len < 2)
    return output_usage (ctl, "%s is missing", arguments->len == 0 ? "the id of a sandbox" : "a command");
  if (exec->terminal && exec->interactive && !exec->detach && !isatty (STDIN_FILENO))
    return output_usage (ctl, "-t: standard input is no terminal; leave out -t");
  exec->env = request_environment (ctl, exec->env_words, exec->terminal);
  return exec->env ? -1 : CTL_USAGE;
}

static int
run (ctl *ctl, struct exec *exec, GPtrArray *arguments)
{
  g_ptr_array_add (arguments, NULL);
  if (exec->detach && !exec->report_fd) {
    g_autofree char *id = NULL;
    int rc = supervise_spawn (ctl, ctl->argv, ctl->command_index, &id);
    if (rc == CTL_OK && ctl->json)
      output_done (ctl, id, "exec");
    return rc;
  }
  if (exec->report_fd)
    supervise_enter (ctl, (int) exec->report_fd);
  job_block_signals ();
  int rc = resolve_container (ctl, arguments->pdata[0], &exec->sandbox, &exec->container);
  if (rc != 0)
    return rc;
  exec->options = (kata_exec_options) KATA_EXEC_OPTIONS_INIT;
  exec->options.args = (const char *const *) arguments->pdata + 1;
  exec->options.env = (const char *const *) exec->env->pdata;
  exec->options.cwd = exec->cwd;
  exec->options.user = exec->user;
  exec->options.flags = exec->terminal ? KATA_EXEC_TERMINAL : 0;
  if (exec->terminal)
    terminal_size (&exec->options.rows, &exec->options.columns);
  exec->job = (job){
    .ctl = ctl, .work = work, .timeout_ms = exec->timeout_ms, .terminal = exec->terminal, .supervisor = exec->detach
  };
  return job_run (&exec->job);
}

int
cmd_exec (ctl *ctl, int argc, char **argv)
{
  struct exec exec = { 0 };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  int rc = parse (ctl, &exec, arguments, argc, argv);
  if (rc < 0)
    rc = run (ctl, &exec, arguments);
  kata_container_unref (exec.container);
  kata_sandbox_unref (exec.sandbox);
  if (exec.env)
    g_ptr_array_unref (exec.env);
  if (exec.env_words)
    g_ptr_array_unref (exec.env_words);
  return rc;
}
