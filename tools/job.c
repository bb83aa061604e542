/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* job: work in a thread of its own while the main thread answers signals, the terminal's size and the time limit. */
#include "job.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "output.h"
#include "terminal.h"

#define GRACE_US (10 * G_USEC_PER_SEC) /* from SIGTERM or SIGHUP to SIGKILL */
#define FORCE_US (5 * G_USEC_PER_SEC)  /* from SIGKILL to the end of the virtual machine */
#define CALL_MS  5000                  /* for a signal or a resize to reach the guest */
#define HINT_US  (2 * G_USEC_PER_SEC)

static const int job_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGUSR1, SIGUSR2 };

struct job_loop {
  int signal_fd, done_fd;
  int64_t deadline, kill_at, abort_at, hint_at; /* CLOCK_MONOTONIC microseconds, INT64_MAX = never */
  int n_ends;                                   /* how often somebody asked us to end */
  int killed;
  int exit_code;
};

static void
fill_set (sigset_t *set)
{
  sigemptyset (set);
  for (size_t i = 0; i < G_N_ELEMENTS (job_signals); i++)
    sigaddset (set, job_signals[i]);
}

void
job_block_signals (void)
{
  sigset_t set;
  fill_set (&set);
  pthread_sigmask (SIG_BLOCK, &set, NULL);
  signal (SIGPIPE, SIG_IGN);
}

static kata_process *
get_process (job *job)
{
  g_mutex_lock (&job->lock);
  kata_process *process = kata_process_ref (job->process);
  g_mutex_unlock (&job->lock);
  return process;
}

void
job_set_process (job *job, kata_process *process)
{
  g_mutex_lock (&job->lock);
  kata_process_unref (job->process);
  job->process = kata_process_ref (process);
  g_mutex_unlock (&job->lock);
}

int
job_interrupted (job *job)
{
  int signum = g_atomic_int_get (&job->interrupted);
  return signum ? signum : g_atomic_int_get (&job->timed_out);
}

static void
send_signal (job *job, kata_process *process, int signum)
{
  struct job_loop *loop = job->loop;
  int64_t now = g_get_monotonic_time ();
  CTL_AUTO (error) err = NULL;
  if (signum == SIGKILL) {
    loop->killed = 1;
    loop->kill_at = INT64_MAX;
    loop->abort_at = job->abort ? now + FORCE_US : INT64_MAX;
  }
  kata_process_signal (process, signum, CALL_MS, &err); /* a process that has ended just now is no error */
}

static void
end_by_force (job *job)
{
  struct job_loop *loop = job->loop;
  loop->kill_at = loop->abort_at = INT64_MAX;
  if (job->abort)
    job->abort (job);
}

/* INT, TERM, HUP or QUIT: first the container gets it, then it is killed, then its virtual machine, then we go without a word. */
static void
asked_to_end (job *job, int signum)
{
  struct job_loop *loop = job->loop;
  CTL_AUTO (process) process = get_process (job);
  int nth = ++loop->n_ends;
  if (nth > 3 || (nth > 1 && !process && !job->abort)) {
    terminal_restore ();
    _exit (CTL_SIGNAL_BASE + signum);
  }
  if (!process || job->supervisor) {
    g_atomic_int_set (&job->interrupted, signum);
    if (!process)
      end_by_force (job);
    else
      _exit (CTL_OK); /* a supervisor: the container goes on, and can be supervised again */
    return;
  }
  if (nth == 1) {
    loop->hint_at = signum == SIGINT ? g_get_monotonic_time () + HINT_US : INT64_MAX;
    loop->kill_at = signum == SIGINT || signum == SIGQUIT ? INT64_MAX : g_get_monotonic_time () + GRACE_US;
    send_signal (job, process, signum);
  } else if (nth == 2) {
    send_signal (job, process, SIGKILL);
  } else {
    end_by_force (job);
  }
}

static void
took_signal (job *job)
{
  struct signalfd_siginfo info;
  if (read (job->loop->signal_fd, &info, sizeof info) != (ssize_t) sizeof info)
    return;
  int signum = (int) info.ssi_signo;
  if (signum == SIGINT || signum == SIGTERM || signum == SIGHUP || signum == SIGQUIT) {
    asked_to_end (job, signum);
    return;
  }
  CTL_AUTO (process) process = get_process (job);
  uint32_t rows, columns;
  if (!process || job->supervisor)
    return;
  if (signum == SIGWINCH) {
    terminal_size (&rows, &columns);
    if (job->terminal && rows)
      kata_process_resize (process, rows, columns, CALL_MS, NULL); /* too late for a process that has ended */
  } else {
    send_signal (job, process, signum);
  }
}

