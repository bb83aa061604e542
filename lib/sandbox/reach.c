/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reach: a connection to the agent that can be relied on: made, asked for a sign of life where there is doubt, made again; nobody is held up by another's try. */
#include <fcntl.h>
#include <sys/stat.h>

#include "sandbox/sandbox.h"

#define SLICE_US (100 * 1000) /* who waits looks this often whether he is still wanted to */
#define CONNECT_MS                                                                                                     \
  2000 /* one try of a connection that is made again: a stop waits for it where an operation makes it */
#define SILENCE_MS 15000 /* an agent that was asked and says nothing for so long is not there */

struct attempt {
  kata_sandbox *sandbox;
  const struct kata_track_patience *patience;
  unsigned cuts;
  bool made;        /* a connection, in this attempt */
  kata_error *last; /* (nullable): of the try before */
};

static bool
same (const struct kata_seen *seen, const struct stat *st)
{
  return seen->ino == st->st_ino && seen->mtime_ns == st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec;
}

struct kata_seen
kata_sandbox__seen (kata_sandbox *sandbox)
{
  g_autoptr (kata_sandbox_state) state = NULL;
  struct stat st;
  g_mutex_lock (&sandbox->lock);
  struct kata_seen seen = sandbox->seen;
  g_mutex_unlock (&sandbox->lock);
  /* Looked at first: what is read then is at least as new. */
  if (fstatat (sandbox->dirfd, KATA_STATE_FILE, &st, AT_SYMLINK_NOFOLLOW) != 0 || same (&seen, &st) ||
      kata_sandbox__load (&state, sandbox, NULL) != 0)
    return seen;
  seen = (struct kata_seen){
    .ino = st.st_ino,
    .mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec,
    .resumes = state->resumes,
    .paused = state->state == KATA_STATE_PAUSED,
  };
  g_mutex_lock (&sandbox->lock);
  sandbox->seen = seen;
  g_mutex_unlock (&sandbox->lock);
  return seen;
}

/* Who stops the sandbox ends the tries of operations, which he waits for; not those of calls that their owner can interrupt. @deadline_us: KATA_E_TIMEOUT, with what the try before said. */
static int
go_on (struct attempt *attempt, kata_error **err)
{
  kata_sandbox *sandbox = attempt->sandbox;
  const struct kata_track_patience *patience = attempt->patience;
  if (patience->interrupts != NULL && g_atomic_int_get (patience->interrupts) != patience->seen)
    return kata_error__set (err, KATA_E_CANCELLED, sandbox->id, "connect to the agent: interrupted by the caller");
  g_mutex_lock (&sandbox->lock);
  bool cut = patience->interrupts == NULL && sandbox->cuts != attempt->cuts;
  g_autoptr (kata_machine) machine = cut && sandbox->machine != NULL ? kata_machine__ref (sandbox->machine) : NULL;
  g_mutex_unlock (&sandbox->lock);
  if (machine != NULL && kata_machine__ended (machine, 0))
    return kata_sandbox__ended_error (sandbox, machine, err);
  if (cut)
    return kata_error__set (err, KATA_E_CANCELLED, sandbox->id, "connect to the agent: sandbox \"%s\" is being stopped",
                            sandbox->id);
  if (kata_deadline__now () < patience->deadline_us)
    return 0;
  if (attempt->last != NULL)
    return kata_error__propagate (err, g_steal_pointer (&attempt->last));
  return kata_error__set (err, KATA_E_TIMEOUT, sandbox->id, "the agent of sandbox \"%s\" does not answer in time",
                          sandbox->id);
}

/* With the lock held. A lost one is dropped, and the reason kept until it is said. */
static kata_link *
usable (kata_sandbox *sandbox, kata_link **stale)
{
  const char *why = NULL;
  if (sandbox->link != NULL && kata_agent__is_lost (kata_link__agent (sandbox->link), &why)) {
    sandbox->lost = true;
    g_free (sandbox->lost_why);
    sandbox->lost_why = g_strdup (why);
    *stale = g_steal_pointer (&sandbox->link);
  }
  return sandbox->link != NULL ? kata_link__ref (sandbox->link) : NULL;
}

/* The present one; or NULL, and then it is this caller's turn to make one (@mine), or he has waited a little for another's. */
static kata_link *
look (struct attempt *attempt, bool *mine)
{
  kata_sandbox *sandbox = attempt->sandbox;
  g_autoptr (kata_link) stale = NULL; /* closed without the lock */
  g_mutex_lock (&sandbox->lock);
  kata_link *link = usable (sandbox, &stale);
  *mine = link == NULL && !sandbox->linking;
  if (*mine)
    sandbox->linking = true;
  else if (link == NULL)
    g_cond_wait_until (&sandbox->linked, &sandbox->lock,
                       MIN (attempt->patience->deadline_us, kata_deadline__now () + SLICE_US));
  g_mutex_unlock (&sandbox->lock);
  return link;
}

