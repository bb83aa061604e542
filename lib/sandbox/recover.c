/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* recover: one directory after the other; whoever holds a directory's lock is at work there and is left alone. */
#include "sandbox/recover.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/id.h"
#include "host/beneath.h"
#include "sandbox/directory.h"
#include "sandbox/stop.h"
#include "sandbox/undo.h"

#define UNDO_MS 10000

enum verdict { LEAVE, REMOVE, TIDY };

static bool
journal_is_empty (struct kata_operation *op)
{
  g_autoptr (kata_journal_log) log = NULL;
  return kata_journal__load (&log, op->sandbox->dirfd, NULL) == 0 && log->entries->len == 0 && log->bad_lines == 0;
}

/* With the lock held nobody works here: what is half-done stays so for ever. */
static enum verdict
judge (struct kata_operation *op, bool all, kata_error **err)
{
  kata_error *error = NULL;
  kata_sandbox_state *state = NULL;
  if (all)
    return REMOVE;
  if (op->state == NULL) {
    int r = kata_sandbox__load (&state, op->sandbox, &error);
    kata_state__free (state);
    if (r == KATA_E_CORRUPT) {
      kata_error__propagate (err, error);
      return LEAVE;
    }
    kata_error_unref (error);
    return REMOVE; /* being made or being removed: no state yet, or no more */
  }
  if (op->state->state == KATA_STATE_STOPPED)
    return REMOVE;
  if (op->state->state == KATA_STATE_CREATED)
    return journal_is_empty (op) ? LEAVE : REMOVE;
  return TIDY;
}

/* A container that was being made in a sandbox that lives on. */
static int
tidy (struct kata_operation *op, kata_error **err)
{
  g_autoptr (kata_journal_log) log = NULL;
  int r = kata_journal__load (&log, op->sandbox->dirfd, err);
  for (guint i = 0; r == 0 && i < log->entries->len; i++) {
    const struct kata_journal_entry *entry = log->entries->pdata[i];
    if (entry->scope[0] != '\0' && kata_state__container (op->state, entry->scope) == NULL)
      r = kata_undo__replay (op->sandbox->dirfd, entry->scope, kata_deadline__within (INT64_MAX, UNDO_MS),
                             &op->sandbox->runtime->fault, err);
  }
  return r;
}

/*
 * After the state directory's lock was had once: a directory that was just made has its lock by then. It is not held any longer, or who waits here for one
 * sandbox would keep all others from being made. @wait: for who works there.
 */
static int
begin (struct kata_operation *op, kata_sandbox *sandbox, bool wait, int64_t deadline_us, kata_error **err)
{
  const struct kata_operation_options options = {
    .what = "recover",
    .any = true,
    .timeout_ms = wait ? kata_runtime__left_ms (deadline_us) : 0,
  };
  kata_auto_fd int fd = kata_beneath__open (sandbox->runtime->state_fd, ".", O_RDONLY | O_DIRECTORY, 0, false);
  if (fd < 0)
    return kata_error__errno (err, KATA_E_IO, "state_dir", -fd, "open the state directory");
  int r = kata_directory__lock (fd, "state_dir", deadline_us, err);
  if (r != 0)
    return r;
  kata_directory__unlock (fd);
  return kata_operation__begin (op, sandbox, &options, err);
}

static int
recover_one (kata_runtime *runtime, const char *id, bool all, bool wait, uint32_t *n, int64_t deadline_us,
             kata_error **err)
{
  int dirfd = -1;
  g_autoptr (kata_error) error = NULL;
  int r = kata_directory__open (&dirfd, runtime->state_fd, id, &error);
  if (r == KATA_E_NOT_FOUND)
    return 0;
  if (r != 0)
    return kata_error__propagate (err, g_steal_pointer (&error));
  kata_sandbox *sandbox = kata_sandbox__new (runtime, id, dirfd);
  struct kata_operation op;
  r = begin (&op, sandbox, wait, deadline_us, &error);
  if (r == 0) {
    enum verdict verdict = judge (&op, all, &error);
    r = kata_error_get_code (error);
    if (verdict == REMOVE && (r = kata_stop__remove (&op, &error)) == 0) {
      kata_log__write (&runtime->log, KATA_LOG_INFO, "sandbox \"%s\": removed what was left of it", id);
      ++*n;
    } else if (verdict == TIDY) {
      r = tidy (&op, &error);
    }
    kata_operation__end (&op);
  } else if (r == KATA_E_NOT_FOUND || (r == KATA_E_BUSY && !wait)) {
    r = 0; /* gone meanwhile, or somebody works on it */
  }
  kata_sandbox_unref (sandbox);
  return r != 0 ? kata_error__propagate (err, g_steal_pointer (&error)) : 0;
}

int
kata_recover__run (kata_runtime *runtime, bool all, uint32_t *n_recovered, int64_t deadline_us, kata_error **err)
{
  g_auto (GStrv) ids = NULL;
  g_autoptr (kata_error) first = NULL;
  uint32_t n = 0;
  int r = kata_directory__list (&ids, runtime->state_fd, err);
  if (r != 0)
    return r;
  for (size_t i = 0; ids[i] != NULL; i++) {
    kata_error *error = NULL;
    if (kata_deadline__now () >= deadline_us)
      kata_error__set (&error, KATA_E_TIMEOUT, ids[i], "recover: out of time before sandbox \"%s\"", ids[i]);
    else
      recover_one (runtime, ids[i], all, all, &n, deadline_us, &error);
    if (first == NULL)
      first = error;
    else
      kata_error_unref (error);
  }
  if (n_recovered != NULL)
    *n_recovered = n;
  return first != NULL ? kata_error__propagate (err, g_steal_pointer (&first)) : 0;
}

int
kata_recover__sandbox (kata_runtime *runtime, const char *id, int64_t deadline_us, kata_error **err)
{
  uint32_t n = 0;
  int r = kata_id__check ("id", id, err);
  return r != 0 ? r : recover_one (runtime, id, false, true, &n, deadline_us, err);
}
