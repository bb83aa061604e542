/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process: streams, signals and end of one process; takes no lock while it waits for the guest. */
#include "sandbox/process.h"

#include "sandbox/again.h"

#define REQUEST_MS 60000

/* Nothing but its own handle ever asks for an exec: its track goes with the handle, and its id can be used again. */
static kata_process *
process_new (kata_container *container, const char *exec_id, bool terminal)
{
  kata_process *process = g_new0 (kata_process, 1);
  g_atomic_ref_count_init (&process->refs);
  process->container = kata_container_ref (container);
  process->exec_id = g_strdup (exec_id);
  process->terminal = terminal;
  g_mutex_init (&process->lock);
  process->writes = g_ptr_array_new ();
  process->track = exec_id[0] != '\0' ? kata_track__new (container->id, exec_id)
                                      : kata_sandbox__track (container->sandbox, container->id, "");
  return process;
}

void
kata_process__free (kata_process *process)
{
  kata_track__unref (process->track);
  g_ptr_array_unref (process->writes);
  g_mutex_clear (&process->lock);
  kata_container_unref (process->container);
  g_free (process->exec_id);
  g_free (process);
}

int
kata_process__of_container (kata_process **out, kata_container *container, kata_error **err)
{
  g_autoptr (kata_sandbox_state) state = NULL;
  struct kata_container_state *found = NULL;
  int r = kata_container__look (container, &state, &found, err);
  if (r == 0)
    *out = process_new (container, "", found->terminal);
  return r;
}

kata_process *
kata_process__new_exec (kata_container *container, const char *exec_id, bool terminal)
{
  return process_new (container, exec_id, terminal);
}

int
kata_process__finish (kata_process *process, kata_link *link, int r, kata_error *error, kata_error **err)
{
  return r != 0 ? kata_sandbox__explain (process->container->sandbox, link, error, err) : 0;
}

static int
check_there (kata_container *container, kata_error **err)
{
  if (g_atomic_int_get (&container->deleted) != 0)
    return kata_error__set (err, KATA_E_NOT_FOUND, container->id, "no container \"%s\" in sandbox \"%s\"",
                            container->id, container->sandbox->id);
  return 0;
}

static struct kata_track_patience
patience_of (const gint *interrupts, int64_t deadline_us)
{
  return (struct kata_track_patience){ deadline_us, interrupts, g_atomic_int_get (interrupts), true };
}

/* Who has no end of patience has one until there is a connection. */
int
kata_process__reach (kata_link **link, kata_process *process, const struct kata_track_patience *patience,
                     kata_error **err)
{
  struct kata_track_patience first = *patience;
  kata_container *container = process->container;
  if (first.deadline_us == INT64_MAX)
    first.deadline_us = kata_runtime__deadline (REQUEST_MS, 0);
  int r = check_there (container, err);
  return r != 0 ? r : kata_sandbox__reach (link, container->sandbox, &first, err);
}

/* Each call in flight compares the count with what it was when the call began. */
void
kata_process__interrupt (kata_process *process, uint32_t calls)
{
  g_mutex_lock (&process->lock);
  if ((calls & KATA_CALL_READ) != 0)
    g_atomic_int_inc (&process->interrupts.read);
  if ((calls & KATA_CALL_WAIT) != 0)
    g_atomic_int_inc (&process->interrupts.wait);
  if ((calls & KATA_CALL_WRITE) != 0) {
    g_atomic_int_inc (&process->interrupts.write);
    for (guint i = 0; i < process->writes->len; i++)
      kata_agent_pending__cancel (process->writes->pdata[i]);
  }
  g_mutex_unlock (&process->lock);
  kata_track__wake (process->track);
}

int
kata_process__read (kata_process *process, bool from_stderr, void *buffer, size_t length, size_t *n_read,
                    int64_t timeout_ms, kata_error **err)
{
  g_autoptr (kata_link) link = NULL;
  kata_error *error = NULL;
  int status = 0;
  int64_t deadline_us = kata_runtime__deadline (timeout_ms, KATA_TIMEOUT_NONE);
  const struct kata_track_patience patience = patience_of (&process->interrupts.read, deadline_us);
  struct kata_again again = { .sandbox = process->container->sandbox, .patience = &patience };
  int r = kata_process__reach (&link, process, &patience, err);
  if (r != 0)
    return r;
  do
    r = kata_track__read (process->track, link, from_stderr, buffer, length, n_read, &patience, &error);
  while ((r = kata_again__call (&again, &link, r, &error)) == 1);
  /* An agent forgets a process that has ended and was waited for; its streams have ended with it. */
  if (r == KATA_E_NOT_FOUND && kata_track__ended (process->track, &status)) {
    kata_error_unref (error);
    *n_read = 0;
    return 0;
  }
  return r != 0 ? kata_error__propagate (err, error) : 0;
}

