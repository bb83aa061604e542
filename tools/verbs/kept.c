/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kept: two threads per process, one waits for its end, one listens to its proxy; the copying is stream.c's. */
#include "verbs/kept.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "verbs/proxy.h"
#include "stream.h"

#define CALL_MS 10000
#define OOM_MS  2000 /* for the news of a lack of memory, which come beside that of the end */

struct kept {
  kata_process *process;
  kept_fds fds;
  int terminal;
  GThread *waiter, *listener;
  GMutex lock;
  GCond changed;
  int held;  /* kept_run() will come */
  int ended; /* the proxy is told */
  int killed, starved;
  streams *streams;
  sink out, errors;
};

static void
close_fd (int *fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}

/* Nobody on the host can see that the process has ended before its output is written and these are closed. */
static void
end (kept *kept, int status)
{
  struct proxy_packet packet = { .type = PROXY_EXIT, .value = (uint8_t) status };
  close_fd (&kept->fds.input);
  close_fd (&kept->fds.output);
  close_fd (&kept->fds.errors);
  g_mutex_lock (&kept->lock);
  kept->ended = 1;
  g_cond_broadcast (&kept->changed);
  g_mutex_unlock (&kept->lock);
  /* Last: whoever sees the proxy's end may ask us at once. One that was killed needs no answer. */
  send (kept->fds.control, &packet, sizeof packet, MSG_NOSIGNAL);
}

/* Somebody in the guest killed it, and it was not us: whoever hears of the end may ask at once whether the memory was short. */
static void
await_reason (kept *kept)
{
  int64_t until = g_get_monotonic_time () + OOM_MS * 1000;
  g_mutex_lock (&kept->lock);
  while (!kept->killed && !kept->starved && g_cond_wait_until (&kept->changed, &kept->lock, until))
    ;
  g_mutex_unlock (&kept->lock);
}

static void *
wait_thread (void *data)
{
  kept *kept = data;
  int status = 0;
  int rc = kata_process_wait (kept->process, &status, KATA_TIMEOUT_NONE, NULL);
  g_mutex_lock (&kept->lock);
  while (kept->held)
    g_cond_wait (&kept->changed, &kept->lock);
  g_mutex_unlock (&kept->lock);
  if (kept->streams)
    streams_finish (kept->streams, 1, NULL);
  if (rc == 0 && status == 128 + SIGKILL)
    await_reason (kept);
  end (kept, rc == 0 ? status : PROXY_LOST);
  return NULL;
}

static void *
listen_thread (void *data)
{
  kept *kept = data;
  struct proxy_packet packet;
  ssize_t n;
  while ((n = recv (kept->fds.control, &packet, sizeof packet, 0)) == (ssize_t) sizeof packet) {
    if (packet.type == PROXY_SIGNAL && packet.value == SIGTERM)
      kept_note (kept, KEPT_KILLED);
    if (packet.type == PROXY_SIGNAL)
      kata_process_signal (kept->process, packet.value, CALL_MS, NULL); /* one that has just ended is no error */
    else if (packet.type == PROXY_RESIZE && packet.rows && packet.columns)
      kata_process_resize (kept->process, packet.rows, packet.columns, CALL_MS, NULL);
  }
  /* Killed on the host: what it stood for shall not live on. */
  kept_note (kept, KEPT_KILLED);
  if (!kept_has_ended (kept))
    kata_process_signal (kept->process, SIGKILL, CALL_MS, NULL);
  return NULL;
}

kept *
kept_new (kata_process *process, const kept_fds *fds, int terminal, int running)
{
  kept *kept = g_new0 (struct kept, 1);
  kept->process = kata_process_ref (process);
  kept->fds = *fds;
  kept->terminal = terminal;
  kept->held = running; /* before the waiter can see that it has ended */
  g_mutex_init (&kept->lock);
  g_cond_init (&kept->changed);
  kept->out = fds->output >= 0 ? sink_fd (fds->output) : terminal ? sink_fd (fds->input) : sink_null ();
  kept->errors = fds->errors >= 0 ? sink_fd (fds->errors) : sink_null ();
  kept->waiter = g_thread_new ("wait", wait_thread, kept);
  kept->listener = g_thread_new ("proxy", listen_thread, kept);
  return kept;
}

void
kept_hold (kept *kept)
{
  g_mutex_lock (&kept->lock);
  kept->held = 1;
  g_mutex_unlock (&kept->lock);
}

void
kept_run (kept *kept, int started)
{
  streams_options options = {
    .out = &kept->out, .err = kept->terminal ? NULL : &kept->errors, .input = kept->fds.input, .closed_fd = -1
  };
  g_mutex_lock (&kept->lock);
  if (started && !kept->ended && !kept->streams) {
    kept->streams = streams_start (kept->process, &options);
    if (options.input < 0)
      kata_process_close_stdin (kept->process, CALL_MS, NULL); /* fails only when it has ended already */
  }
  kept->held = 0;
  g_cond_broadcast (&kept->changed);
  g_mutex_unlock (&kept->lock);
}

void
kept_note (kept *kept, int what)
{
  g_mutex_lock (&kept->lock);
  if (what == KEPT_STARVED)
    kept->starved = 1;
  else
    kept->killed = 1;
  g_cond_broadcast (&kept->changed);
  g_mutex_unlock (&kept->lock);
}

int
kept_has_ended (kept *kept)
{
  g_mutex_lock (&kept->lock);
  int ended = kept->ended;
  g_mutex_unlock (&kept->lock);
  return ended;
}

int
kept_is_orphan (kept *kept)
{
  struct pollfd proxy = { .fd = kept->fds.control, .events = POLLRDHUP };
  return poll (&proxy, 1, 0) > 0 && (proxy.revents & (POLLHUP | POLLRDHUP));
}

int
kept_wait (kept *kept, int64_t timeout_ms)
{
  int64_t until = g_get_monotonic_time () + timeout_ms * 1000;
  g_mutex_lock (&kept->lock);
  while (!kept->ended && g_cond_wait_until (&kept->changed, &kept->lock, until))
    ;
  int ended = kept->ended;
  g_mutex_unlock (&kept->lock);
  return ended ? 0 : -1;
}

void
kept_free (kept *kept)
{
  g_thread_join (kept->waiter);
  shutdown (kept->fds.control, SHUT_RDWR);
  g_thread_join (kept->listener);
  close_fd (&kept->fds.control);
  kata_process_unref (kept->process);
  g_mutex_clear (&kept->lock);
  g_cond_clear (&kept->changed);
  g_free (kept);
}