static void
ran_out_of_time (job *job)
{
  CTL_AUTO (process) process = get_process (job);
  job->loop->deadline = INT64_MAX;
  g_atomic_int_set (&job->timed_out, 1);
  if (process)
    send_signal (job, process, SIGKILL);
  else
    end_by_force (job);
}

static void
output_was_closed (job *job)
{
  CTL_AUTO (process) process = get_process (job);
  uint64_t value;
  if (read (job->closed_fd, &value, sizeof value) < 0)
    return;
  g_atomic_int_set (&job->output_closed, 1);
  if (process)
    send_signal (job, process,
                 SIGKILL); /* what SIGPIPE would do, but the first process of a container need not feel that */
}

static void
look_at_the_clock (job *job)
{
  struct job_loop *loop = job->loop;
  int64_t now = g_get_monotonic_time ();
  if (now >= loop->deadline)
    ran_out_of_time (job);
  if (now >= loop->hint_at) {
    loop->hint_at = INT64_MAX;
    if (isatty (STDERR_FILENO))
      output_note (job->ctl, "the container goes on after SIGINT; press Ctrl-C again to kill it");
  }
  if (now >= loop->kill_at) {
    CTL_AUTO (process) process = get_process (job);
    loop->kill_at = INT64_MAX;
    if (process)
      send_signal (job, process, SIGKILL);
  }
  if (now >= loop->abort_at)
    end_by_force (job);
}

static int
milliseconds_left (struct job_loop *loop)
{
  int64_t next = MIN (MIN (loop->deadline, loop->hint_at), MIN (loop->kill_at, loop->abort_at));
  if (next == INT64_MAX)
    return -1;
  int64_t left = (next - g_get_monotonic_time ()) / 1000 + 1;
  return (int) CLAMP (left, 0, 60 * 1000);
}

static void *
job_thread (void *data)
{
  job *job = data;
  uint64_t one = 1;
  job->loop->exit_code = job->work (job);
  if (write (job->loop->done_fd, &one, sizeof one) < 0)
    g_warn_if_reached ();
  return NULL;
}

/* A supervisor's katactl has gone away before the report: nobody wants this container any more. */
static void
nobody_waits (job *job)
{
  g_atomic_int_set (&job->interrupted, SIGHUP);
  end_by_force (job);
}

static void
main_loop (job *job)
{
  struct job_loop *loop = job->loop;
  int report_fd = job->ctl->report_fd; /* stays open; the other thread forgets it once it has reported */
  for (;;) {
    /* The descriptor to the waiting katactl only ever reports POLLERR: its reader is gone. */
    struct pollfd polls[] = { { .fd = loop->done_fd, .events = POLLIN },
                              { .fd = loop->signal_fd, .events = POLLIN },
                              { .fd = job->closed_fd, .events = POLLIN },
                              { .fd = report_fd, .events = 0 } };
    int n = poll (polls, G_N_ELEMENTS (polls), milliseconds_left (loop));
    if (n < 0 && errno != EINTR)
      break;
    if (n > 0 && polls[0].revents)
      break;
    if (n > 0 && polls[1].revents)
      took_signal (job);
    if (n > 0 && polls[2].revents)
      output_was_closed (job);
    if (n > 0 && (polls[3].revents & POLLERR)) {
      report_fd = -1;
      if (!g_atomic_int_get (&job->reported))
        nobody_waits (job);
    }
    look_at_the_clock (job);
  }
}

int
job_run (job *job)
{
  struct job_loop loop = { .kill_at = INT64_MAX, .abort_at = INT64_MAX, .hint_at = INT64_MAX };
  sigset_t set;
  fill_set (&set);
  loop.deadline = job->timeout_ms > 0 ? job->ctl->started_us + job->timeout_ms * 1000 : INT64_MAX;
  loop.signal_fd = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  loop.done_fd = eventfd (0, EFD_CLOEXEC);
  job->closed_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  job->loop = &loop;
  g_mutex_init (&job->lock);
  GThread *thread = g_thread_new ("work", job_thread, job);
  main_loop (job);
  g_thread_join (thread);
  job_set_process (job, NULL);
  g_mutex_clear (&job->lock);
  close (loop.signal_fd);
  close (loop.done_fd);
  close (job->closed_fd);
  return loop.exit_code;
}
