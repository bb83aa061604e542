/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session: one container in a sandbox of its own from creation to its end, in the foreground or under a supervisor. */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "logfile.h"
#include "metrics/monitor.h"
#include "output.h"
#include "progress.h"
#include "record.h"
#include "stream.h"
#include "supervise.h"
#include "terminal.h"

#define STOP_MS    5000  /* for the guest to end in order when the sandbox is kept */
#define UNMOUNT_MS 10000 /* for the guest to write back what the container wrote */

static void
set_sandbox (session *session, kata_sandbox *sandbox)
{
  g_mutex_lock (&session->job.lock);
  session->sandbox = sandbox;
  g_mutex_unlock (&session->job.lock);
}

static void
session_abort (job *job)
{
  session *session = (struct session *) job;
  g_mutex_lock (&job->lock);
  CTL_AUTO (sandbox) sandbox = kata_sandbox_ref (session->sandbox);
  g_mutex_unlock (&job->lock);
  if (sandbox)
    kata_sandbox_stop (sandbox, 0, NULL); /* what it could not undo, delete tries again and reports */
}

/* The exit code for a failure, which is printed unless the user caused it. */
static int
fail (session *session, const kata_error *err)
{
  job *job = &session->job;
  int signum = g_atomic_int_get (&job->interrupted);
  if (g_atomic_int_get (&job->timed_out))
    return output_fail (job->ctl, CTL_TIMED_OUT,
                        "timed out after %.3g s, before the container ran; give --timeout more",
                        (double) job->timeout_ms / 1000);
  if (signum)
    return CTL_SIGNAL_BASE + signum;
  int code = kata_error_get_code (err), rc = CTL_FAILED;
  const char *key = kata_error_get_key (err);
  int about_program = key && strstr (key, "process.args") != NULL;
  if (about_program && code == KATA_E_NOT_FOUND)
    rc = CTL_NO_PROGRAM;
  else if (about_program && code == KATA_E_PERMISSION)
    rc = CTL_NOT_EXECUTABLE;
  return output_error_as (job->ctl, rc, err);
}

static kata_sandbox *
sandbox_of (void *data)
{
  session *session = data;
  g_mutex_lock (&session->job.lock);
  kata_sandbox *sandbox = session->sandbox ? kata_sandbox_ref (session->sandbox) : NULL;
  g_mutex_unlock (&session->job.lock);
  return sandbox;
}