static int
make (struct attempt *attempt, bool again, kata_error **err)
{
  kata_sandbox *sandbox = attempt->sandbox;
  g_autoptr (kata_sandbox_state) state = NULL;
  g_autoptr (kata_machine) machine = NULL;
  int r = kata_sandbox__load (&state, sandbox, err);
  if (r == 0)
    r = kata_sandbox__machine (&machine, sandbox, state, err);
  if (r != 0)
    return r;
  if (kata_machine__ended (machine, 0))
    return kata_sandbox__ended_error (sandbox, machine, err);
  r = kata_fault__point (&sandbox->runtime->fault, "backend:connect", err);
  if (r != 0)
    return r;
  int64_t deadline_us = attempt->patience->deadline_us;
  kata_backend_env env =
      kata_sandbox__env (sandbox, NULL, again ? kata_deadline__within (deadline_us, CONNECT_MS) : deadline_us);
  kata_link *link = NULL;
  r = kata_link__new (&link, machine, &env, err);
  if (r != 0)
    return r;
  /* After a loss it has to show first that somebody is there. */
  if (!again)
    kata_link__trust (link, state->resumes);
  g_mutex_lock (&sandbox->lock);
  kata_link *before = sandbox->link;
  sandbox->link = link;
  g_mutex_unlock (&sandbox->lock);
  kata_link__unref (before);
  attempt->made = true;
  return 0;
}

/* As it is this caller's turn. One try of several may run out of its time. */
static int
take_turn (struct attempt *attempt, kata_error **err)
{
  kata_sandbox *sandbox = attempt->sandbox;
  kata_error *error = NULL;
  g_mutex_lock (&sandbox->lock);
  bool again = sandbox->lost;
  g_mutex_unlock (&sandbox->lock);
  int r = make (attempt, again, &error);
  g_mutex_lock (&sandbox->lock);
  sandbox->linking = false;
  g_cond_broadcast (&sandbox->linked);
  g_mutex_unlock (&sandbox->lock);
  if (r != KATA_E_TIMEOUT || !again)
    return r == 0 ? 0 : kata_error__propagate (err, error);
  kata_error_unref (attempt->last);
  attempt->last = error;
  return 0;
}

/* The one place where a loss that was mended is told. */
static void
tell (kata_sandbox *sandbox)
{
  g_mutex_lock (&sandbox->lock);
  g_autofree char *why = g_steal_pointer (&sandbox->lost_why);
  g_mutex_unlock (&sandbox->lock);
  if (why != NULL)
    kata_log__write (&sandbox->runtime->log, KATA_LOG_WARNING,
                     "sandbox \"%s\": the connection to the agent was lost (%s) and made again: output and input that "
                     "were on their way then may be missing",
                     sandbox->id, why);
}

/* 1: it can be relied on; 0: look again; or why nothing comes of it. */
static int
try_link (struct attempt *attempt, kata_link *link, kata_error **err)
{
  kata_sandbox *sandbox = attempt->sandbox;
  struct kata_seen seen = kata_sandbox__seen (sandbox);
  int64_t now = kata_deadline__now (), asked_us = 0;
  /* A guest that is paused says nothing; what is asked of it waits. */
  if (seen.paused)
    return 1;
  switch (kata_link__sign (link, seen.resumes, MIN (attempt->patience->deadline_us, now + SLICE_US), &asked_us)) {
  case KATA_LINK_ALIVE:
    tell (sandbox);
    return 1;
  case KATA_LINK_LOST:
    return !attempt->made ? 0
                          : kata_error__set (err, KATA_E_AGENT, sandbox->id,
                                             "the agent of sandbox \"%s\" ends each connection at once", sandbox->id);
  default:
    if (kata_deadline__now () - asked_us < SILENCE_MS * 1000LL)
      return 0;
    kata_link__shutdown (link);
    return !attempt->made
               ? 0
               : kata_error__set (err, KATA_E_AGENT, sandbox->id,
                                  "the agent of sandbox \"%s\" says nothing over a new connection", sandbox->id);
  }
}

int
kata_sandbox__reach (kata_link **out, kata_sandbox *sandbox, const struct kata_track_patience *patience,
                     kata_error **err)
{
  struct attempt attempt = { .sandbox = sandbox, .patience = patience };
  g_mutex_lock (&sandbox->lock);
  attempt.cuts = sandbox->cuts;
  g_mutex_unlock (&sandbox->lock);
  kata_error *error = NULL;
  int r = 0;
  for (bool first = true; r == 0; first = false) {
    bool mine = false;
    g_autoptr (kata_link) link = look (&attempt, &mine);
    if (mine)
      r = take_turn (&attempt, &error);
    if (link != NULL && (r = try_link (&attempt, link, &error)) == 1)
      *out = g_steal_pointer (&link);
    if (r == 0 && !(first && mine)) /* a connection that was just made is worth a look */
      r = go_on (&attempt, &error);
  }
  kata_error_unref (attempt.last);
  if (r == 1)
    return 0;
  /* A guest that ends closes its connections first. */
  return r == KATA_E_AGENT ? kata_sandbox__blame_end (sandbox, error, patience->deadline_us, err)
                           : kata_error__propagate (err, error);
}

int
kata_sandbox__link (kata_link **out, kata_sandbox *sandbox, int64_t deadline_us, kata_error **err)
{
  const struct kata_track_patience patience = { .deadline_us = deadline_us };
  return kata_sandbox__reach (out, sandbox, &patience, err);
}