int
kata_process__close_stdin (kata_process *process, int64_t timeout_ms, kata_error **err)
{
  g_autoptr (kata_link) link = NULL;
  kata_error *error = NULL;
  const struct kata_track_patience patience = { .deadline_us = kata_runtime__deadline (timeout_ms, REQUEST_MS) };
  struct kata_again again = { .sandbox = process->container->sandbox, .patience = &patience };
  int r = kata_process__reach (&link, process, &patience, err);
  if (r != 0)
    return r;
  do /* closed twice is closed */
    r = kata_agent__close_stdin (kata_link__agent (link), process->container->id, process->exec_id,
                                 kata_runtime__left_ms (patience.deadline_us), &error);
  while ((r = kata_again__call (&again, &link, r, &error)) == 1);
  if (r == 0)
    g_atomic_int_set (&process->stdin_closed, 1);
  return r != 0 ? kata_error__propagate (err, error) : 0;
}

int
kata_process__resize (kata_process *process, uint32_t rows, uint32_t columns, int64_t timeout_ms, kata_error **err)
{
  g_autoptr (kata_link) link = NULL;
  kata_error *error = NULL;
  if (!process->terminal)
    return kata_error__set (err, KATA_E_STATE, process->container->id, "resize: the process has no terminal");
  const struct kata_track_patience patience = { .deadline_us = kata_runtime__deadline (timeout_ms, REQUEST_MS) };
  struct kata_again again = { .sandbox = process->container->sandbox, .patience = &patience };
  int r = kata_process__reach (&link, process, &patience, err);
  if (r != 0)
    return r;
  do
    r = kata_agent__winsize (kata_link__agent (link), process->container->id, process->exec_id, rows, columns,
                             kata_runtime__left_ms (patience.deadline_us), &error);
  while ((r = kata_again__call (&again, &link, r, &error)) == 1);
  return r != 0 ? kata_error__propagate (err, error) : 0;
}

int
kata_process__signal (kata_process *process, int signum, int64_t timeout_ms, kata_error **err)
{
  g_autoptr (kata_link) link = NULL;
  kata_error *error = NULL;
  int status = 0;
  if (kata_track__ended (process->track, &status))
    return kata_error__set (err, KATA_E_NOT_FOUND, process->container->id, "signal: the process has ended");
  const struct kata_track_patience patience = { .deadline_us = kata_runtime__deadline (timeout_ms, REQUEST_MS) };
  int r = kata_process__reach (&link, process, &patience, err);
  if (r != 0)
    return r;
  r = kata_agent__signal (kata_link__agent (link), process->container->id, process->exec_id, signum,
                          kata_runtime__left_ms (patience.deadline_us), &error);
  return kata_process__finish (process, link, r, error, err);
}

/* What was written down: also the answer after the guest has ended. */
static bool
written_status (kata_process *process, int *status)
{
  g_autoptr (kata_sandbox_state) state = NULL;
  struct kata_container_state *found = NULL;
  if (process->exec_id[0] != '\0' || kata_container__look (process->container, &state, &found, NULL) != 0)
    return false;
  *status = found->exit_status;
  return found->exit_status >= 0;
}

/* *status is set when the result is 0. */
static int
wait_for_end (kata_process *process, int *status, int64_t timeout_ms, kata_error **err)
{
  g_autoptr (kata_link) link = NULL;
  kata_error *error = NULL;
  int64_t deadline_us = kata_runtime__deadline (timeout_ms, KATA_TIMEOUT_NONE);
  const struct kata_track_patience patience = patience_of (&process->interrupts.wait, deadline_us);
  struct kata_again again = { .sandbox = process->container->sandbox, .patience = &patience };
  if (kata_track__ended (process->track, status) || written_status (process, status))
    return 0;
  int r = kata_process__reach (&link, process, &patience, err);
  if (r != 0)
    return r;
  do
    r = kata_track__wait (process->track, link, status, &patience, &error);
  while ((r = kata_again__call (&again, &link, r, &error)) == 1);
  if (r == 0 && process->exec_id[0] == '\0')
    kata_container__note_exit (process->container, *status);
  /* A stop that was orderly has written it down before it cut the connection. */
  if (r != 0 && r != KATA_E_TIMEOUT && r != KATA_E_CANCELLED && written_status (process, status)) {
    kata_error_unref (error);
    return 0;
  }
  return r != 0 ? kata_error__propagate (err, error) : 0;
}

int
kata_process__wait (kata_process *process, int *exit_status, int64_t timeout_ms, kata_error **err)
{
  int status = -1;
  int r = wait_for_end (process, &status, timeout_ms, err);
  if (r == 0)
    *exit_status = status;
  return r;
}