/* In the record's directory; what fails here costs nobody his container. */
static void
start_monitor (session *session)
{
  g_autofree char *directory = record_directory (session->job.ctl, session->id);
  const metrics_source source = { { session->id, "katactl" }, sandbox_of, NULL, session };
  int fd = open (directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  session->monitor = fd < 0 ? NULL : metrics_monitor_start (fd, &source);
  if (!session->monitor)
    output_note (session->job.ctl, "no metrics are served from \"%s\": %s", directory, g_strerror (errno));
  if (fd >= 0)
    close (fd);
}

static void
stop_monitor (session *session)
{
  metrics_monitor_stop (session->monitor);
  session->monitor = NULL;
}

/* Create and boot. Returns -1 to go on, or an exit code. */
static int
boot (session *session, progress *progress)
{
  job *job = &session->job;
  CTL_AUTO (error) err = NULL;
  kata_sandbox *sandbox = NULL;
  if (kata_sandbox_create (&sandbox, job->ctl->runtime, &session->request->sandbox, &err) < 0)
    return fail (session, err);
  set_sandbox (session, sandbox);
  session->id = g_strdup (kata_sandbox_get_id (sandbox));
  timing_mark (session->timing, "plan");
  if (session->keep || session->detached) {
    session->lock_fd = record_begin (job->ctl, session->id, session->request->container.args);
    if (session->lock_fd < 0)
      return output_fail (job->ctl, CTL_FAILED, "cannot keep a record of \"%s\" in \"%s\": %s", session->id,
                          kata_runtime_get_state_dir (job->ctl->runtime), g_strerror (errno));
    start_monitor (session);
  }
  if (job_interrupted (job))
    return fail (session, NULL);
  progress_set (progress, "starting the virtual machine");
  if (kata_sandbox_start (sandbox, KATA_TIMEOUT_DEFAULT, &err) < 0)
    return fail (session, err);
  timing_mark_sandbox (session->timing, "virtual machine", sandbox);
  return job_interrupted (job) ? fail (session, NULL) : -1;
}

static int
make_container (session *session, progress *progress, kata_process **process)
{
  CTL_AUTO (error) err = NULL;
  progress_set (progress, "creating the container");
  session->request->container.id = session->id;
  if (kata_container_create (&session->container, session->sandbox, &session->request->container, KATA_TIMEOUT_DEFAULT,
                             &err) < 0 ||
      kata_container_get_process (process, session->container, &err) < 0)
    return fail (session, err);
  timing_mark (session->timing, "container");
  if (job_interrupted (&session->job))
    return fail (session, NULL);
  if (kata_container_start (session->container, KATA_TIMEOUT_DEFAULT, &err) < 0)
    return fail (session, err);
  timing_mark (session->timing, "process");
  return -1;
}

/* What the process's end means for us, once its output is copied. */
static int
outcome (session *session, int rc, int status, const kata_error *err)
{
  job *job = &session->job;
  if (g_atomic_int_get (&job->timed_out))
    return output_fail (job->ctl, CTL_TIMED_OUT, "timed out after %.3g s; the container was killed",
                        (double) job->timeout_ms / 1000);
  if (g_atomic_int_get (&job->output_closed))
    return CTL_SIGNAL_BASE + 13; /* SIGPIPE */
  if (rc == 0)
    return status;
  if (job->loop && g_atomic_int_get (&job->interrupted))
    return CTL_SIGNAL_BASE + g_atomic_int_get (&job->interrupted);
  return output_error (job->ctl, NULL, err);
}

/* From the running process to its end. Its exit status, if it is known, is also stored in @status. */
static int
attend (session *session, kata_process *process, logfile *log, int *status)
{
  job *job = &session->job;
  CTL_AUTO (error) err = NULL;
  CTL_AUTO (error) stream_err = NULL;
  sink out = sink_fd (STDOUT_FILENO), error = sink_fd (STDERR_FILENO);
  streams_options options = { .out = log ? logfile_sink (log, KATA_STDOUT) : &out,
                              .err = log ? logfile_sink (log, KATA_STDERR) : &error,
                              .input = session->interactive && !session->detached ? STDIN_FILENO : -1,
                              .timing = session->timing,
                              .closed_fd = session->detached ? -1 : job->closed_fd };
  if (job->terminal)
    options.err = NULL;
  job_set_process (job, process);
  streams *streams = streams_start (process, &options);
  if (!session->interactive && !job->terminal)
    kata_process_close_stdin (process, KATA_TIMEOUT_DEFAULT, NULL); /* fails only when it has ended already */
  int rc = kata_process_wait (process, status, KATA_TIMEOUT_NONE, &err);
  int stream_rc = streams_finish (streams, rc < 0, &stream_err);
  job_set_process (job, NULL);
  terminal_restore ();
  if (rc == 0 && stream_rc < 0 && !job_interrupted (job))
    output_error (job->ctl, "output may be missing", stream_err);
  return outcome (session, rc, *status, err);
}

static int
others_run (session *session)
{
  CTL_AUTO_STRINGS ids = NULL;
  if (kata_sandbox_list_containers (&ids, session->sandbox, NULL) < 0)
    return 0;
  for (char **id = ids; *id; id++) {
    CTL_AUTO (container) container = NULL;
    if (session->container && strcmp (*id, kata_container_get_id (session->container)) == 0)
      continue;
    if (kata_container_open (&container, session->sandbox, *id, NULL) == 0 &&
        kata_container_get_state (container) != KATA_STATE_STOPPED)
      return 1;
  }
  return 0;
}

static void
remove_all (session *session)
{
  ctl *ctl = session->job.ctl;
  CTL_AUTO (error) err = NULL;
  progress *progress = progress_begin (ctl, "removing the sandbox");
  /* The guest unmounts first, so that what the container wrote is on the host. */
  if (session->container && kata_sandbox_get_state (session->sandbox) == KATA_STATE_RUNNING)
    kata_container_delete (session->container, KATA_DELETE_FORCE, UNMOUNT_MS, NULL);
  int rc = kata_sandbox_delete (session->sandbox, KATA_DELETE_FORCE, &err);
  progress_end (&progress);
  if (rc < 0 && rc != KATA_E_NOT_FOUND)
    output_error (ctl, "what the sandbox had on the host is not all gone ('katactl recover' tries again)", err);
  if (session->lock_fd >= 0)
    record_remove (ctl, session->id);
}

/* The process has ended, or was never started (@ran 0). */
static void
leave (session *session, int ran, int status, const char *why)
{
  ctl *ctl = session->job.ctl;
  stop_monitor (session);
  if (!session->sandbox)
    return;
  if (!ran || !session->keep) {
    if (ran && others_run (session))
      kata_container_delete (session->container, KATA_DELETE_FORCE, UNMOUNT_MS, NULL);
    else
      remove_all (session);
  } else if (kata_sandbox_get_state (session->sandbox) >= 0) { /* else: deleted while it ran */
    if (!others_run (session))
      kata_sandbox_stop (session->sandbox, STOP_MS, NULL);
    if (session->lock_fd >= 0 && kata_sandbox_get_state (session->sandbox) >= 0)
      record_finish (ctl, session->id, status, why);
  }
  if (session->lock_fd >= 0)
    close (session->lock_fd);
  session->lock_fd = -1;
}

/* Runs from a process that lives until its end is recorded and everything is left in order. */
static int
session_attend (session *session, kata_process *process)
{
  ctl *ctl = session->job.ctl;
  int status = -1;
  logfile *log = NULL;
  if (session->detached) {
    g_autofree char *directory = record_directory (ctl, session->id);
    log = logfile_open (directory);
    if (!log)
      output_note (ctl, "no log can be kept in \"%s\": %s", directory, g_strerror (errno));
    if (session->timing)
      timing_print (session->timing, ctl);
    g_atomic_int_set (&session->job.reported, 1);
    supervise_report (ctl, session->id);
  } else if (session->job.terminal && session->interactive) {
    terminal_raw ();
  }
  int rc = attend (session, process, log, &status);
  logfile_close (log);
  leave (session, 1, status, status < 0 ? "the virtual machine ended first" : NULL);
  if (!session->detached)
    timing_print (session->timing, ctl);
  return rc;
}

static int
session_work (job *job)
{
  session *session = (struct session *) job;
  CTL_AUTO (process) process = NULL;
  ctl_note_hypervisor (job->ctl);
  progress *progress = progress_begin (job->ctl, "planning the sandbox");
  int rc = boot (session, progress);
  if (rc < 0)
    rc = make_container (session, progress, &process);
  progress_end (&progress);
  if (rc < 0)
    return session_attend (session, process);
  leave (session, 0, -1, NULL);
  return rc;
}

static int
run_job (session *session)
{
  int rc;
  session->job.abort = session_abort;
  session->job.supervisor = session->detached;
  session->lock_fd = -1;
  rc = job_run (&session->job);
  kata_container_unref (session->container);
  kata_sandbox_unref (session->sandbox);
  g_free (session->id);
  return rc;
}

int
session_run (session *session)
{
  session->job.work = session_work;
  return run_job (session);
}

static int
take_over_work (job *job)
{
  session *session = (struct session *) job;
  CTL_AUTO (process) process = NULL;
  CTL_AUTO (error) err = NULL;
  kata_sandbox *sandbox = NULL;
  session->lock_fd = record_take_over (job->ctl, session->id);
  if (session->lock_fd < 0)
    return output_fail (job->ctl, CTL_FAILED, "\"%s\" cannot be supervised: %s", session->id, g_strerror (errno));
  if (kata_sandbox_open (&sandbox, job->ctl->runtime, session->id, &err) < 0)
    return output_error (job->ctl, NULL, err);
  set_sandbox (session, sandbox);
  if (kata_container_open (&session->container, sandbox, NULL, &err) < 0 ||
      kata_container_get_process (&process, session->container, &err) < 0)
    return output_error (job->ctl, NULL, err);
  start_monitor (session);
  return session_attend (session, process);
}

int
session_take_over (session *session, const char *id)
{
  session->job.work = take_over_work;
  session->id = g_strdup (id);
  session->keep = session->detached = session->interactive = 1; /* its standard input is left as it is */
  return run_job (session);
}
