/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reaper: waits for SIGCHLD in a thread of its own and starts programs, so that no status can be lost in between. */
#include "reaper.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mem.h"
#include "thread.h"

void
reaper_init (struct reaper *reaper)
{
  sigset_t set;
  memset (reaper, 0, sizeof *reaper);
  pthread_mutex_init (&reaper->lock, NULL);
  sigemptyset (&set);
  sigaddset (&set, SIGCHLD);
  pthread_sigmask (SIG_BLOCK, &set, NULL);
}

int
watch_init (struct watch *watch)
{
  memset (watch, 0, sizeof *watch);
  watch->event_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  return watch->event_fd < 0 ? -1 : 0;
}

void
watch_clear (struct watch *watch)
{
  fd_clear (&watch->event_fd);
}

int
watch_status (struct reaper *reaper, struct watch *watch, int *status)
{
  pthread_mutex_lock (&reaper->lock);
  int exited = watch->exited;
  if (exited && status)
    *status = watch->status;
  pthread_mutex_unlock (&reaper->lock);
  return exited;
}

static void
watch_finish (struct watch *watch, int status)
{
  uint64_t one = 1;
  watch->status = status;
  watch->exited = 1;
  while (write (watch->event_fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
}

static void
reaper_take (struct reaper *reaper, pid_t pid, int status)
{
  pthread_mutex_lock (&reaper->lock);
  reaper->serial++;
  struct watch *watch = reaper->watches;
  while (watch && (watch->pid != pid || watch->exited))
    watch = watch->next;
  if (watch) {
    watch_finish (watch, status);
  } else {
    size_t slot = reaper->serial % REAPER_KEPT_MAX;
    reaper->kept[slot].pid = pid;
    reaper->kept[slot].status = status;
    reaper->kept[slot].serial = reaper->serial;
  }
  pthread_mutex_unlock (&reaper->lock);
}

static void *
reaper_run (void *data)
{
  struct reaper *reaper = data;
  sigset_t set;
  int number, status;
  sigemptyset (&set);
  sigaddset (&set, SIGCHLD);
  for (;;) {
    pid_t pid;
    while ((pid = waitpid (-1, &status, WNOHANG)) > 0)
      reaper_take (reaper, pid, status);
    sigwait (&set, &number);
  }
  return NULL;
}

int
reaper_start (struct reaper *reaper)
{
  return thread_start (reaper_run, reaper);
}

uint64_t
reaper_now (struct reaper *reaper)
{
  pthread_mutex_lock (&reaper->lock);
  uint64_t now = reaper->serial;
  pthread_mutex_unlock (&reaper->lock);
  return now;
}

static void
reaper_link (struct reaper *reaper, struct watch *watch, pid_t pid)
{
  watch->pid = pid;
  watch->next = reaper->watches;
  reaper->watches = watch;
}

void
reaper_watch (struct reaper *reaper, struct watch *watch, pid_t pid, uint64_t since)
{
  pthread_mutex_lock (&reaper->lock);
  reaper_link (reaper, watch, pid);
  for (size_t i = 0; i < REAPER_KEPT_MAX; i++)
    if (reaper->kept[i].pid == pid && reaper->kept[i].serial > since) {
      watch_finish (watch, reaper->kept[i].status);
      reaper->kept[i].pid = 0;
      break;
    }
  pthread_mutex_unlock (&reaper->lock);
}

void
reaper_forget (struct reaper *reaper, struct watch *watch)
{
  pthread_mutex_lock (&reaper->lock);
  for (struct watch **at = &reaper->watches; *at; at = &(*at)->next)
    if (*at == watch) {
      *at = watch->next;
      break;
    }
  pthread_mutex_unlock (&reaper->lock);
}

int
reaper_spawn (struct reaper *reaper, struct watch *watch, const char *path, char *const argv[], const int stdio[3])
{
  char search[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  char *const environment[] = { search, NULL };
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, defaults;
  pid_t pid = 0;
  sigemptyset (&none);
  sigemptyset (&defaults);
  sigaddset (&defaults, SIGPIPE);
  posix_spawnattr_init (&attributes);
  posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setsigmask (&attributes, &none);
  posix_spawnattr_setsigdefault (&attributes, &defaults);
  posix_spawn_file_actions_init (&actions);
  int error = 0;
  for (int i = 0; i < 3 && !error; i++)
    error = posix_spawn_file_actions_adddup2 (&actions, stdio[i], i);
  /* Under the lock: the status of a child that ends at once must find its watch. */
  pthread_mutex_lock (&reaper->lock);
  if (!error)
    error = posix_spawn (&pid, path, &actions, &attributes, argv, environment);
  if (!error)
    reaper_link (reaper, watch, pid);
  pthread_mutex_unlock (&reaper->lock);
  posix_spawn_file_actions_destroy (&actions);
  posix_spawnattr_destroy (&attributes);
  return -error;
}
